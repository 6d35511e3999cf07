import { ignoreClosed } from "./closing";
import { FrameGuard, FrameRefused } from "./frames";
import type { Room } from "./room";

export interface BridgeLimits {
  /** Bytes from the client that the upstream has not taken yet; above it the connection ends with 1013. */
  maxUnsentUp: number;
  /** Bytes for the client that it has not taken yet; above it nothing more is read from the upstream. */
  maxUnsentDown: number;
  /** Bytes still tolerated (and thrown away) after a close that the client does not heed. */
  maxAfterClose: number;
  /** A connection without a byte from the client for this long is ended; null: one that is idle stays. */
  idleMs: number | null;
  /** How long a client may take to drain what was read for it. */
  stalledMs: number;
}

/** Who speaks through a bridge, and what is done with what they say. */
export interface Carriage {
  limits: BridgeLimits;
  /** What the two ends are called where a connection's end is told. */
  client: string;
  upstream: string;
  /** Whether the client hears, as a number in a text frame, how many of its bytes were taken: then it can wait in time. */
  tellsTaken: boolean;
  /** What is held for all connections that share it; null where each has its own bound alone. */
  room: Room | null;
  /** What of the client's next bytes may go on. @throws FrameRefused where none may, and the connection must end */
  push(chunk: Uint8Array): Uint8Array;
}

/**
 * Agents send a keepalive every ten seconds, and may be told to wait for up to ten minutes: after that a manager counts
 * them as disconnected (`agents_disconnection_time`).
 */
export const AGENT_LIMITS: BridgeLimits = {
  maxUnsentUp: 1024 * 1024,
  maxUnsentDown: 1024 * 1024,
  maxAfterClose: 256 * 1024,
  idleMs: 11 * 60_000,
  stalledMs: 60_000,
};

/** An agent's connection: only frames of that agent. */
export function ofAgent(agent: string, room: Room, limits = AGENT_LIMITS): Carriage {
  const guard = new FrameGuard(agent);
  return { limits, client: "agent", upstream: "manager", tellsTaken: false, room, push: (chunk) => guard.push(chunk) };
}

/** A machine that enrolls by Wazuh's own protocol: TLS, of which the edge sees nothing, with one line in it. */
export function ofEnrolling(room: Room): Carriage {
  const limits = { ...AGENT_LIMITS, maxUnsentUp: 64 * 1024, maxUnsentDown: 64 * 1024, idleMs: 30_000 };
  return { limits, client: "machine", upstream: "manager", tellsTaken: false, room, push: (chunk) => chunk };
}

/**
 * A connection between two nodes of a role: any bytes, and as many as they have for each other. A peer may be busy with
 * itself for longer than an agent (OpenSearch collects its garbage).
 */
export const BETWEEN_NODES: Carriage = {
  limits: { ...AGENT_LIMITS, idleMs: null, stalledMs: 5 * 60_000 },
  ...{ client: "peer", upstream: "node", tellsTaken: true, room: null, push: (chunk: Uint8Array) => chunk },
};

/** How many bytes are taken between two tellings; a quarter of what a node's own tunnel has under way at most. */
const TELL_EVERY_BYTES = 128 * 1024;

/** Larger writes would sit in buffers as one piece. */
const CHUNK_BYTES = 64 * 1024;
const FIRST_READ_BYTES = 16 * 1024;
const LARGEST_READ_BYTES = 256 * 1024;
const POLL_MS = 2;
const FLUSH_MS = 500;

const CLOSE = { done: 1000, idle: 1001, refused: 1008, overflow: 1013, upstream: 1012, unsupported: 1003 } as const;
type End = keyof typeof CLOSE;

/**
 * Carries one connection between a WebSocket and a byte stream.
 *
 * The runtime pushes WebSocket messages without any backpressure, so this counts what the upstream has not taken and gives
 * up on a connection above a small bound; a client that is told what was taken never gets there. Whichever side ends, the
 * other is closed in the same moment: a manager that still holds the old socket refuses the agent for a minute.
 */
export class Bridge {
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #limits: BridgeLimits;
  #unsent = 0;
  #taken = 0;
  #told = 0;
  #afterClose = 0;
  #lastHeard = Date.now();
  #ended = false;
  #idleCheck: ReturnType<typeof setInterval> | undefined;
  #leaving: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly client: WebSocket,
    private readonly upstream: Socket,
    private readonly carriage: Carriage,
  ) {
    this.#limits = carriage.limits;
    this.#writer = upstream.writable.getWriter();
    this.#writer.closed.catch(ignoreClosed);
    upstream.closed.catch(ignoreClosed);
  }

  /** Starts both directions; the WebSocket must be accepted already. */
  start(): void {
    this.carriage.room?.enter();
    this.client.binaryType = "arraybuffer";
    this.client.addEventListener("message", (event) => this.#hear(event.data));
    this.client.addEventListener("close", () => this.#end("done"));
    this.client.addEventListener("error", () => this.#end("done"));
    const { idleMs } = this.#limits;
    if (idleMs !== null) this.#idleCheck = setInterval(() => this.#checkIdle(idleMs), Math.min(idleMs, 30_000));
    void this.#pump();
  }

  /** Ends the connection after a while, however well it goes. */
  endAfter(ms: number, reason: string): void {
    if (!this.#ended) this.#leaving = setTimeout(() => this.#end("upstream", reason), ms);
  }

  #hear(data: unknown): void {
    if (this.#ended) this.#discard(data);
    else if (data instanceof ArrayBuffer) this.#check(new Uint8Array(data));
    else this.#end("unsupported", "only binary frames");
  }

  #check(bytes: Uint8Array): void {
    this.#lastHeard = Date.now();
    try {
      this.#send(this.carriage.push(bytes));
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
    if (this.#afterClose > this.#limits.maxAfterClose)
      throw new Error("tunnel: dropped a client that ignored its close");
  }

  #send(bytes: Uint8Array): void {
    const { room, upstream } = this.carriage;
    const fits = this.#unsent + bytes.byteLength <= this.#limits.maxUnsentUp && (room?.take(bytes.byteLength) ?? true);
    if (!fits) {
      this.#end("overflow", `the ${upstream} does not keep up`);
      return;
    }
    this.#unsent += bytes.byteLength;
    for (let at = 0; at < bytes.byteLength; at += CHUNK_BYTES) this.#write(bytes.subarray(at, at + CHUNK_BYTES));
  }

  #write(piece: Uint8Array): void {
    const { byteLength } = piece;
    this.#writer.write(piece).then(
      () => this.#noteTaken(byteLength),
      () => {
        this.#letGoOf(byteLength);
        this.#hungUp();
      },
    );
  }

  /** Holds so many bytes less for the upstream, which took them or never will. */
  #letGoOf(bytes: number): void {
    const held = Math.min(bytes, this.#unsent);
    this.#unsent -= held;
    this.carriage.room?.give(held);
  }

  #noteTaken(bytes: number): void {
    this.#letGoOf(bytes);
    this.#taken += bytes;
    const due = this.carriage.tellsTaken && this.#taken - this.#told >= TELL_EVERY_BYTES;
    // A client that has just gone is told nothing: its close is on its way to the listener.
    if (!due || this.client.readyState !== WebSocket.OPEN) return;
    this.#told = this.#taken;
    this.client.send(String(this.#taken));
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
      this.#hungUp();
    } catch {
      // Reading fails once either side is gone; that is how a connection ends, not a fault.
      this.#hungUp();
    }
  }

  /** Waits while the agent has too much to take; false once the connection is over. */
  async #hasRoom(): Promise<boolean> {
    const deadline = Date.now() + this.#limits.stalledMs;
    const { room } = this.carriage;
    const most = () => Math.min(this.#limits.maxUnsentDown, room?.down ?? Number.POSITIVE_INFINITY);
    while (!this.#ended && this.client.bufferedAmount > most()) {
      if (Date.now() > deadline) this.#end("overflow", `the ${this.carriage.client} does not keep up`);
      await scheduler.wait(POLL_MS);
    }
    return !this.#ended;
  }

  #hungUp(): void {
    this.#end("upstream", `the ${this.carriage.upstream} closed the connection`);
  }

  #checkIdle(idleMs: number): void {
    if (Date.now() - this.#lastHeard >= idleMs) this.#end("idle", `nothing came from the ${this.carriage.client}`);
  }

  #end(how: End, reason = ""): void {
    if (this.#ended) return;
    this.#ended = true;
    this.carriage.room?.leave();
    clearInterval(this.#idleCheck);
    clearTimeout(this.#leaving);
    void this.#letGo(how === "overflow" ? 0 : FLUSH_MS, reason);
    if (this.client.readyState === WebSocket.OPEN || this.client.readyState === WebSocket.CLOSING) {
      this.client.close(CLOSE[how], reason);
    }
  }

  /**
   * Closes the upstream once it took what was written before. What it does not take in time is dropped first: the runtime
   * keeps the queue of a socket that is closed with one, so that an agent could fill memory by coming back again and again.
   */
  async #letGo(patienceMs: number, reason: string): Promise<void> {
    const deadline = Date.now() + patienceMs;
    while (this.#unsent > 0 && Date.now() < deadline) await scheduler.wait(POLL_MS);
    if (this.#unsent > 0) this.#writer.abort(reason).catch(ignoreClosed);
    this.#letGoOf(this.#unsent);
    this.upstream.close().catch(ignoreClosed);
  }
}
