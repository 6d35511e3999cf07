/** What is kept of the nodes' health: the newest reading of each, what was told of it, and the ingest probe. */
import { type ErrorBody, errorBody } from "../errors";
import type { NodeState, NodeView } from "../schemas/tenant";
import type { TenantContext } from "./context";
import { differs, type Finding, type Health, healthOf, isEvent, nextReading, persists, type Reading } from "./health";
import { type NodeRow, nodeRow, nodeRows } from "./node_records";
import { migrate } from "./schema";

const MIGRATIONS = [
  `CREATE TABLE node_health (
     role TEXT NOT NULL, n INTEGER NOT NULL, start INTEGER NOT NULL, finding TEXT, failures INTEGER NOT NULL,
     checked_at INTEGER NOT NULL, told TEXT, since INTEGER,
     PRIMARY KEY (role, n)
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE ingest_probe (
     one INTEGER PRIMARY KEY CHECK (one = 1), verified_at INTEGER, tried_at INTEGER NOT NULL, error TEXT
   ) STRICT;`,
];

export function migrateHealth(storage: DurableObjectStorage): void {
  migrate(storage, "health", MIGRATIONS);
}

interface HealthRow extends Record<string, SqlStorageValue> {
  start: number;
  finding: string | null;
  failures: number;
  checked_at: number;
  /** What the feed and the stream were told last; null where that is nothing. */
  told: string | null;
  since: number | null;
}

type NodeName = Pick<NodeRow, "role" | "n">;

function healthRow(ctx: TenantContext, { role, n }: NodeName): HealthRow | null {
  const query = "SELECT * FROM node_health WHERE role = ? AND n = ?";
  return ctx.sql.exec<HealthRow>(query, role, n).toArray()[0] ?? null;
}

const readingOf = (row: HealthRow | null): Reading | null =>
  row && {
    ...{ start: row.start, failures: row.failures, checkedAt: row.checked_at },
    finding: row.finding === null ? null : (JSON.parse(row.finding) as Finding),
  };

const toldOf = (row: HealthRow | null): Health =>
  row?.told ? (JSON.parse(row.told) as Health) : { state: "unknown", detail: null };

const asNode = (node: NodeRow) => ({ state: node.state as NodeState, start: node.start });

/** Keeps what a check found. A node that was started anew meanwhile was not the one that answered. */
export function keepFinding(ctx: TenantContext, node: NodeRow, found: Finding): void {
  if (nodeRow(ctx, node.role as NodeView["role"], node.n)?.start !== node.start) return;
  const reading = nextReading(readingOf(healthRow(ctx, node)), node.start, found, ctx.now());
  ctx.sql.exec(
    `INSERT INTO node_health (role, n, start, finding, failures, checked_at) VALUES (?, ?, ?, ?, ?, ?)
     ON CONFLICT (role, n) DO UPDATE SET start = excluded.start, finding = excluded.finding,
       failures = excluded.failures, checked_at = excluded.checked_at`,
    ...[node.role, node.n, reading.start, found && JSON.stringify(found), reading.failures, reading.checkedAt],
  );
}

/** Tells feed and stream of every node whose health is another one than they know. Call inside a transaction. */
export function publishHealth(ctx: TenantContext): void {
  for (const node of nodeRows(ctx)) {
    const row = healthRow(ctx, node);
    if (row) publishChange(ctx, node, row);
  }
}

function publishChange(ctx: TenantContext, node: NodeRow, row: HealthRow): void {
  const [before, health, now] = [toldOf(row), healthOf(readingOf(row), asNode(node), ctx.now()), ctx.now()];
  if (!differs(before, health)) return;
  const { role, n } = node;
  const set = "UPDATE node_health SET told = ?, since = ? WHERE role = ? AND n = ?";
  ctx.sql.exec(set, JSON.stringify(health), now, role, n);
  ctx.publish("health", { role, n, ...health, since: now, checked_at: row.checked_at });
  if (isEvent(before, health)) {
    const { state, detail } = health;
    ctx.emit("lifecycle", { node: `${role}-${n}`, health: state, before: before.state, reason: detail });
  }
}

/** As it was told last, so that feed, D1 and view never disagree. */
export function healthView(ctx: TenantContext, node: NodeRow): NodeView["health"] {
  const row = healthRow(ctx, node);
  const time = (ms: number | null | undefined) => (ms == null ? null : new Date(ms).toISOString());
  return { ...toldOf(row), since: time(row?.since), checked_at: time(row?.checked_at) };
}

/** Why the tenant counts as degraded although all its nodes run; null where nothing has failed for long. */
export function unwell(ctx: TenantContext): ErrorBody | null {
  for (const node of nodeRows(ctx)) {
    const reading = readingOf(healthRow(ctx, node));
    const health = healthOf(reading, asNode(node), ctx.now());
    if (persists(reading, health)) {
      return errorBody("NODE_UNHEALTHY", `The ${node.role} runs, but it is not well. ${health.detail?.message}`);
    }
  }
  return null;
}

export interface Probe {
  /** When an alert was last written, found and removed. */
  verifiedAt: number | null;
  triedAt: number;
  /** Why the newest try failed; null where it did not. */
  error: string | null;
}

export function probeOf(ctx: TenantContext): Probe | null {
  type Row = { verified_at: number | null; tried_at: number; error: string | null };
  const [row] = ctx.sql.exec<Row>("SELECT verified_at, tried_at, error FROM ingest_probe").toArray();
  return row ? { verifiedAt: row.verified_at, triedAt: row.tried_at, error: row.error } : null;
}

/** @param error why ingest could not be verified; null where it was */
export function noteProbe(ctx: TenantContext, error: string | null): void {
  const now = ctx.now();
  if (!ctx.isLive()) return;
  ctx.sql.exec(
    `INSERT INTO ingest_probe (one, verified_at, tried_at, error) VALUES (1, ?, ?, ?)
     ON CONFLICT (one) DO UPDATE SET verified_at = coalesce(excluded.verified_at, verified_at),
       tried_at = excluded.tried_at, error = excluded.error`,
    ...[error === null ? now : null, now, error],
  );
}
