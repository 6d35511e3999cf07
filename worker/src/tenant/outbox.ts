/**
 * Facts on their way to other stores. A row is written in the transaction of its change and stays until its target has
 * acknowledged it; targets drop repeats by (tenant, seq). A target that fails delays nobody but its own rows.
 */
import type { TenantContext } from "./context";
import { within } from "./deadline";

export interface OutboxRow {
  /** The tenant's own sequence over everything it tells others; never reused, not even after deletion. */
  seq: number;
  kind: string;
  at: number;
  data: Record<string, unknown>;
}

/** Delivers rows in order and resolves once all of them are acknowledged. */
export type Target = (rows: OutboxRow[]) => Promise<void>;

const PAGE = 50;
/** A target that never answers counts as failed; what it took all the same it drops as a repeat later. */
const DELIVER_WITHIN_MS = 20_000;
/** When delivery is looked after if the object restarts right after a commit. */
const SAFETY_MS = 1000;

export class Outbox {
  #flushing: Promise<void> | null = null;

  constructor(
    private readonly ctx: TenantContext,
    private readonly targets: Record<string, Target>,
    private readonly deliverWithinMs = DELIVER_WITHIN_MS,
  ) {}

  /** Adds a row; call inside the transaction of the change. Returns its sequence number. */
  put(target: string, kind: string, data: Record<string, unknown>): number {
    const seq = this.#nextSeq();
    this.ctx.sql.exec(
      "INSERT INTO outbox (seq, target, kind, at, data) VALUES (?, ?, ?, ?, ?)",
      seq,
      target,
      kind,
      this.ctx.now(),
      JSON.stringify(data),
    );
    this.ctx.schedule("outbox", this.ctx.now() + SAFETY_MS);
    // A failure here is met again, and logged, by the due row.
    queueMicrotask(() => void this.flush().catch(() => undefined));
    return seq;
  }

  /** Takes back rows of a kind that wait, and returns their data; call inside the transaction of what follows them. */
  takeBack(target: string, kind: string): Record<string, unknown>[] {
    return this.ctx.sql
      .exec<{ data: string }>("DELETE FROM outbox WHERE target = ? AND kind = ? RETURNING data", target, kind)
      .toArray()
      .map(({ data }) => JSON.parse(data) as Record<string, unknown>);
  }

  /**
   * Delivers what waits. Calls while one runs join it.
   * @throws the first target's failure, after every target had its turn; the rows stay.
   */
  async flush(): Promise<void> {
    this.#flushing ??= this.#flushAll().finally(() => {
      this.#flushing = null;
    });
    return this.#flushing;
  }

  async #flushAll(): Promise<void> {
    // Rows that came while the last target was being served are taken in another round.
    while (this.#waiting() > 0) {
      const results = await Promise.allSettled(Object.entries(this.targets).map(([name, to]) => this.#drain(name, to)));
      const failed = results.find((result) => result.status === "rejected");
      if (failed) throw failed.reason;
    }
    this.ctx.unschedule("outbox");
  }

  async #drain(name: string, deliver: Target): Promise<void> {
    for (let rows = this.#rows(name); rows.length > 0; rows = this.#rows(name)) {
      await within(this.deliverWithinMs, deliver(rows));
      this.ctx.sql.exec("DELETE FROM outbox WHERE target = ? AND seq <= ?", name, rows.at(-1)?.seq ?? 0);
    }
  }

  #rows(target: string): OutboxRow[] {
    return this.ctx.sql
      .exec<{ seq: number; kind: string; at: number; data: string }>(
        "SELECT seq, kind, at, data FROM outbox WHERE target = ? ORDER BY seq LIMIT ?",
        target,
        PAGE,
      )
      .toArray()
      .map((row) => ({ ...row, data: JSON.parse(row.data) as Record<string, unknown> }));
  }

  #waiting(): number {
    // Rows for a target that a later version knows wait for its return.
    const known = Object.keys(this.targets);
    const query = `SELECT count(*) AS n FROM outbox WHERE target IN (${known.map(() => "?").join(", ")})`;
    return this.ctx.sql.exec<{ n: number }>(query, ...known).one().n;
  }

  #nextSeq(): number {
    return this.ctx.sql
      .exec<{ value: number }>(
        "INSERT INTO counters (name, value) VALUES ('seq', 1) ON CONFLICT (name) DO UPDATE SET value = value + 1 RETURNING value",
      )
      .one().value;
  }
}
