/**
 * The documents that were read from the journal last, so that one which its manager sent again is in an export once.
 *
 * A window like that of events/seen.ts, since a sender repeats what was not acknowledged a while ago; it lies in one row,
 * so that an export that goes on after a restart knows it too.
 */
const CAPACITY = 100_000;
/** Of an id, which is a SHA-256 in hex: enough that no two of a window are taken for one. */
const KEPT_BYTES = 8;

export class RecentIds {
  readonly #ids: Set<string>;

  constructor(stored: ArrayBuffer | null) {
    const text = Buffer.from(stored ?? new ArrayBuffer(0)).toString("hex");
    this.#ids = new Set(text.match(new RegExp(`.{${2 * KEPT_BYTES}}`, "g")));
  }

  /** @returns whether it is a new one */
  take(id: string): boolean {
    const short = id.slice(0, 2 * KEPT_BYTES);
    if (this.#ids.has(short)) return false;
    this.#ids.add(short);
    return true;
  }

  /** For the constructor; the oldest beyond the capacity are forgotten. */
  stored(): Uint8Array {
    return Buffer.from([...this.#ids].slice(-CAPACITY).join(""), "hex");
  }
}
