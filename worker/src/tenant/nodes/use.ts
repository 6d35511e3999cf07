/** How much a node is used at this moment, as the tenant object asks for it before it lets the tenant sleep. */
export interface Use {
  /** Connections and requests that are open. */
  open: number;
  /** When one was last opened or ended, in milliseconds since 1970. */
  last_at: number;
}

/** Counts what is open, in memory only: noting a request must cost nothing. */
export class Usage {
  #open = 0;
  /** An object that forgot counts as just used. */
  #lastAt = Date.now();

  get told(): Use {
    return { open: this.#open, last_at: this.#lastAt };
  }

  touch(): void {
    this.#lastAt = Date.now();
  }

  /** @returns what to call once it has ended; a second call does nothing */
  enter(): () => void {
    this.#open += 1;
    this.touch();
    let left = false;
    return () => {
      if (left) return;
      left = true;
      this.#open -= 1;
      this.touch();
    };
  }

  async during<T>(work: Promise<T>): Promise<T> {
    const leave = this.enter();
    try {
      return await work;
    } finally {
      leave();
    }
  }
}
