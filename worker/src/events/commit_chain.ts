import { log } from "../log";

interface Waiting<Item, Result> {
  item: Item;
  resolve(result: Result): void;
  reject(reason: unknown): void;
}

/**
 * Group commit without a timer: whatever queued up while the last group became durable is the next group.
 *
 * An idle log commits a single item at once; a busy one shares each wait for the disk among all its callers.
 *
 * @param commit writes one group inside one transaction and returns a result for each item, in order.
 * @param durable resolves when everything committed so far is on disk (`storage.sync`).
 * @param announce runs after a group is durable, before its callers hear of it; its failure is not theirs, since a
 *   caller that is told of one sends again what is already there.
 */
export class CommitChain<Item, Result> {
  #queue: Waiting<Item, Result>[] = [];
  #running = false;

  constructor(
    private readonly commit: (items: Item[]) => Result[],
    private readonly durable: () => Promise<void>,
    private readonly announce: () => void = () => {},
  ) {}

  /** Queues one item; resolves with its result once it is durable, rejects if its group could not be written. */
  add(item: Item): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ item, resolve, reject });
      void this.#run();
    });
  }

  async #run(): Promise<void> {
    if (this.#running) return;
    this.#running = true;
    try {
      while (this.#queue.length > 0) await this.#flush(this.#queue.splice(0));
    } finally {
      this.#running = false;
    }
  }

  async #flush(group: Waiting<Item, Result>[]): Promise<void> {
    try {
      const results = this.commit(group.map((waiting) => waiting.item));
      await this.durable();
      this.#announceQuietly();
      for (const [index, waiting] of group.entries()) waiting.resolve(results[index] as Result);
    } catch (reason) {
      for (const waiting of group) waiting.reject(reason);
    }
  }

  #announceQuietly(): void {
    try {
      this.announce();
    } catch (reason) {
      log("error", "a durable group was not announced", { error: String(reason) });
    }
  }
}
