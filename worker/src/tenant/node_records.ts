/** What the tenant object knows of its nodes: what it ordered and what they reported. */
import { errorBody } from "../errors";
import { type Plan, type Role, SERVING_ROLES } from "../schemas/plan";
import type { NodeState, NodeView } from "../schemas/tenant";
import type { TenantContext } from "./context";
import { clearEffort, countFailure, effortOf } from "./efforts";
import type { NodeFact } from "./facts";
import { AMONG, certifiedBy, TRUSTS } from "./incarnations";
import type { NodeReport } from "./nodes/reports";
import { meterReport } from "./usage";

/** A node that served this long before it ended was no crash loop: counting starts anew. One that serves and soon dies is. */
const STABLE_MS = 5 * 60_000;

export interface NodeRow extends Record<string, SqlStorageValue> {
  role: string;
  n: number;
  start: number;
  state: string;
  /** What it was started as; compared with what the plan wants. */
  incarnation: string;
  image: string | null;
  instance: string | null;
  started_at: number | null;
  ready_at: number | null;
  restarts: number;
  exit_code: number | null;
  prepared: number;
  checked_at: number;
  /** The newest report of this start. */
  told: number;
  progress: number;
  /** When the progress last rose. */
  moved_at: number | null;
  /** Since when what was acknowledged waits for this node. */
  behind_since: number | null;
}

export const startSubject = (role: Role, n: number) => `start:${role}:${n}`;
export const prepareSubject = (role: Role, n: number) => `prepare:${role}:${n}`;

export function nodeRow(ctx: TenantContext, role: Role, n: number): NodeRow | null {
  return ctx.sql.exec<NodeRow>("SELECT * FROM nodes WHERE role = ? AND n = ?", role, n).toArray()[0] ?? null;
}

export function nodeRows(ctx: TenantContext): NodeRow[] {
  const order: string[] = ["certs", ...SERVING_ROLES];
  const rows = ctx.sql.exec<NodeRow>("SELECT * FROM nodes ORDER BY n").toArray();
  return rows.sort((a, b) => order.indexOf(a.role) - order.indexOf(b.role));
}

export interface PlannedNode {
  role: Role;
  n: number;
  /** False for one that still runs though the plan has it no longer. */
  wanted: boolean;
}

/** Every node the plan wants, and those that still run though it no longer does. */
export function plannedNodes(ctx: TenantContext, plan: Plan | null): PlannedNode[] {
  const wanted = plan ? SERVING_ROLES.flatMap((role) => range(plan.roles[role].count).map((n) => ({ role, n }))) : [];
  const isWanted = (row: NodeRow) => wanted.some((node) => node.role === row.role && node.n === row.n);
  const left = nodeRows(ctx).filter((row) => row.role !== "certs" && !isWanted(row) && !isGone(row));
  return [
    ...wanted.map((node) => ({ ...node, wanted: true })),
    ...left.map((row) => ({ role: row.role as Role, n: row.n, wanted: false })),
  ];
}

const isGone = (row: NodeRow) => ["absent", "stopped", "failed"].includes(row.state);

/** The nodes that people see: not those that the plan has no longer, once they ended. Their rows stay for their count of starts. */
export function shownNodes(ctx: TenantContext, plan: Plan | null): NodeRow[] {
  const planned = plannedNodes(ctx, plan);
  const isPlanned = (row: NodeRow) => planned.some((node) => node.role === row.role && node.n === row.n);
  return nodeRows(ctx).filter((row) => plan === null || row.role === "certs" || isPlanned(row));
}

const range = (count: number) => Array.from({ length: count }, (_, n) => n);

/**
 * @param incarnation what the node should have been started as
 * @param certificate generation of the active bundle
 * @param proving whether credentials are exchanged: a node that has them now serves once they were seen to work
 */
export function factOf(
  ctx: TenantContext,
  { role, n, wanted }: PlannedNode,
  incarnation: string,
  certificate: number,
  proving: boolean,
): NodeFact {
  const row = nodeRow(ctx, role, n);
  const is = row?.incarnation ?? "";
  // One that trusts more than it has to is as good.
  const fits = row !== null && (is === incarnation || is.startsWith(`${incarnation}${TRUSTS}`));
  const among = role === "indexer" && wanted && incarnation.includes(AMONG);
  const apart = among && !is.includes(AMONG);
  // One that is alone serves as it did, until it is one of several.
  const clustered = among && !apart;
  return {
    ...{ role, n, wanted },
    state: (row?.state ?? "absent") as NodeState,
    ...{ fits, apart, certified: is.split("|").includes(certifiedBy(certificate)) },
    prepared: !(role === "manager" || clustered || (proving && fits)) || row?.prepared === 1,
    startedAt: row?.started_at ?? null,
    movedAt: row?.moved_at ?? null,
    starting: effortOf(ctx, startSubject(role, n)),
    preparing: effortOf(ctx, prepareSubject(role, n)),
  };
}

/** Notes a start before it is ordered, so that a crash in between is seen as a start that never arrived. */
export function noteStart(
  ctx: TenantContext,
  { role, n }: { role: Role; n: number },
  as: { incarnation: string; instance: string; credentials: number },
): number {
  const before = nodeRow(ctx, role, n);
  const start = (before?.start ?? 0) + 1;
  const restarts = (before?.restarts ?? 0) + (before?.state === "failed" ? 1 : 0);
  ctx.sql.exec(
    `INSERT OR REPLACE INTO nodes
       (role, n, start, state, incarnation, image, instance, started_at, ready_at, restarts, exit_code, prepared, checked_at,
        credentials)
     VALUES (?, ?, ?, 'starting', ?, NULL, ?, ?, NULL, ?, ?, 0, ?, ?)`,
    role,
    n,
    start,
    as.incarnation,
    as.instance,
    ctx.now(),
    restarts,
    before?.exit_code ?? null,
    ctx.now(),
    as.credentials,
  );
  return start;
}

/**
 * Takes up what a node said.
 * @param asked the start that was known when the tenant object asked: where the node still has an older one, that start
 *   never arrived. Null for a report that came by itself, which may simply be late
 */
export function takeReport(ctx: TenantContext, report: NodeReport, asked: number | null): void {
  const row = nodeRow(ctx, report.role, report.n);
  if (!row) return;
  if (report.start < row.start) {
    if (asked === row.start) setState(ctx, row, "absent", { ...report, told: 0, progress: 0 });
    return;
  }
  if ((report.told ?? row.told) < row.told) return;
  meterReport(ctx, row, report);
  const failedNow = report.state === "failed" && row.state !== "failed";
  setState(ctx, row, report.state, report);
  if (report.state === "running" && row.state !== "running") {
    ctx.sql.exec("UPDATE nodes SET ready_at = ? WHERE role = ? AND n = ?", ctx.now(), row.role, row.n);
  }
  if (failedNow) countExit(ctx, row, report.exit_code);
}

function setState(ctx: TenantContext, row: NodeRow, state: NodeState, report: NodeReport): void {
  const { image, exit_code, told = row.told, progress = row.progress } = report;
  const now = ctx.now();
  const movedAt = progress > row.progress ? now : row.moved_at;
  ctx.sql.exec(
    `UPDATE nodes SET state = ?, image = coalesce(?, image), exit_code = coalesce(?, exit_code), checked_at = ?,
       told = ?, progress = max(progress, ?), moved_at = ?, behind_since = ? WHERE role = ? AND n = ?`,
    ...[state, image, exit_code, now, told, progress, movedAt, report.behind_since ?? null, row.role, row.n],
  );
}

function countExit(ctx: TenantContext, row: NodeRow, exitCode: number | null): void {
  // It served and is gone without an exit code: its host has gone, or what runs it. That is no fault of the node's.
  if (exitCode === null && row.ready_at !== null) return;
  const subject = startSubject(row.role as Role, row.n);
  if (row.ready_at !== null && ctx.now() - row.ready_at >= STABLE_MS) clearEffort(ctx, subject);
  const how = exitCode === null ? "ended while nobody watched" : `exited with code ${exitCode}`;
  countFailure(ctx, subject, errorBody("NODE_EXITED", `The ${row.role} ${how}.`));
}

/** Whether the role's first node gave answers when it was last heard of. */
export function servesNow(ctx: TenantContext, role: Role): boolean {
  const row = nodeRow(ctx, role, 0);
  return row?.state === "running" && (role !== "manager" || row.prepared === 1);
}

/** Has every node asked at the next visit, however lately it reported. */
export function askAgain(ctx: TenantContext): void {
  ctx.sql.exec("UPDATE nodes SET checked_at = 0");
}

/** @param start the one that was prepared; a newer one has an empty disk again */
export function notePrepared(ctx: TenantContext, role: Role, n: number, start: number): void {
  ctx.sql.exec("UPDATE nodes SET prepared = 1 WHERE role = ? AND n = ? AND start = ?", role, n, start);
}

export function viewOf(row: NodeRow): Omit<NodeView, "health"> {
  return {
    role: row.role as Role,
    n: row.n,
    state: row.state as NodeState,
    image: row.image,
    instance: row.instance as NodeView["instance"],
    started_at: row.started_at === null ? null : new Date(row.started_at).toISOString(),
    restarts: row.restarts,
    exit_code: row.exit_code,
  };
}
