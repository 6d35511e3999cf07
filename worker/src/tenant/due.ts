/** One table of things to do at a time, behind the object's single alarm. */
import { messageOf } from "../errors";
import { log } from "../log";
import { pauseAfter } from "./backoff";
import { within } from "./deadline";
import { NotYet } from "./not_yet";

export interface DueRow {
  kind: string;
  key: string;
  at: number;
  attempts: number;
}

export type DueHandler = (row: DueRow) => Promise<void>;

/** The alarm rings again only when all work of this one is over, so that work which hangs would hold up all the rest. */
const DEADLINE_MS = 60_000;

export class DueTable {
  constructor(
    private readonly storage: DurableObjectStorage,
    private readonly now: () => number,
  ) {}

  set(kind: string, at: number, key = ""): void {
    this.storage.sql.exec("INSERT OR REPLACE INTO due (kind, key, at, attempts) VALUES (?, ?, ?, 0)", kind, key, at);
  }

  clear(kind: string, key = ""): void {
    this.storage.sql.exec("DELETE FROM due WHERE kind = ? AND key = ?", kind, key);
  }

  at(kind: string, key = ""): number | null {
    const [row] = this.storage.sql
      .exec<{ at: number }>("SELECT at FROM due WHERE kind = ? AND key = ?", kind, key)
      .toArray();
    return row?.at ?? null;
  }

  /** Sets the alarm to the earliest row; without rows there is no alarm. */
  arm(): void {
    const [first] = this.storage.sql.exec<{ at: number | null }>("SELECT min(at) AS at FROM due").toArray();
    // Both calls write to the same database as the rows; the output gate holds answers back until they are on disk.
    if (first?.at == null) void this.storage.deleteAlarm();
    else void this.storage.setAlarm(first.at);
  }

  /**
   * Runs what is due. Each row is moved on and the alarm armed before its handler starts, so that a crash in the middle
   * means "again later"; never throws, so that the platform's own retries of alarms are not needed.
   *
   * @param deadlines by kind, in milliseconds, where a handler may take longer than the others
   */
  async run(handlers: Record<string, DueHandler>, deadlines: Record<string, number> = {}): Promise<void> {
    const claimed = this.#claim();
    this.arm();
    await Promise.all(claimed.map((row) => this.#handle(row, handlers[row.kind], deadlines[row.kind] ?? DEADLINE_MS)));
    this.arm();
  }

  /** Moves due rows to their next attempt and returns them as they were, with the new time beside. */
  #claim(): (DueRow & { next: number })[] {
    const now = this.now();
    const rows = this.storage.sql
      .exec<{ kind: string; key: string; at: number; attempts: number }>("SELECT * FROM due WHERE at <= ?", now)
      .toArray();
    return rows.map((row) => {
      const attempts = row.attempts + 1;
      const next = now + pauseAfter(attempts, Math.random());
      this.storage.sql.exec(
        "UPDATE due SET at = ?, attempts = ? WHERE kind = ? AND key = ?",
        next,
        attempts,
        row.kind,
        row.key,
      );
      return { ...row, attempts, next };
    });
  }

  async #handle(row: DueRow & { next: number }, handler: DueHandler | undefined, deadline: number): Promise<void> {
    try {
      // Another version of this code may have left the row, and may come back for it.
      if (!handler) throw new Error("nothing here handles this kind");
      await within(deadline, handler(row));
      // A row that was scheduled anew meanwhile has another time and stays.
      this.#ifUntouched(row, "DELETE FROM due");
    } catch (error) {
      if (error instanceof NotYet)
        this.#ifUntouched(row, "UPDATE due SET at = ?, attempts = 0", this.now() + error.afterMs);
      const { kind, key, attempts } = row;
      log("warn", "due work will be tried again", { kind, key, attempts, error: messageOf(error) });
    }
  }

  #ifUntouched(row: DueRow & { next: number }, statement: string, ...values: number[]): void {
    const { kind, key, next, attempts } = row;
    this.storage.sql.exec(
      `${statement} WHERE kind = ? AND key = ? AND at = ? AND attempts = ?`,
      ...[...values, kind, key, next, attempts],
    );
  }
}
