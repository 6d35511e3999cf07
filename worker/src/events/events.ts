import { type Batch, fittingOneRow } from "./blob_log";

export const EVENT_KINDS = ["alert", "heartbeat", "lifecycle", "enrollment", "audit"] as const;
export type EventKind = (typeof EVENT_KINDS)[number];

/** What a caller hands in. `key` names the event once and for all: the same key again is a duplicate and is dropped. */
export interface NewEvent {
  kind: EventKind;
  data: unknown;
  key?: string;
  /** ISO time of the event; the stream's own clock when absent. */
  at?: string;
}

/** What readers get. */
export interface StreamEvent {
  seq: number;
  at: string;
  kind: EventKind;
  data: unknown;
}

/** A replay answer and a live frame have the same form. */
export interface Page {
  events: StreamEvent[];
  /** Pass this as `after` to go on. */
  next: number;
  /** The oldest sequence number that can still be read. */
  oldest: number;
  /** The newest sequence number there is. */
  latest: number;
}

export interface EncodedBatch {
  count: number;
  body: Uint8Array;
  keys: string[];
}

/** One event may not be larger than this; a digest is about 1 KiB. */
export const MAX_EVENT_BYTES = 64 * 1024;

/** A page of this much is full, however few its events: calls between objects and frames have bounds of their own. */
export const MAX_PAGE_BYTES = 1024 * 1024;

/** Turns events into batch bodies (JSON arrays of `[at, kind, data]`), each of them a row. */
export function encodeBatches(events: NewEvent[], now: string): EncodedBatch[] {
  const rows = events.map(({ at, kind, data, key }) => ({ text: JSON.stringify([at ?? now, kind, data]), key }));
  return [...fittingOneRow(rows, ({ text }) => text)].map((chunk) => ({
    count: chunk.length,
    body: new TextEncoder().encode(`[${chunk.map(({ text }) => text).join(",")}]`),
    keys: chunk.flatMap(({ key }) => key ?? []),
  }));
}

/** The events of one stored batch that come after `position`. */
function decodeBatch(batch: Batch, position: number): StreamEvent[] {
  const rows = JSON.parse(new TextDecoder().decode(batch.body)) as [string, EventKind, unknown][];
  const skipped = Math.max(0, position + 1 - batch.first);
  return rows.slice(skipped).map(([at, kind, data], index) => ({ seq: batch.first + skipped + index, at, kind, data }));
}

/** A page that is being filled: up to a number of events, and about {@link MAX_PAGE_BYTES}. */
export class OpenPage {
  readonly events: StreamEvent[] = [];
  #bytes = 0;

  /** @param position the sequence number that the page begins after, and then how far it got */
  constructor(
    public position: number,
    private readonly limit: number,
  ) {}

  /** Takes the batch that holds the item after its position; false when it has no room for it. */
  take(batch: Batch): boolean {
    const room = this.limit - this.events.length;
    this.#bytes += batch.body.byteLength;
    if (room === 0 || (this.events.length > 0 && this.#bytes > MAX_PAGE_BYTES)) return false;
    this.events.push(...decodeBatch(batch, this.position).slice(0, room));
    this.position = this.events.at(-1)?.seq ?? batch.last;
    return true;
  }
}
