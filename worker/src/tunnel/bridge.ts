import { ignoreClosed } from "./closing";
import { FrameGuard, FrameRefused } from "./frames";

export interface BridgeLimits {
  /** Bytes from the agent that the manager has not taken yet; above it the connection ends with 1013. */
  maxUnsentUp: number;
  /** Bytes for the agent that it has not taken yet; above it nothing more is read from the manager. */
  maxUnsentDown: number;
  /** Bytes still tolerated (and thrown away) after a close that the client does not heed. */
  maxAfterClose: number;
  /** A connection without a byte from the agent for this long is ended; agents send a keepalive every few seconds. */
  idleMs: number;
  /** How long an agent may take to drain what was read for it. */
  stalledMs: number;
}

export const BRIDGE_LIMITS: BridgeLimits = {
  maxUnsentUp: 1024 * 1024,
  maxUnsentDown: 4 * 1024 * 1024,
  maxAfterClose: 256 * 1024,
  idleMs: 5 * 60_000,
  stalledMs: 60_000,
};

/** Larger writes would sit in buffers as one piece. */
const CHUNK_BYTES = 64 * 1024;
const FIRST_READ_BYTES = 16 * 1024;
const LARGEST_READ_BYTES = 1024 * 1024;
const POLL_MS = 2;

const CLOSE = { done: 1000, idle: 1001, refused: 1008, overflow: 1013, upstream: 1012, unsupported: 1003 } as const;
type End = keyof typeof CLOSE;

/**
 * Carries one agent connection between a WebSocket and a byte stream.
 *
 * The runtime pushes WebSocket messages without any backpressure, so this counts what the upstream has not taken and gives
 * up on a connection above a small bound. Whichever side ends, the other is closed in the same moment: a manager that still
 * holds the old socket refuses the agent for a minute.
 */
export class Bridge {
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #guard: FrameGuard;
  #unsent = 0;
  #afterClose = 0;
  #lastHeard = Date.now();
  #ended = false;
  #idleCheck: ReturnType<typeof setInterval> | undefined;

  constructor(
    private readonly client: WebSocket,
    private readonly upstream: Socket,
    agent: string,
    private readonly limits: BridgeLimits = BRIDGE_LIMITS,
  ) {
    this.#guard = new FrameGuard(agent);
    this.#writer = upstream.writable.getWriter();
    this.#writer.closed.catch(ignoreClosed);
    upstream.closed.catch(ignoreClosed);
  }

  /** Starts both directions; the WebSocket must be accepted already. */
  start(): void {
    this.client.binaryType = "arraybuffer";
    this.client.addEventListener("message", (event) => this.#hear(event.data));
    this.client.addEventListener("close", () => this.#end("done"));
    this.client.addEventListener("error", () => this.#end("done"));
    this.#idleCheck = setInterval(() => this.#checkIdle(), Math.min(this.limits.idleMs, 30_000));
    void this.#pump();
  }

  #hear(data: unknown): void {
    if (this.#ended) this.#discard(data);
    else if (data instanceof ArrayBuffer) this.#check(new Uint8Array(data));
    else this.#end("unsupported", "only binary frames");
  }

  #check(bytes: Uint8Array): void {
    this.#lastHeard = Date.now();
    try {
      this.#send(this.#guard.push(bytes));
    } catch (reason) {
      if (!(reason instanceof FrameRefused)) throw reason;
      this.#end("refused", reason.message);
    }
  }

  /**
   * A client that goes on sending after our close would keep its connection, and its place in memory, for ever. Nothing in
   * the API cuts a WebSocket; an error out of its listener does.
   */
  #discard(data: unknown): void {
    this.#afterClose += data instanceof ArrayBuffer ? data.byteLength : String(data).length;
    if (this.#afterClose > this.limits.maxAfterClose)
      throw new Error("tunnel: dropped a client that ignored its close");
  }

  #send(bytes: Uint8Array): void {
    this.#unsent += bytes.byteLength;
    if (this.#unsent > this.limits.maxUnsentUp) {
      this.#end("overflow", "the manager does not keep up");
      return;
    }
    for (let at = 0; at < bytes.byteLength; at += CHUNK_BYTES) {
      const piece = bytes.subarray(at, at + CHUNK_BYTES);
      this.#writer.write(piece).then(
        () => {
          this.#unsent -= piece.byteLength;
        },
        () => this.#end("upstream", "the manager closed the connection"),
      );
    }
  }

  async #pump(): Promise<void> {
    const reader = this.upstream.readable.getReader({ mode: "byob" });
    reader.closed.catch(ignoreClosed);
    let size = FIRST_READ_BYTES;
    let buffer = new ArrayBuffer(size);
    try {
      while (await this.#hasRoom()) {
        const { value, done } = await reader.read(new Uint8Array(buffer));
        if (done || !value) break;
        this.client.send(value);
        // A full read means there is more: fewer, larger reads are several times faster.
        const full = value.byteLength === size && size < LARGEST_READ_BYTES;
        size = full ? size * 4 : size;
        buffer = full ? new ArrayBuffer(size) : value.buffer;
      }
      this.#end("upstream", "the manager closed the connection");
    } catch {
      // Reading fails once either side is gone; that is how a connection ends, not a fault.
      this.#end("upstream", "the manager closed the connection");
    }
  }

  /** Waits while the agent has too much to take; false once the connection is over. */
  async #hasRoom(): Promise<boolean> {
    const deadline = Date.now() + this.limits.stalledMs;
    while (!this.#ended && this.client.bufferedAmount > this.limits.maxUnsentDown) {
      if (Date.now() > deadline) this.#end("overflow", "the agent does not keep up");
      await scheduler.wait(POLL_MS);
    }
    return !this.#ended;
  }

  #checkIdle(): void {
    if (Date.now() - this.#lastHeard >= this.limits.idleMs) this.#end("idle", "nothing came from the agent");
  }

  #end(how: End, reason = ""): void {
    if (this.#ended) return;
    this.#ended = true;
    clearInterval(this.#idleCheck);
    this.#writer.abort(reason).catch(ignoreClosed);
    this.upstream.close().catch(ignoreClosed);
    if (this.client.readyState === WebSocket.OPEN || this.client.readyState === WebSocket.CLOSING) {
      this.client.close(CLOSE[how], reason);
    }
  }
}
