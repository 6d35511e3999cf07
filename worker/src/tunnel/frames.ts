/** The largest frame the agent channel knows (`OS_MAXSTR` of Wazuh 4.x). */
export const MAX_FRAME_BYTES = 65_536;

const LENGTH_BYTES = 4;
const PING = new TextEncoder().encode("#ping");

/** A frame that may not reach the manager; the message says why, without its content. */
export class FrameRefused extends Error {}

/**
 * Lets through only frames of one agent.
 *
 * A frame of the agent channel is a little-endian length and a payload `!<agent id>!#AES:…` (or the clear `#ping`). The
 * manager picks the key by that id, so a connector with one agent's credential could otherwise speak as any agent whose key
 * it has. Chunks arrive with meaningless boundaries; only an undecided frame head is held back, at most a few bytes.
 */
export class FrameGuard {
  readonly #prefix: Uint8Array;
  #held = new Uint8Array(0);
  /** Bytes of an approved frame that are still to come. */
  #open = 0;

  constructor(agent: string) {
    this.#prefix = new TextEncoder().encode(`!${agent}!`);
  }

  /**
   * Takes the next bytes of the connection.
   * @returns what may go on, in order; possibly empty while a head is incomplete.
   * @throws FrameRefused for another agent's frame, an oversized or an empty one
   */
  push(chunk: Uint8Array): Uint8Array {
    const bytes = this.#held.length > 0 ? concat(this.#held, chunk) : chunk;
    let at = 0;
    while (at < bytes.length) {
      if (this.#open === 0 && !this.#decide(bytes.subarray(at))) break;
      const passed = Math.min(this.#open, bytes.length - at);
      this.#open -= passed;
      at += passed;
    }
    this.#held = bytes.slice(at);
    return bytes.subarray(0, at);
  }

  /** Approves the frame that starts here, or returns false while too little of it is known. */
  #decide(head: Uint8Array): boolean {
    if (head.length < LENGTH_BYTES) return false;
    const length = new DataView(head.buffer, head.byteOffset, LENGTH_BYTES).getUint32(0, true);
    if (length === 0 || length > MAX_FRAME_BYTES) throw new FrameRefused(`a frame of ${length} bytes`);
    const expected = length === PING.length ? PING : this.#prefix;
    if (length < expected.length) throw new FrameRefused("a frame shorter than its agent id");
    const payload = head.subarray(LENGTH_BYTES, LENGTH_BYTES + expected.length);
    if (!startsAlike(payload, expected))
      throw new FrameRefused("a frame that does not carry the credential's agent id");
    if (payload.length < expected.length) return false;
    this.#open = LENGTH_BYTES + length;
    return true;
  }
}

/** Whether the bytes at hand agree with the expected ones; a shorter head may still become right. */
function startsAlike(bytes: Uint8Array, expected: Uint8Array): boolean {
  return bytes.every((byte, index) => byte === expected[index]);
}

function concat(first: Uint8Array, second: Uint8Array): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(first.length + second.length);
  joined.set(first);
  joined.set(second, first.length);
  return joined;
}
