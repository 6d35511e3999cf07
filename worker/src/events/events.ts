import type { Batch } from "./blob_log";
import { type EventFilter, isEverything, mayHold, passes } from "./filter";
import { type StoredEvent, storedEvents } from "./stored";

export const EVENT_KINDS = ["alert", "heartbeat", "lifecycle", "enrollment", "agent", "audit"] as const;
export type EventKind = (typeof EVENT_KINDS)[number];

/** What a caller hands in. `key` names the event once and for all: the same key again is a duplicate and is dropped. */
export interface NewEvent {
  kind: EventKind;
  data: unknown;
  key?: string;
}

/** What readers get. */
export interface StreamEvent {
  seq: number;
  /** When the stream took it (ISO); never earlier than that of the event before. */
  at: string;
  kind: EventKind;
  data: unknown;
}

/**
 * A replay answer and a live frame have the same form: of the numbers above `after` and up to `next`, everything that was
 * asked for. Whoever goes on with `after` = `next` misses nothing, however far apart two events' numbers are.
 */
export interface Page {
  after: number;
  events: StreamEvent[];
  /** Pass this as `after` to go on. */
  next: number;
  /** Whether there is more to read at once, though none of it may be what was asked for. */
  more: boolean;
  /** The oldest sequence number that can still be read. */
  oldest: number;
  /** The newest sequence number there is. */
  latest: number;
}

/** One event may not be larger than this; a digest is about 1 KiB. */
export const MAX_EVENT_BYTES = 64 * 1024;

/** A page of this much is full, however few its events: calls between objects and frames have bounds of their own. */
export const MAX_PAGE_BYTES = 1024 * 1024;

/** How much of the log is looked through for one page, however little of it was asked for. */
export const MAX_SCAN_BYTES = 8 * 1024 * 1024;

/** A page whose events are still as they were stored. */
export interface StoredPage extends Omit<Page, "events"> {
  events: StoredEvent[];
}

/** JSON of the {@link Page}. */
export function written({ after, events, next, more, oldest, latest }: StoredPage): string {
  const list = events.map((event) => event.written).join(",");
  return `{"after":${after},"events":[${list}],"next":${next},"more":${more},"oldest":${oldest},"latest":${latest}}`;
}

/** The events of one stored batch that come after `position` and pass the filter. */
function foundIn(batch: Batch, position: number, filter: EventFilter): StoredEvent[] {
  const body = new TextDecoder().decode(batch.body);
  if (!mayHold(filter, body)) return [];
  return storedEvents(batch, body).filter((event) => event.seq > position && passes(filter, event));
}

/** A page that is being filled: up to a number of events, and about {@link MAX_PAGE_BYTES} of them. */
export class OpenPage {
  readonly events: StoredEvent[] = [];
  #bytes = 0;
  #scanned = 0;

  /** @param position the sequence number that the page begins after, and then how far it got */
  constructor(
    public position: number,
    private readonly limit: number,
    private readonly filter: EventFilter = {},
  ) {}

  /** Takes the batch that holds the item after its position; false when it has no room for it. */
  take(batch: Batch): boolean {
    const room = this.limit - this.events.length;
    if (room === 0 || this.#scanned > MAX_SCAN_BYTES) return false;
    this.#scanned += batch.body.byteLength;
    const found = foundIn(batch, this.position, this.filter);
    this.#bytes += this.#sizeOf(found, batch);
    if (this.events.length > 0 && this.#bytes > MAX_PAGE_BYTES) return false;
    this.events.push(...found.slice(0, room));
    this.position = found.length > room ? (this.events.at(-1)?.seq ?? batch.last) : batch.last;
    return true;
  }

  /** Without a filter the batch's own size is near enough. */
  #sizeOf(found: StoredEvent[], batch: Batch): number {
    if (isEverything(this.filter)) return batch.body.byteLength;
    return found.reduce((sum, { text }) => sum + text.length, 0);
  }
}
