import { type AccessClaims, type AccessRule, covers } from "../auth/claims";
import { log } from "../log";
import { type StoredPage, written } from "./events";
import { type EventFilter, isEverything, passes } from "./filter";

/** What a hibernated socket remembers: who listens, what to, and how far. */
export interface Subscription {
  claims: AccessClaims;
  filter: EventFilter;
  /** Up to here it was given all that it asked for. */
  cursor: number;
  /** Up to here it knows so; what it did not ask for moves only the cursor. */
  told: number;
}

/** A reader that nothing is for hears all the same how far the stream is, after so many numbers. */
const TELL_EVERY = 1000;

/** A subscriber with more unsent bytes than this is too slow to follow live. */
export const MAX_UNSENT_BYTES = 1024 * 1024;
const POLL_MS = 10;
const CATCH_UP_PATIENCE_MS = 15_000;

/** 1013 "try again later": reconnect with `?after=` the last number you saw. */
export const CLOSE_SLOW = 1013;
/** 4401: the right to listen ended (revoked, or its hard end came). */
export const CLOSE_ENDED = 4401;
/** 1011: the fault is ours; reconnect with `?after=` the last number you saw. */
export const CLOSE_FAILED = 1011;

export type ReadPage = (after: number, filter: EventFilter) => Promise<StoredPage>;

/** What goes to every reader that asked for the same and knows as much; written where the first of them needs it. */
interface Frame {
  next: number;
  empty: boolean;
  text: () => string;
}

/**
 * The WebSocket readers of one stream.
 *
 * Each socket has a cursor. A reader at the head gets each durable group as one frame, built once for all of them; a
 * reader behind it gets replay pages until it has caught up. A reader that does not drain its socket is closed and comes
 * back by replay, so it can neither hold memory nor hold up the others.
 */
export class Subscribers {
  readonly #catchingUp = new Set<WebSocket>();
  /** Readers that a group passed by while they caught up; what they read last may not have held it. */
  readonly #passedBy = new Set<WebSocket>();

  constructor(
    private readonly context: DurableObjectState,
    private readonly read: ReadPage,
  ) {}

  /** Accepts a reader that has seen everything up to `after`. */
  accept(socket: WebSocket, claims: AccessClaims, filter: EventFilter, after: number, last: number): void {
    this.context.acceptWebSocket(socket);
    socket.serializeAttachment({ claims, filter, cursor: after, told: after } satisfies Subscription);
    if (after < last) this.context.waitUntil(this.#catchUp(socket));
  }

  /** Whether anybody listens. */
  get any(): boolean {
    return this.context.getWebSockets().length > 0;
  }

  /** Hands a durable group to everyone who stands right before it; starts replay for the others, and for its rest. */
  announce(page: StoredPage): void {
    const frames = new Map<string, Frame>();
    for (const socket of this.context.getWebSockets()) {
      const known = subscription(socket);
      const { filter, cursor, told } = known;
      const follows = cursor === page.after && !this.#catchingUp.has(socket);
      if (this.#catchingUp.has(socket)) this.#passedBy.add(socket);
      else if (follows) this.#hand(socket, known, frameAmong(frames, page, filter, told));
      if ((follows ? page.next : cursor) < page.latest) this.context.waitUntil(this.#catchUp(socket));
    }
  }

  /** Closes every reader that the rule covers; returns how many. */
  close(rule: AccessRule): number {
    return this.#closeWhere((claims) => covers(rule, claims));
  }

  /** Closes readers past their hard end; returns the next end among the rest, or null. */
  expire(now: number): number | null {
    this.#closeWhere((claims) => claims.endsAt <= now);
    const ends = this.context
      .getWebSockets()
      .filter(isOpen)
      .map((socket) => subscription(socket).claims.endsAt);
    return ends.length > 0 ? Math.min(...ends) : null;
  }

  #closeWhere(chosen: (claims: AccessClaims) => boolean): number {
    const sockets = this.context
      .getWebSockets()
      .filter((socket) => isOpen(socket) && chosen(subscription(socket).claims));
    for (const socket of sockets) socket.close(CLOSE_ENDED, "access ended; sign in again");
    return sockets.length;
  }

  async #catchUp(socket: WebSocket): Promise<void> {
    if (this.#catchingUp.has(socket)) return;
    this.#catchingUp.add(socket);
    try {
      while (isOpen(socket) && (await drained(socket))) {
        const known = subscription(socket);
        const page = await this.read(known.cursor, known.filter);
        if (page.next > known.cursor) this.#hand(socket, known, frameOf(page, known.told));
        else if (!this.#passedBy.delete(socket)) return;
      }
    } catch (reason) {
      // Left open, the reader would wait for what never comes.
      log("error", "a reader could not catch up", { error: String(reason) });
      if (isOpen(socket)) socket.close(CLOSE_FAILED, `failed; continue with after=${subscription(socket).cursor}`);
    } finally {
      this.#catchingUp.delete(socket);
      this.#passedBy.delete(socket);
    }
  }

  #hand(socket: WebSocket, known: Subscription, { next, empty, text }: Frame): void {
    if (!isOpen(socket)) return;
    const silent = empty && next - known.told < TELL_EVERY;
    if (!silent && socket.bufferedAmount > MAX_UNSENT_BYTES) {
      dropSlow(socket);
      return;
    }
    if (!silent) socket.send(text());
    socket.serializeAttachment({ ...known, cursor: next, told: silent ? known.told : next } satisfies Subscription);
  }
}

function frameAmong(frames: Map<string, Frame>, page: StoredPage, filter: EventFilter, told: number): Frame {
  const key = JSON.stringify([filter, told]);
  const known = frames.get(key) ?? frameOf(narrowed(page, filter), told);
  frames.set(key, known);
  return known;
}

/** A frame says what it begins after: for a reader that is what the frame before it said. */
function frameOf(page: StoredPage, told: number): Frame {
  let text: string | null = null;
  const write = () => written({ ...page, after: told });
  return { next: page.next, empty: page.events.length === 0, text: () => (text ??= write()) };
}

const narrowed = (page: StoredPage, filter: EventFilter): StoredPage =>
  isEverything(filter) ? page : { ...page, events: page.events.filter((event) => passes(filter, event)) };

function subscription(socket: WebSocket): Subscription {
  return socket.deserializeAttachment() as Subscription;
}

function isOpen(socket: WebSocket): boolean {
  return socket.readyState === WebSocket.OPEN;
}

function dropSlow(socket: WebSocket): void {
  socket.close(CLOSE_SLOW, `too slow; continue with after=${subscription(socket).cursor}`);
}

/** Waits until the socket took what it was given; drops it when it does not in time. */
async function drained(socket: WebSocket): Promise<boolean> {
  const deadline = Date.now() + CATCH_UP_PATIENCE_MS;
  while (isOpen(socket) && socket.bufferedAmount > MAX_UNSENT_BYTES) {
    if (Date.now() > deadline) {
      dropSlow(socket);
      return false;
    }
    await scheduler.wait(POLL_MS);
  }
  return isOpen(socket);
}
