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

  /** Makes the tables; again after an object's storage was deleted. */
  create(): void {
    this.sql.exec(TABLES);
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
    return this.#number("SELECT SUM(bytes) AS value FROM batches") ?? 0;
  }

  /** Appends `count` items as one row and returns the number of the first. */
  append(count: number, body: Uint8Array, at: number, keys: string[] = []): number {
    const first = this.last + 1;
    const last = first + count - 1;
    this.sql.exec(
      "INSERT INTO batches (first, last, at, bytes, body, keys) VALUES (?, ?, ?, ?, ?, ?)",
      ...[first, last, at, body.byteLength, body, JSON.stringify(keys)],
    );
    this.setMark("last", last);
    this.setMark("last_at", at);
    return first;
  }

  /** The batch in SQLite that holds the item after `position`, or null. */
  hotAfter(position: number): Batch | null {
    const rows = this.sql.exec<Row>(
      "SELECT first, last, at, body FROM batches WHERE last > ? ORDER BY first LIMIT 1",
      position,
    );
    const row = rows.toArray()[0];
    return row ? asBatch(row) : null;
  }

  /** The segment that holds the item after `position`, or null when that item is in SQLite or does not exist. */
  segmentAfter(position: number): Segment | null {
    const query = "SELECT first, last, at, key FROM segments WHERE last > ? ORDER BY first LIMIT 1";
    return this.sql.exec<Segment & Record<string, SqlStorageValue>>(query, position).toArray()[0] ?? null;
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
    this.sql.exec("DELETE FROM batches WHERE last <= ?", last);
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

  /** Forgets batches written before `before`. Never while an older segment is still listed, or `oldest` would lie. */
  forgetBatchesBefore(before: number): void {
    if (this.segmentsBefore(before).length > 0) return;
    this.sql.exec("DELETE FROM batches WHERE at < ?", before);
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

  #number(query: string): number | null {
    return this.sql.exec<{ value: number | null }>(query).one().value;
  }
}

function asBatch(row: Row): Batch {
  return { first: row.first, last: row.last, at: row.at, body: new Uint8Array(row.body) };
}
