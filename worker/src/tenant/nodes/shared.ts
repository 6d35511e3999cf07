/** Work that several callers ask for while it goes on: they share one piece and its end. */
export class Shared<T> {
  readonly #going = new Map<string, Promise<T>>();

  /** @param key of the piece; another one has work of its own */
  take(key: string, work: () => Promise<T>): Promise<T> {
    const going = this.#going.get(key) ?? work().finally(() => this.#going.delete(key));
    this.#going.set(key, going);
    return going;
  }
}
