import type { Way } from "./carrying";

/** How long bytes may be counted in memory alone; so much is lost with an object that dies. */
const KEPT_EVERY_MS = 60_000;

/** Bytes of agents' connections: added up in memory, and kept once a minute, for a write would cost more than a frame. */
export class CarriedBytes {
  readonly #sums = new Map<Way, number>();
  #due: ReturnType<typeof setTimeout> | undefined;
  #ended = false;

  /** @param write keeps what was added up since it was called last */
  constructor(private readonly write: (sums: ReadonlyMap<Way, number>) => void) {}

  add(way: Way, bytes: number): void {
    if (this.#ended) return;
    this.#sums.set(way, (this.#sums.get(way) ?? 0) + bytes);
    this.#due ??= setTimeout(() => this.keep(), KEPT_EVERY_MS);
  }

  /** Keeps what is in memory, now. */
  keep(): void {
    clearTimeout(this.#due);
    this.#due = undefined;
    if (this.#sums.size === 0) return;
    this.write(this.#sums);
    this.#sums.clear();
  }

  /** Forgets what is in memory, and counts nothing from here on. */
  end(): void {
    this.#ended = true;
    this.#sums.clear();
    this.keep();
  }
}
