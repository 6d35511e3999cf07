import { type Batch, MAX_BATCH_BYTES } from "./blob_log";

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

/** Turns events into batch bodies (JSON arrays of `[at, kind, data]`), none above {@link MAX_BATCH_BYTES}. */
export function encodeBatches(events: NewEvent[], now: string): EncodedBatch[] {
  const batches: EncodedBatch[] = [];
  let rows: string[] = [];
  let keys: string[] = [];
  let size = 0;
  const finish = () => {
    if (rows.length === 0) return;
    batches.push({ count: rows.length, body: new TextEncoder().encode(`[${rows.join(",")}]`), keys });
    [rows, keys, size] = [[], [], 0];
  };
  for (const event of events) {
    const row = JSON.stringify([event.at ?? now, event.kind, event.data]);
    // UTF-16 units times three bound the UTF-8 length from above without encoding twice.
    if (size + row.length * 3 > MAX_BATCH_BYTES) finish();
    rows.push(row);
    size += row.length * 3 + 1;
    if (event.key) keys.push(event.key);
  }
  finish();
  return batches;
}

/** The events of one stored batch that come after `position`. */
export function decodeBatch(batch: Batch, position: number): StreamEvent[] {
  const rows = JSON.parse(new TextDecoder().decode(batch.body)) as [string, EventKind, unknown][];
  const skipped = Math.max(0, position + 1 - batch.first);
  return rows.slice(skipped).map(([at, kind, data], index) => ({ seq: batch.first + skipped + index, at, kind, data }));
}
