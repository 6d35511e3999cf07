/** The usage feed in D1: rows of what tenants used, hour by hour. */

import type { Usage, UsagePage } from "./schemas/usage";
import type { OutboxRow } from "./tenant/outbox";

/** Longer than a reader is away without anybody noticing: what it missed is told nowhere else. */
const KEPT_DAYS = 92;
const DAY_MS = 24 * 3600 * 1000;

/** Puts rows of a tenant's outbox into the feed. One that was delivered before is dropped by its key (tenant, object_seq). */
export async function deliverUsage(db: D1Database, tenant: string, rows: OutboxRow[]): Promise<void> {
  const insert = db.prepare(
    `INSERT INTO usage (tenant, object_seq, at, hour, kind, role, size, quantity) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (tenant, object_seq) DO NOTHING`,
  );
  const names = ["hour", "kind", "role", "size", "quantity"];
  await db.batch(rows.map(({ seq, at, data }) => insert.bind(tenant, seq, at, ...names.map((name) => data[name]))));
}

interface UsageRow extends Omit<Usage, "hour"> {
  hour: number;
}

interface FeedRow {
  epoch: string;
  oldest: number;
  latest: number;
}

const FEED = `SELECT (SELECT epoch FROM feed) AS epoch, coalesce(min(seq), (SELECT usage_oldest FROM feed)) AS oldest,
  coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'usage'), 0) AS latest FROM usage`;

/** Rows after a sequence number, with the feed's bounds as of the same moment. */
export async function usageAfter(db: D1Database, after: number, limit: number): Promise<UsagePage> {
  const columns = "seq, tenant, object_seq, hour, kind, role, size, quantity";
  const rows = db.prepare(`SELECT ${columns} FROM usage WHERE seq > ? ORDER BY seq LIMIT ?`).bind(after, limit);
  const [feed, found] = await db.batch<FeedRow | UsageRow>([db.prepare(FEED), rows]);
  const [bounds] = (feed as D1Result<FeedRow>).results;
  if (!bounds) throw new Error("the feed has no row; its migrations were not applied");
  const used = (found as D1Result<UsageRow>).results.map((row) => ({ ...row, hour: new Date(row.hour).toISOString() }));
  return { feed_epoch: bounds.epoch, oldest_seq: bounds.oldest, latest_seq: bounds.latest, rows: used };
}

/** Drops rows that every reader has had time for; one that was away longer sees it by `oldest_seq`. */
export async function pruneUsage(db: D1Database, now: number): Promise<void> {
  const before = now - KEPT_DAYS * DAY_MS;
  const oldest = "max(usage_oldest, coalesce((SELECT max(seq) + 1 FROM usage WHERE at < ?), 0))";
  await db.batch([
    db.prepare(`UPDATE feed SET usage_oldest = ${oldest}`).bind(before),
    db.prepare("DELETE FROM usage WHERE at < ?").bind(before),
  ]);
}
