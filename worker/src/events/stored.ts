/** How events lie in a stored batch: a JSON array of `[at, kind, data]`, the same `at` in all of them. */
import { type Batch, fittingOneRow } from "./blob_log";
import type { EventKind, NewEvent } from "./events";

export interface EncodedBatch {
  count: number;
  body: Uint8Array;
  keys: string[];
}

/** An event on its way into a batch, its data as JSON. */
export type WrittenEvent = Pick<NewEvent, "kind" | "key"> & {
  text: string;
  /** Of an alert, its rule's level; 0 for everything else. */
  level: number;
};

/** Turns events into batch bodies, each of them a row. */
export function encodeBatches(events: Omit<WrittenEvent, "level">[], now: string): EncodedBatch[] {
  const rows = events.map(({ kind, text, key }) => ({ text: `["${now}","${kind}",${text}]`, key }));
  return [...fittingOneRow(rows, ({ text }) => text)].map((chunk) => ({
    count: chunk.length,
    body: new TextEncoder().encode(`[${chunk.map(({ text }) => text).join(",")}]`),
    keys: chunk.flatMap(({ key }) => key ?? []),
  }));
}

/** An event as it was stored: its data stays the text that it is, since most readers get it as it lies. */
export class StoredEvent {
  #data: unknown;

  constructor(
    readonly seq: number,
    readonly at: string,
    readonly kind: EventKind,
    readonly text: string,
  ) {}

  /** Parsed for the first filter that looks at it. */
  get data(): unknown {
    this.#data ??= JSON.parse(this.text);
    return this.#data;
  }

  /** JSON of a `StreamEvent`. */
  get written(): string {
    return `{"seq":${this.seq},"at":"${this.at}","kind":"${this.kind}","data":${this.text}}`;
  }
}

/**
 * The events of a batch, given its body as text.
 * @throws SyntaxError for a body that is none
 */
export function storedEvents({ first, last }: Batch, body: string): StoredEvent[] {
  const at = body.slice(3, body.indexOf('"', 3));
  const rows = cutApart(body, `["${at}","`);
  // Data may hold what a row begins with, and whoever writes it may have put it there: then there are too many.
  if (rows.length !== last - first + 1) return parsedApart(first, body);
  return rows.map((row, index) => {
    const end = row.indexOf('"');
    return new StoredEvent(first + index, at, row.slice(0, end) as EventKind, row.slice(end + 2));
  });
}

/** What follows each row's beginning: `kind",data`. Nothing of a body that has another form. */
function cutApart(body: string, begin: string): string[] {
  if (!body.startsWith(`[${begin}`) || !body.endsWith("]]")) return [];
  return body.slice(1 + begin.length, -2).split(`],${begin}`);
}

function parsedApart(first: number, body: string): StoredEvent[] {
  const rows = JSON.parse(body) as [string, EventKind, unknown][];
  return rows.map(([at, kind, data], index) => new StoredEvent(first + index, at, kind, JSON.stringify(data)));
}
