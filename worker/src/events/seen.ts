/**
 * The keys of the newest events, so that a batch a node sends again is not written again.
 *
 * A bounded window, not an index row an event: a sender repeats what was not acknowledged moments ago, never something
 * from last week.
 */
export class SeenKeys {
  readonly #keys: Set<string>;

  /** @param newestFirst the keys to start from, as the log holds them. */
  constructor(
    newestFirst: string[],
    private readonly capacity: number,
  ) {
    this.#keys = new Set(newestFirst.reverse());
  }

  has(key: string): boolean {
    return this.#keys.has(key);
  }

  /** Remembers keys that are now durable, forgetting the oldest beyond the capacity. */
  remember(keys: Iterable<string>): void {
    for (const key of keys) this.#keys.add(key);
    for (const key of this.#keys) {
      if (this.#keys.size <= this.capacity) return;
      this.#keys.delete(key);
    }
  }
}
