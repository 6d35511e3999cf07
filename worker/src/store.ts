/** All SQL on D1 and all keys in KV. */
import type { Change, ChangePage, KeyUse } from "./schemas/feed";
import type { Requested } from "./schemas/orders";
import type { Observed, TenantView } from "./schemas/tenant";
import type { OutboxRow } from "./tenant/outbox";

const CHANGES_KEPT_DAYS = 14;
const DAY_MS = 24 * 3600 * 1000;
/** What is observed of a tenant with which nothing is left to be done, by what is wanted of it. */
const RESTS: Partial<Record<Requested, Observed>> = { stopped: "stopped", deleted: "absent" };

/**
 * Puts rows of a tenant's outbox into the changes feed and brings the registry up to date, in one transaction. A row that
 * was delivered before is dropped by its key (tenant, object_seq).
 */
export async function deliverChanges(db: D1Database, tenant: string, rows: OutboxRow[]): Promise<void> {
  const insert = db.prepare(
    "INSERT INTO changes (tenant, object_seq, kind, at, data) VALUES (?, ?, ?, ?, ?) ON CONFLICT (tenant, object_seq) DO NOTHING",
  );
  const statements = rows.map((row) => insert.bind(tenant, row.seq, row.kind, row.at, JSON.stringify(row.data)));
  const newest = rows.findLast((row) => row.kind === "tenant");
  if (newest) {
    statements.push(registration(db, tenant, newest.seq, newest.data as unknown as TenantView));
    // Until the tenant says which key it needs, the sweep asks it.
    statements.push(db.prepare("INSERT OR IGNORE INTO data_keys (tenant) VALUES (?)").bind(tenant));
  }
  for (const row of rows) statements.push(...(REGISTERED[row.kind]?.(db, tenant, row) ?? []));
  await db.batch(statements);
}

/** Kinds of changes that a table of their own is kept of. */
const REGISTERED: Record<string, (db: D1Database, tenant: string, row: OutboxRow) => D1PreparedStatement[]> = {
  certificate: (db, tenant, row) => [certificate(db, tenant, row)],
  health: (db, tenant, row) => [nodeHealth(db, tenant, row)],
  tenant: (db, tenant, { data }) => (data.observed === "absent" ? [nothingLeft(db, tenant)] : []),
};

/** A late delivery must not put an older view over a newer one. */
function registration(db: D1Database, tenant: string, seq: number, view: TenantView): D1PreparedStatement {
  return db
    .prepare(
      `INSERT INTO tenants (id, object_seq, resting, view) VALUES (?, ?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET object_seq = excluded.object_seq, resting = excluded.resting, view = excluded.view
       WHERE excluded.object_seq > tenants.object_seq`,
    )
    .bind(tenant, seq, Number(rests(view)), JSON.stringify(view));
}

/** A tenant that sleeps is woken by requests and by its own alarm alone. */
const rests = ({ requested, observed, sleeping }: TenantView) => observed === (sleeping ? "stopped" : RESTS[requested]);

/** What is known of a generation of certificates; never the certificates themselves. */
function certificate(db: D1Database, tenant: string, { seq, data }: OutboxRow): D1PreparedStatement {
  const names = ["generation", "state", "fingerprint", "ca_fingerprint", "minted_at", "not_after"];
  return db
    .prepare(
      `INSERT INTO certificates (tenant, object_seq, ${names.join(", ")}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (tenant, generation) DO UPDATE SET object_seq = excluded.object_seq, state = excluded.state
       WHERE excluded.object_seq > certificates.object_seq`,
    )
    .bind(tenant, seq, ...names.map((name) => data[name]));
}

/** How a node is, from one change of that to the next. */
function nodeHealth(db: D1Database, tenant: string, { seq, data }: OutboxRow): D1PreparedStatement {
  const { role, n, state, detail, since, checked_at } = data;
  return db
    .prepare(
      `INSERT INTO node_health (tenant, role, n, object_seq, state, detail, since, checked_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (tenant, role, n) DO UPDATE SET object_seq = excluded.object_seq, state = excluded.state,
         detail = excluded.detail, since = excluded.since, checked_at = excluded.checked_at
       WHERE excluded.object_seq > node_health.object_seq`,
    )
    .bind(tenant, role, n, seq, state, JSON.stringify(detail), since, checked_at);
}

/** A tenant that is gone has no nodes. */
const nothingLeft = (db: D1Database, tenant: string) =>
  db.prepare("DELETE FROM node_health WHERE tenant = ?").bind(tenant);

interface ChangeRow {
  seq: number;
  tenant: string;
  object_seq: number;
  kind: string;
  at: number;
  data: string;
}

const FEED = `SELECT (SELECT epoch FROM feed) AS epoch, coalesce(min(seq), (SELECT next_oldest FROM feed)) AS oldest,
  coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'changes'), 0) AS latest FROM changes`;

interface FeedRow {
  epoch: string;
  oldest: number;
  latest: number;
}

/** Changes after a sequence number, with the feed's bounds as of the same moment. */
export async function changesAfter(db: D1Database, after: number, limit: number): Promise<ChangePage> {
  const rows = db.prepare("SELECT * FROM changes WHERE seq > ? ORDER BY seq LIMIT ?").bind(after, limit);
  const [feed, found] = await db.batch<FeedRow | ChangeRow>([db.prepare(FEED), rows]);
  const { epoch, oldest, latest } = onlyRow(feed as D1Result<FeedRow>);
  const changes = (found as D1Result<ChangeRow>).results.map(changeOf);
  return { feed_epoch: epoch, oldest_seq: oldest, latest_seq: latest, changes };
}

function changeOf(row: ChangeRow): Change {
  return {
    seq: row.seq,
    tenant: row.tenant,
    object_seq: row.object_seq,
    kind: row.kind as Change["kind"],
    at: new Date(row.at).toISOString(),
    data: JSON.parse(row.data) as Record<string, unknown>,
  };
}

/** A page of the registry by id, with the feed's position as of the same moment: where a resync goes on from. */
export async function tenantsAfter(db: D1Database, after: string, limit: number) {
  const rows = db.prepare("SELECT view FROM tenants WHERE id > ? ORDER BY id LIMIT ?").bind(after, limit);
  const [feed, found] = await db.batch<FeedRow | { view: string }>([db.prepare(FEED), rows]);
  const { epoch, latest } = onlyRow(feed as D1Result<FeedRow>);
  const tenants = (found as D1Result<{ view: string }>).results.map((row) => JSON.parse(row.view) as TenantView);
  const next = tenants.length === limit ? (tenants.at(-1)?.id ?? null) : null;
  return { tenants, next, feed_epoch: epoch, latest_seq: latest };
}

/** Whether D1 answers and its migrations were applied. */
export async function feedIsReady(db: D1Database): Promise<boolean> {
  const { results } = await db.prepare(FEED).all<FeedRow>();
  return Boolean(results[0]?.epoch);
}

/** The tenants that the sweep has left alone longest, at least since `before`; they count as swept at once. */
export async function takeForSweep(db: D1Database, now: number, before: number, limit: number): Promise<string[]> {
  const { results } = await db
    .prepare(
      `UPDATE tenants SET swept_at = ? WHERE id IN (
         SELECT id FROM tenants WHERE resting = 0 AND swept_at < ? ORDER BY swept_at LIMIT ?
       ) RETURNING id`,
    )
    .bind(now, before, limit)
    .all<{ id: string }>();
  return results.map((row) => row.id);
}

/** Notes which key-encryption key holds a tenant's data key; empty where it has none. */
export async function putDataKey(db: D1Database, tenant: string, seq: number, kek: string): Promise<void> {
  await db
    .prepare(
      `INSERT INTO data_keys (tenant, object_seq, kek) VALUES (?, ?, ?)
       ON CONFLICT (tenant) DO UPDATE SET object_seq = excluded.object_seq, kek = excluded.kek
       WHERE excluded.object_seq > data_keys.object_seq`,
    )
    .bind(tenant, seq, kek)
    .run();
}

/**
 * Tenants, resting ones too, whose data key lies under another key than the current, or of which that is not known; the
 * longest not asked first. They count as asked at once.
 */
export async function takeForRewrap(
  db: D1Database,
  current: string,
  now: number,
  before: number,
  limit: number,
): Promise<string[]> {
  const { results } = await db
    .prepare(
      `UPDATE data_keys SET asked_at = ? WHERE tenant IN (
         SELECT tenant FROM data_keys
         WHERE (kek IS NULL OR (kek > '' AND kek < ?) OR kek > ?) AND asked_at < ? ORDER BY asked_at LIMIT ?
       ) RETURNING tenant`,
    )
    .bind(now, current, current, before, limit)
    .all<{ tenant: string }>();
  return results.map((row) => row.tenant);
}

/** How many tenants need each key-encryption key, and of how many that is not known yet. */
export async function keysInUse(db: D1Database): Promise<{ in_use: KeyUse[]; unknown: number }> {
  const query =
    "SELECT kek, count(*) AS tenants FROM data_keys WHERE kek IS NULL OR kek > '' GROUP BY kek ORDER BY kek";
  const { results } = await db.prepare(query).all<{ kek: string | null; tenants: number }>();
  const unknown = results.find(({ kek }) => kek === null)?.tenants ?? 0;
  return { in_use: results.flatMap(({ kek, tenants }) => (kek === null ? [] : [{ kek, tenants }])), unknown };
}

/** Drops changes that every consumer has had time for; one that was away longer resyncs by `oldest_seq`. */
export async function pruneChanges(db: D1Database, now: number): Promise<void> {
  const before = now - CHANGES_KEPT_DAYS * DAY_MS;
  await db.batch([
    db
      .prepare(
        "UPDATE feed SET next_oldest = max(next_oldest, coalesce((SELECT max(seq) + 1 FROM changes WHERE at < ?), 0))",
      )
      .bind(before),
    db.prepare("DELETE FROM changes WHERE at < ?").bind(before),
  ]);
}

function onlyRow<T>(result: D1Result<T>): T {
  const [row] = result.results;
  if (!row) throw new Error("the feed has no row; its migrations were not applied");
  return row;
}

const clusterKey = (tenant: string) => `clusters/${tenant}.json`;

/** The plan's read copy; a deleted tenant has none. */
export async function putClusterPlan(kv: KVNamespace, tenant: string, data: Record<string, unknown>): Promise<void> {
  if (data.requested === "deleted") await kv.delete(clusterKey(tenant));
  else await kv.put(clusterKey(tenant), JSON.stringify(data));
}
