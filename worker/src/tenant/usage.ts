/** What a tenant used, by UTC hour: gathered here, told once each hour has ended. How intervals come about: meters.ts. */
import type { CountBatch } from "../counts";
import { messageOf } from "../errors";
import { log } from "../log";
import type { UsageKind } from "../schemas/usage";
import type { TenantContext } from "./context";
import { byHour, HOUR_MS, hourOf, type Interval, type Meter, metered, settled } from "./meters";
import type { NodeRow } from "./node_records";
import { nodeStub } from "./nodes/names";
import type { NodeReport } from "./nodes/reports";
import { migrate } from "./schema";

const MIGRATIONS = [
  `CREATE TABLE node_meters (
     role TEXT NOT NULL, n INTEGER NOT NULL, start INTEGER NOT NULL, size TEXT NOT NULL, counted INTEGER NOT NULL,
     seen INTEGER NOT NULL, ended INTEGER NOT NULL,
     PRIMARY KEY (role, n)
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE usage (
     hour INTEGER NOT NULL, kind TEXT NOT NULL, role TEXT NOT NULL, size TEXT NOT NULL, quantity INTEGER NOT NULL,
     PRIMARY KEY (hour, kind, role, size)
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE counts_taken (source TEXT PRIMARY KEY, batch INTEGER NOT NULL) STRICT, WITHOUT ROWID;`,
];

export function migrateUsage(storage: DurableObjectStorage): void {
  migrate(storage, "usage", MIGRATIONS);
}

/** An hour is told this long after its end, so that what came late to this object is part of it. */
const CLOSED_AFTER_MS = 5 * 60_000;
/** Tenants do not all close the hour together. */
const SPREAD_MS = 5 * 60_000;
const ANSWER_AGAIN_MS = 5 * 60_000;

interface MeterRow extends Record<string, SqlStorageValue> {
  role: string;
  n: number;
  start: number;
  size: string;
  counted: number;
  seen: number;
  ended: number;
}

const meterOf = ({ start, counted, seen, ended }: MeterRow): Meter => ({ start, counted, seen, ended: ended === 1 });

/** Takes up how long the node ran by its report. @param row as it was when the report came */
export function meterReport(ctx: TenantContext, row: NodeRow, report: NodeReport): void {
  if (report.start !== row.start || report.started_at === null) return;
  const query = "SELECT * FROM node_meters WHERE role = ? AND n = ?";
  const [known] = ctx.sql.exec<MeterRow>(query, row.role, row.n).toArray();
  const [start, startedAt, at] = [report.start, report.started_at, report.at ?? ctx.now()];
  const endedAt = endOf(report, known === undefined ? startedAt : at);
  const { meter, earlier } = metered(known ? meterOf(known) : null, { start, startedAt, at, endedAt });
  if (known && earlier) addRun(ctx, known, earlier);
  keepMeter(ctx, row, known?.start === start ? known.size : (row.instance ?? ""), meter);
  if (!meter.ended) closeSometime(ctx);
}

/** @param seenGone when a node of the version before, which does not tell when it ended, was seen to have ended */
function endOf({ state, ended_at }: NodeReport, seenGone: number): number | null {
  return state === "failed" || state === "stopped" ? (ended_at ?? seenGone) : null;
}

function keepMeter(ctx: TenantContext, { role, n }: Pick<NodeRow, "role" | "n">, size: string, meter: Meter): void {
  ctx.sql.exec(
    "INSERT OR REPLACE INTO node_meters (role, n, start, size, counted, seen, ended) VALUES (?, ?, ?, ?, ?, ?, ?)",
    ...[role, n, meter.start, size, meter.counted, meter.seen, Number(meter.ended)],
  );
}

function addRun(ctx: TenantContext, { role, size }: Pick<MeterRow, "role" | "size">, interval: Interval): void {
  for (const { hour, ms } of byHour(interval)) add(ctx, hour, "container_seconds", ms, role, size);
}

function add(ctx: TenantContext, hour: number, kind: UsageKind, quantity: number, role = "", size = ""): void {
  ctx.sql.exec(
    `INSERT INTO usage (hour, kind, role, size, quantity) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT (hour, kind, role, size) DO UPDATE SET quantity = quantity + excluded.quantity`,
    ...[hour, kind, role, size, quantity],
  );
}

/** Notes how many agents there are: of each hour the highest number is told. */
export function noteAgents(ctx: TenantContext, { enrolled, active }: { enrolled: number; active: number }): void {
  if (ctx.record()?.requested !== "running") return;
  notePeak(ctx, "agents_enrolled", enrolled);
  notePeak(ctx, "agents_active", active);
}

/** Notes how much lies on the disk of an indexer: of several, and of each hour, the most is told. */
export const noteDisk = (ctx: TenantContext, bytes: number): void => notePeak(ctx, "disk_used_bytes", bytes, "indexer");

function notePeak(ctx: TenantContext, kind: UsageKind, quantity: number, role = ""): void {
  ctx.sql.exec(
    `INSERT INTO usage (hour, kind, role, size, quantity) VALUES (?, ?, ?, '', ?)
     ON CONFLICT (hour, kind, role, size) DO UPDATE SET quantity = max(quantity, excluded.quantity)`,
    ...[hourOf(ctx.now()), kind, role, quantity],
  );
}

/** Has the present hour closed once it has ended. */
function closeSometime(ctx: TenantContext): void {
  if (ctx.sql.exec("SELECT 1 FROM due WHERE kind = 'usage'").toArray().length > 0) return;
  const end = hourOf(ctx.now()) + HOUR_MS;
  ctx.schedule("usage", end + CLOSED_AFTER_MS + Math.round(Math.random() * SPREAD_MS));
}

/** Tells of the hours that have ended. What is not known yet follows in further rows of the same hour. */
export async function closeHours(ctx: TenantContext): Promise<void> {
  const complete = await takeCounts(ctx).then(
    () => true,
    (error: unknown) => notTaken(ctx, error),
  );
  ctx.transaction(() => {
    ctx.unschedule("usage");
    tellUsage(ctx, hourOf(ctx.now()));
    if (!complete) ctx.schedule("usage", ctx.now() + ANSWER_AGAIN_MS);
    else if (goesOn(ctx)) closeSometime(ctx);
  });
}

function notTaken(ctx: TenantContext, error: unknown): false {
  log("warn", "what was counted was not handed over", { tenant: ctx.id, error: messageOf(error) });
  return false;
}

/** Whether there is, or will be, something to tell. */
function goesOn(ctx: TenantContext): boolean {
  const open = "SELECT 1 FROM usage UNION ALL SELECT 1 FROM node_meters WHERE ended = 0 LIMIT 1";
  return ctx.record()?.requested === "running" || ctx.sql.exec(open).toArray().length > 0;
}

/** Tells of everything, the hour under way among it: the tenant's last. Call inside a transaction. */
export const tellLastUsage = (ctx: TenantContext): void => tellUsage(ctx, Number.POSITIVE_INFINITY);

function tellUsage(ctx: TenantContext, before: number): void {
  settleMeters(ctx);
  type Row = { hour: number; kind: UsageKind; role: string; size: string; quantity: number };
  const rows = ctx.sql.exec<Row>("SELECT * FROM usage ORDER BY hour, kind, role, size").toArray();
  for (const { hour, kind, role, size, quantity } of rows.filter((row) => row.hour < before)) {
    const told = kind === "container_seconds" ? quantity / 1000 : quantity;
    ctx.tellUsage({ hour, kind, role: role || null, size: size || null, quantity: told });
    ctx.sql.exec(
      "DELETE FROM usage WHERE hour = ? AND kind = ? AND role = ? AND size = ?",
      ...[hour, kind, role, size],
    );
  }
}

function settleMeters(ctx: TenantContext): void {
  for (const row of ctx.sql.exec<MeterRow>("SELECT * FROM node_meters WHERE counted < seen").toArray()) {
    const { meter, open } = settled(meterOf(row));
    addRun(ctx, row, open);
    keepMeter(ctx, row, row.size, meter);
  }
}

/** Takes over what the tenant's other objects counted. Each batch once: its id is kept with what it held. */
export async function takeCounts(ctx: TenantContext): Promise<void> {
  // Where nothing ever ran there is nothing to ask, and asking would make the objects.
  if (ctx.sql.exec("SELECT 1 FROM node_meters LIMIT 1").toArray().length === 0) return;
  for (const [source, counting] of Object.entries(sourcesOf(ctx))) {
    const query = "SELECT batch FROM counts_taken WHERE source = ?";
    const taken = ctx.sql.exec<{ batch: number }>(query, source).toArray()[0]?.batch ?? 0;
    const batch = await counting.handOverCounts(taken);
    ctx.transaction(() => keepBatch(ctx, source, batch));
  }
}

interface Counting {
  handOverCounts(taken: number): Promise<CountBatch>;
}

/** The objects that count, by the name under which their batches are known. */
function sourcesOf(ctx: TenantContext): Record<string, Counting> {
  // Also one that the plan has no more: what it carried last may not have been handed over.
  const managers = ctx.sql.exec<{ n: number }>("SELECT n FROM node_meters WHERE role = 'manager'").toArray();
  return {
    "indexer-0": nodeStub(ctx.env, ctx.id, "indexer", 0),
    stream: ctx.env.WAZUH_EVENTS.getByName(ctx.id),
    ...Object.fromEntries(managers.map(({ n }) => [`manager-${n}`, nodeStub(ctx.env, ctx.id, "manager", n)])),
  };
}

function keepBatch(ctx: TenantContext, source: string, { id, counts }: CountBatch): void {
  const query = "SELECT 1 FROM counts_taken WHERE source = ? AND batch >= ?";
  if (ctx.sql.exec(query, source, id).toArray().length > 0) return;
  ctx.sql.exec("INSERT OR REPLACE INTO counts_taken (source, batch) VALUES (?, ?)", source, id);
  for (const { hour, kind, quantity } of counts) add(ctx, hour, kind as UsageKind, quantity);
}
