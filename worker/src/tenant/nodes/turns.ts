import { within } from "../deadline";

/** Whoever waits for its turn does not care how the one before it ended; that one's caller heard of it. */
function ignore(): void {}

/**
 * Work on one container, one piece after the other. A piece that hangs loses its turn after its time; it may wake up
 * later, so it asks after each wait whether it is still its turn.
 */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();
  #current = 0;

  /**
   * @param ms how long `work` may take
   * @param work gets a check that throws once its turn is over
   */
  take<T>(ms: number, work: (stillMine: () => void) => Promise<T>): Promise<T> {
    const turn = this.#last.then(() => this.#run(ms, work));
    this.#last = turn.catch(ignore);
    return turn;
  }

  async #run<T>(ms: number, work: (stillMine: () => void) => Promise<T>): Promise<T> {
    this.#current += 1;
    const mine = this.#current;
    const stillMine = () => {
      if (mine !== this.#current) throw new Error("It took too long, and others had their turn since.");
    };
    try {
      return await within(ms, work(stillMine));
    } finally {
      this.#current += 1;
    }
  }
}
