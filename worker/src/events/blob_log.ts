/** One stored batch: items `first`..`last` of the log in one blob, so that a batch of a thousand costs one row. */
export interface Batch {
  first: number;
  last: number;
  at: number;
  body: Uint8Array<ArrayBuffer>;
}

/** A range of old batches that was moved to the archive as one object. */
export interface Segment {
  first: number;
  last: number;
  at: number;
  key: string;
}

/** SQLite refuses rows above 2 MB; a batch keeps well below it. */
export const MAX_BATCH_BYTES = 1024 * 1024;

const TABLES = `
CREATE TABLE IF NOT EXISTS batches (
  first INTEGER PRIMARY KEY, last INTEGER NOT NULL, at INTEGER NOT NULL, bytes INTEGER NOT NULL,
  body BLOB NOT NULL, keys TEXT NOT NULL DEFAULT '[]');
CREATE TABLE IF NOT EXISTS segments (
  first INTEGER PRIMARY KEY, last INTEGER NOT NULL, at INTEGER NOT NULL, key TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS marks (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
`;

const HOT_BYTES = "hot_bytes";

/** Starts at the row that begins last at or before the item, so that not all the rows before it are looked through. */
const holding = (table: "batches" | "segments") =>
  `FROM ${table} WHERE last > ?1
   AND first >= COALESCE((SELECT MAX(first) FROM ${table} WHERE first <= ?1 + 1), 0) ORDER BY first LIMIT 1`;

type Row = { first: number; last: number; at: number; body: ArrayBuffer };

/**
 * Append-only log in an object's SQLite: blob batches, numbered without gaps from 1, the oldest moved to an archive.
 *
 * All methods are synchronous; callers choose the transaction around them.
 */
export class BlobLog {
  constructor(private readonly sql: SqlStorage) {
    this.create();
  }

  /** Makes the tables; again after an object's storage was deleted. A log of before the mark is counted once. */
  create(): void {
    this.sql.exec(TABLES);
    const marked = this.sql.exec("SELECT 1 FROM marks WHERE name = ?", HOT_BYTES).toArray().length > 0;
    if (!marked) this.countHotBytes();
  }

  /** Counts anew what lies in SQLite: the version before this one, back for a while, moves no mark. */
  countHotBytes(): void {
    this.setMark(HOT_BYTES, this.#number("SELECT SUM(bytes) AS value FROM batches") ?? 0);
  }

  /** The number of the newest item; 0 in a log that never held one. */
  get last(): number {
    return this.mark("last");
  }

  /** The oldest item that can still be read; one past the newest when nothing is left. */
  get oldest(): number {
    const sealed = this.#number("SELECT MIN(first) AS value FROM segments");
    return sealed ?? this.#number("SELECT MIN(first) AS value FROM batches") ?? this.last + 1;
  }

  /** When the newest item was written, in milliseconds since 1970; null for an empty log. */
  get lastAt(): number | null {
    return this.mark("last_at") || null;
  }

  /** Bytes of batch bodies in SQLite. */
  get hotBytes(): number {
    return this.mark(HOT_BYTES);
  }

  /** When an item that is written now counts as written: a clock that is set back must not put it before its forerunner. */
  timeFor(now: number): number {
    return Math.max(now, this.lastAt ?? 0);
  }

  /** Appends `count` items as one row and returns the number of the first. */
  append(count: number, body: Uint8Array, now: number, keys: string[] = []): number {
    const at = this.timeFor(now);
    const first = this.last + 1;
    const last = first + count - 1;
    this.sql.exec(
      "INSERT INTO batches (first, last, at, bytes, body, keys) VALUES (?, ?, ?, ?, ?, ?)",
      ...[first, last, at, body.byteLength, body, JSON.stringify(keys)],
    );
    this.sql.exec(
      "INSERT OR REPLACE INTO marks (name, value) VALUES ('last', ?), ('last_at', ?), (?, ?)",
      ...[last, at, HOT_BYTES, this.hotBytes + body.byteLength],
    );
    return first;
  }

  /** The batch in SQLite that holds the item after `position`, or null. */
  hotAfter(position: number): Batch | null {
    const row = this.sql.exec<Row>(`SELECT first, last, at, body ${holding("batches")}`, position).toArray()[0];
    return row ? asBatch(row) : null;
  }

  /** The segment that holds the item after `position`, or null when that item is in SQLite or does not exist. */
  segmentAfter(position: number): Segment | null {
    const query = `SELECT first, last, at, key ${holding("segments")}`;
    return this.sql.exec<Segment & Record<string, SqlStorageValue>>(query, position).toArray()[0] ?? null;
  }

  /** The last item of all that was written before a moment, in milliseconds since 1970. */
  writtenBefore(moment: number): number {
    return Math.max(this.#before("segments", moment), this.#before("batches", moment), this.oldest - 1);
  }

  /**
   * The last item of the rows that were written before a moment; 0 for none. Times only grow with the numbers, so that
   * halving finds it: no index that each append would have to write, and no look through all rows.
   */
  #before(table: "batches" | "segments", moment: number): number {
    type Found = { first: number; last: number; at: number };
    const upTo = `SELECT first, last, at FROM ${table} WHERE first <= ? ORDER BY first DESC LIMIT 1`;
    let low = (this.#number(`SELECT MIN(first) AS value FROM ${table}`) ?? 1) - 1;
    let high = this.#number(`SELECT MAX(first) AS value FROM ${table}`) ?? 0;
    let found = 0;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      const row = this.sql.exec<Found>(upTo, middle).toArray()[0] as Found;
      if (row.at < moment) [low, found] = [Math.max(middle, row.last), row.last];
      else high = row.first - 1;
    }
    return found;
  }

  /** When the item after `position` was written, or the segment that it lies in was ended; null where there is none. */
  writtenAfter(position: number): number | null {
    const at = (table: "batches" | "segments") =>
      this.sql.exec<{ at: number }>(`SELECT at ${holding(table)}`, position).toArray()[0]?.at;
    return at("segments") ?? at("batches") ?? null;
  }

  /** The oldest batches that together reach `bytes`; the newest batch always stays. */
  oldestBatches(bytes: number): Batch[] {
    const chosen: Batch[] = [];
    let sum = 0;
    const query = "SELECT first, last, at, body FROM batches WHERE last < ? ORDER BY first";
    for (const row of this.sql.exec<Row>(query, this.last)) {
      if (sum >= bytes) break;
      chosen.push(asBatch(row));
      sum += row.body.byteLength;
    }
    return chosen;
  }

  /** Puts an archived segment in the place of the batches it holds. */
  replaceBySegment(segment: Segment): void {
    const { first, last, at, key } = segment;
    this.sql.exec("INSERT OR REPLACE INTO segments (first, last, at, key) VALUES (?, ?, ?, ?)", first, last, at, key);
    this.#forgetBatches("first <= ?", last);
  }

  /** Segments whose newest item is older than `before` (milliseconds since 1970), oldest first. */
  segmentsBefore(before: number): Segment[] {
    const query = "SELECT first, last, at, key FROM segments WHERE at < ? ORDER BY first";
    return this.sql.exec<Segment & Record<string, SqlStorageValue>>(query, before).toArray();
  }

  /** Forgets one segment; its archive object must be gone already. */
  forgetSegment(first: number): void {
    this.sql.exec("DELETE FROM segments WHERE first = ?", first);
  }

  /** Forgets batches that were written before a moment and end at a position at the latest, as above. */
  forgetBatchesUpTo(position: number, before: number): void {
    const [oldest] = this.segmentsBefore(Number.MAX_SAFE_INTEGER);
    if (oldest) return;
    const end = this.#number("SELECT MAX(last) AS value FROM batches WHERE at < ? AND last <= ?", before, position);
    if (end !== null) this.#forgetBatches("first <= ?", end);
  }

  /** Forgets batches written before `before`. Never while an older segment is still listed, or `oldest` would lie. */
  forgetBatchesBefore(before: number): void {
    if (this.segmentsBefore(before).length > 0) return;
    this.#forgetBatches("at < ?", before);
  }

  /** Keys stored with the newest batches, newest batch first, at most `limit` of them. */
  recentKeys(limit: number): string[] {
    const keys: string[] = [];
    for (const row of this.sql.exec<{ keys: string }>("SELECT keys FROM batches ORDER BY first DESC")) {
      keys.push(...(JSON.parse(row.keys) as string[]));
      if (keys.length >= limit) break;
    }
    return keys.slice(0, limit);
  }

  /** A named number kept beside the log; 0 until it was set. */
  mark(name: string): number {
    const rows = this.sql.exec<{ value: number }>("SELECT value FROM marks WHERE name = ?", name).toArray();
    return rows[0]?.value ?? 0;
  }

  setMark(name: string, value: number): void {
    this.sql.exec("INSERT OR REPLACE INTO marks (name, value) VALUES (?, ?)", name, value);
  }

  #forgetBatches(which: "first <= ?" | "at < ?", bound: number): void {
    const gone = this.#number(`SELECT SUM(bytes) AS value FROM batches WHERE ${which}`, bound) ?? 0;
    this.sql.exec(`DELETE FROM batches WHERE ${which}`, bound);
    this.setMark(HOT_BYTES, this.hotBytes - gone);
  }

  #number(query: string, ...bindings: number[]): number | null {
    return this.sql.exec<{ value: number | null }>(query, ...bindings).one().value;
  }
}

/** Splits items so that the texts of each chunk fit one row; an item that alone exceeds the size stands alone. */
export function* fittingOneRow<Item>(items: Item[], textOf: (item: Item) => string): Generator<Item[]> {
  let chunk: Item[] = [];
  let size = 0;
  for (const item of items) {
    // A UTF-16 unit is at most three bytes of UTF-8, which bounds the size without encoding twice; one for a separator.
    const bytes = textOf(item).length * 3 + 1;
    if (size + bytes > MAX_BATCH_BYTES && chunk.length > 0) {
      yield chunk;
      [chunk, size] = [[], 0];
    }
    chunk.push(item);
    size += bytes;
  }
  if (chunk.length > 0) yield chunk;
}

function asBatch(row: Row): Batch {
  return { first: row.first, last: row.last, at: row.at, body: new Uint8Array(row.body) };
}
