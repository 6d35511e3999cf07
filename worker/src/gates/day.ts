/** One day of alerts in a journal, for whoever wants to search it again. */
import type { Batch } from "../events/blob_log";

const HOUR_MS = 3600 * 1000;
const DAY_MS = 24 * HOUR_MS;
/** A manager that was cut off ships what it has later; clocks may differ by a little before. */
const EARLY_MS = HOUR_MS;
const LATE_MS = 7 * DAY_MS;

/** The documents of one batch that belong to the day. */
export interface DayPart {
  /** The batch's last position: where to go on. */
  last: number;
  documents: number;
  body: Uint8Array<ArrayBuffer>;
}

/** When batches with a day's alerts can have been written. @param day YYYY-MM-DD */
export function writtenBetween(day: string): { from: number; to: number } {
  const start = Date.parse(`${day}T00:00:00Z`);
  return { from: start - EARLY_MS, to: start + DAY_MS + LATE_MS };
}

/** The pairs of lines whose index is of the day; null where there is none. */
export function partOfDay({ last, body }: Batch, day: string): DayPart | null {
  const ending = `-4.x-${day.replaceAll("-", ".")}`;
  const lines = new TextDecoder().decode(body).split("\n");
  const chosen: string[] = [];
  for (let at = 0; at + 1 < lines.length; at += 2) {
    const [action = "", document = ""] = lines.slice(at, at + 2);
    if (indexOf(action).endsWith(ending)) chosen.push(`${action}\n${document}\n`);
  }
  if (chosen.length === 0) return null;
  return { last, documents: chosen.length, body: new Uint8Array(new TextEncoder().encode(chosen.join(""))) };
}

/** The journal wrote these lines itself; see bulk.ts. */
const indexOf = (action: string) => (JSON.parse(action) as { index: { _index: string } }).index._index;
