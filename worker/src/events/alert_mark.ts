/**
 * How far the alerts of a tenant have come that somebody should look at, and whether its tenant object knows.
 *
 * A mark stands for all alerts up to a number, so a storm of them is one mark every few seconds, however many they are.
 */

/** From this rule level on, Wazuh calls an alert medium or worse; what is lower is for searching, not for looking at. */
export const WORTH_A_LOOK = 7;

/** The least time between two marks of one tenant. */
export const PAUSE_MS = 5000;

/** What is told: the number of the newest such alert, and the highest level since the mark before. */
export interface Mark {
  latest: number;
  highest: number;
}

const TABLE = `
CREATE TABLE IF NOT EXISTS alert_mark (
  one INTEGER PRIMARY KEY CHECK (one = 1), latest INTEGER NOT NULL, highest INTEGER NOT NULL, tried_at INTEGER NOT NULL);
INSERT OR IGNORE INTO alert_mark (one, latest, highest, tried_at) VALUES (1, 0, 0, 0);
`;

type Row = Mark & { tried_at: number };

/** `highest` is 0 while there is nothing to tell. */
export class AlertMark {
  constructor(private readonly sql: SqlStorage) {
    this.create();
  }

  /** Makes the table; again after an object's storage was deleted. */
  create(): void {
    this.sql.exec(TABLE);
  }

  /**
   * Notes what a commit brought; call inside its transaction.
   * @param highest the highest level in it
   * @param latest the log's newest number after it
   */
  note(highest: number, latest: number): void {
    if (highest < WORTH_A_LOOK) return;
    this.sql.exec("UPDATE alert_mark SET latest = ?, highest = max(highest, ?)", latest, highest);
  }

  /** When there is something to tell (milliseconds since 1970, maybe past); null while there is not. */
  dueAt(): number | null {
    const { highest, tried_at } = this.#row();
    return highest === 0 ? null : tried_at + PAUSE_MS;
  }

  /** What is to be told now, or null; from then on the pause runs, whether or not it arrives. */
  take(now: number): Mark | null {
    const { latest, highest, tried_at } = this.#row();
    if (highest === 0 || tried_at + PAUSE_MS > now) return null;
    this.sql.exec("UPDATE alert_mark SET tried_at = ?", now);
    return { latest, highest };
  }

  /** Forgets what was told, unless more has come meanwhile. */
  settle({ latest }: Mark): void {
    this.sql.exec("UPDATE alert_mark SET highest = 0 WHERE latest = ?", latest);
  }

  #row(): Row {
    return this.sql.exec<Row & Record<string, number>>("SELECT latest, highest, tried_at FROM alert_mark").one();
  }
}

/** The level of an alert's rule; 0 where it names none. */
export function levelOf(data: unknown): number {
  const level = (data as { rule?: { level?: unknown } } | null)?.rule?.level;
  return typeof level === "number" ? level : 0;
}
