/**
 * What an object counts by the hour until its tenant has taken it over.
 *
 * The tenant takes a batch and names it when it comes again: only then is it forgotten here. A batch whose answer was lost is
 * handed over again under its id, and the tenant counts an id once.
 */
export interface CountBatch {
  /** Rises with each batch; 0 = there was never one. */
  id: number;
  counts: { hour: number; kind: string; quantity: number }[];
}

const TABLES = `
CREATE TABLE IF NOT EXISTS counts (
  batch INTEGER NOT NULL, hour INTEGER NOT NULL, kind TEXT NOT NULL, quantity INTEGER NOT NULL,
  PRIMARY KEY (batch, hour, kind)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS count_batch (one INTEGER PRIMARY KEY CHECK (one = 1), id INTEGER NOT NULL);
INSERT OR IGNORE INTO count_batch (one, id) VALUES (1, 0);
`;

const HOUR_MS = 3600 * 1000;

export class Counts {
  constructor(private readonly sql: SqlStorage) {
    this.create();
  }

  /** Makes the tables; again after an object's storage was deleted. */
  create(): void {
    this.sql.exec(TABLES);
  }

  /** Adds to the hour of `at`; call inside the transaction of what is counted. */
  add(kind: string, quantity: number, at: number): void {
    if (quantity === 0) return;
    this.sql.exec(
      `INSERT INTO counts (batch, hour, kind, quantity) VALUES (0, ?, ?, ?)
       ON CONFLICT (batch, hour, kind) DO UPDATE SET quantity = quantity + excluded.quantity`,
      ...[at - (at % HOUR_MS), kind, quantity],
    );
  }

  /**
   * What was counted since the last batch, under a new id; the last batch again where it was not taken.
   * @param taken the newest batch that was taken over
   */
  handOver(taken: number): CountBatch {
    this.create();
    const open = this.sql.exec<{ id: number }>("SELECT id FROM count_batch").one().id;
    // An object whose storage was made anew begins behind what was taken from it before.
    const id = Math.max(open, taken);
    if (open > taken) return this.#batch(open);
    this.sql.exec("DELETE FROM counts WHERE batch > 0");
    if (this.sql.exec("SELECT 1 FROM counts LIMIT 1").toArray().length === 0) return { id, counts: [] };
    this.sql.exec("UPDATE counts SET batch = ?", id + 1);
    this.sql.exec("UPDATE count_batch SET id = ?", id + 1);
    return this.#batch(id + 1);
  }

  #batch(id: number): CountBatch {
    const query = "SELECT hour, kind, quantity FROM counts WHERE batch = ? ORDER BY hour, kind";
    return { id, counts: this.sql.exec<{ hour: number; kind: string; quantity: number }>(query, id).toArray() };
  }
}
