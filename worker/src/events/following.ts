/**
 * A reader of the event stream over plain HTTP: Server-Sent Events (https://html.spec.whatwg.org/multipage/server-sent-events.html).
 *
 * The stateless Worker holds the answer and follows the stream object by a WebSocket, so that the object can hibernate.
 * What the socket brings is passed on as it is to a reader that stands right before it; any other one is given pages at
 * its own pace. Whatever comes meanwhile is thrown away and read again: no reader has more here than a page and a frame.
 */
import { log } from "../log";
import { within } from "../tenant/deadline";
import type { Page } from "./events";
import { CLOSE_FAILED, CLOSE_SLOW } from "./subscribers";

/** Bounds of one reader. */
export interface FollowLimits {
  /** How long it may take to read one chunk, and how large that is. */
  patienceMs: number;
  chunkBytes: number;
  /** A silent stream says so as often: what stands in between would else take the connection for dead. */
  keepAliveMs: number;
  /** A Worker's request may call other objects so many times at most; a reader comes back for the rest. */
  maxReads: number;
}

const LIMITS: FollowLimits = { patienceMs: 15_000, chunkBytes: 64 * 1024, keepAliveMs: 20_000, maxReads: 500 };
/** For the last words to a reader that may not be reading any more. */
const FAREWELL_MS = 1000;
/** How long a client waits before it comes back by itself. */
const COME_BACK_MS = 2000;

/** What a reader follows. */
export interface Followed {
  /** Of the stream object, not yet accepted; its close ends the answer. */
  socket: WebSocket;
  /** The number after which to begin. */
  after: number;
  /** Everything that was asked for after a number. */
  read: (after: number) => Promise<Page>;
  /** Of the request: tells when the reader left. */
  signal: AbortSignal;
}

interface End {
  code: number;
  reason: string;
}

/** Answers with the stream of what comes after a number. */
export function follow(followed: Followed, limits: FollowLimits = LIMITS): Response {
  const { readable, writable } = new IdentityTransformStream();
  void new Following(followed, writable.getWriter(), limits).run();
  return new Response(readable, { headers: { "content-type": "text/event-stream", "cache-control": "no-store" } });
}

class Following {
  #reads = 0;
  /** Something lies before the next frame: pages come first. */
  #behind = true;
  /** The frame that is not passed on yet; a second one makes the reader one that is behind. */
  #frame: Page | null = null;
  #end: End | null = null;
  #gone = false;
  /** A message was begun that the reader has not taken whole. */
  #midway = false;
  /** Ends the waiting that is under way; only an idle reader waits for news. */
  #onEnd: () => void = () => {};
  #onNews: () => void = () => {};

  readonly #socket: WebSocket;
  readonly #read: Followed["read"];
  #cursor: number;

  constructor(
    { socket, after, read, signal }: Followed,
    private readonly writer: WritableStreamDefaultWriter<Uint8Array>,
    private readonly limits: FollowLimits,
  ) {
    [this.#socket, this.#cursor, this.#read] = [socket, after, read];
    socket.addEventListener("message", ({ data }) => this.#take(data as string));
    socket.addEventListener("close", ({ code, reason }) => this.#endWith({ code, reason }));
    writer.closed.catch(() => this.#leave());
    signal.addEventListener("abort", () => this.#leave());
    socket.accept();
  }

  async run(): Promise<void> {
    try {
      await this.#write(`retry: ${COME_BACK_MS}\n\n`);
      while (!this.#end) await this.#step();
    } catch (reason) {
      if (!this.#gone) log("error", "a reader could not be served", { error: String(reason) });
      this.#endWith({ code: CLOSE_FAILED, reason: "failed" });
    }
    await this.#finish();
  }

  async #step(): Promise<void> {
    const message = await this.#nextMessage();
    if (message === null) {
      if (!(await this.#idle())) await this.#write(": nothing new\n\n");
    } else if (message.next > this.#cursor) {
      await this.#write(message.text);
      this.#cursor = message.next;
    }
  }

  /** What is written next, and nothing of what it was made from: a reader that takes its time holds this alone. */
  async #nextMessage(): Promise<{ next: number; text: string } | null> {
    const page = await this.#next();
    return page && { next: page.next, text: textOf(page) };
  }

  /** The next page to pass on; null where there is nothing now. */
  async #next(): Promise<Page | null> {
    const frame = this.#frame;
    this.#frame = null;
    if (frame && !this.#behind && frame.after <= this.#cursor) return restOf(frame, this.#cursor);
    if (!frame && !this.#behind) return null;
    if (this.#reads++ === this.limits.maxReads) {
      this.#endWith({ code: CLOSE_SLOW, reason: "go on with a new request" });
      return null;
    }
    // Before the page is read: a frame that comes meanwhile may not be in it.
    this.#behind = false;
    const page = await this.#read(this.#cursor);
    if (page.more) this.#behind = true;
    return page;
  }

  #take(frame: string): void {
    if (this.#frame) this.#behind = true;
    this.#frame = this.#behind ? null : (JSON.parse(frame) as Page);
    this.#onNews();
  }

  #endWith(end: End): void {
    this.#end ??= end;
    this.#onEnd();
  }

  #leave(): void {
    this.#gone = true;
    this.#endWith({ code: 1000, reason: "the reader left" });
  }

  /** @returns whether something came */
  async #idle(): Promise<boolean> {
    if (this.#end || this.#frame || this.#behind) return true;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.#onEnd = this.#onNews = () => resolve(true);
    const timer = setTimeout(() => resolve(false), this.limits.keepAliveMs);
    const came = await promise;
    clearTimeout(timer);
    this.#onNews = () => {};
    return came;
  }

  async #write(text: string): Promise<void> {
    if (this.#end) return;
    const bytes = new TextEncoder().encode(text);
    this.#midway = true;
    for (let start = 0; start < bytes.byteLength; start += this.limits.chunkBytes) {
      const outcome = await this.#offer(bytes.subarray(start, start + this.limits.chunkBytes));
      if (outcome === "late") this.#endWith({ code: CLOSE_SLOW, reason: "too slow" });
      if (outcome !== "taken") return;
    }
    this.#midway = false;
  }

  /** Until the reader took the chunk, its patience is over, or the stream ended. */
  async #offer(chunk: Uint8Array): Promise<"taken" | "late" | "ended"> {
    if (this.#end) return "ended";
    const { promise, resolve, reject } = Promise.withResolvers<"taken" | "late" | "ended">();
    this.#onEnd = () => resolve("ended");
    const timer = setTimeout(() => resolve("late"), this.limits.patienceMs);
    this.writer.write(chunk).then(() => resolve("taken"), reject);
    return promise.finally(() => clearTimeout(timer));
  }

  /** Says why, where the reader still listens; then the connection ends either way. */
  async #finish(): Promise<void> {
    const { code, reason } = this.#end as End;
    this.#socket.close(1000, "the reader is done");
    const farewell = new TextEncoder().encode(`event: end\ndata: ${JSON.stringify({ code, reason })}\n\n`);
    const said = () =>
      within(
        FAREWELL_MS,
        this.writer.write(farewell).then(() => this.writer.close()),
      );
    const failed = () => false;
    // Half a message can only be broken off: whatever followed it would be taken for its end.
    const heard = !this.#midway && (await said().then(() => true, failed));
    // It left, or reads no more: what it has not taken must not keep the connection.
    if (!heard) await this.writer.abort(reason).catch(failed);
  }
}

/** Of a frame what comes after the cursor. */
function restOf(frame: Page, cursor: number): Page {
  if (frame.after === cursor) return frame;
  return { ...frame, after: cursor, events: frame.events.filter(({ seq }) => seq > cursor) };
}

/**
 * One message a page, whose id is the number to go on from; without events it moves that number and is no message. The id
 * comes last: of a message that was broken off nothing may count as received.
 */
function textOf(page: Page): string {
  const data = page.events.length === 0 ? "" : `data: ${JSON.stringify(page)}\n`;
  return `${data}id: ${page.next}\n\n`;
}
