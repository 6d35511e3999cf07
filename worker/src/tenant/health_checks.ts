/** Asks every node that runs how it is: more than that its process answers. Decisions: health.ts. */
import { z } from "zod";
import { EdgeError, messageOf } from "../errors";
import { log } from "../log";
import { thresholdsOf } from "../plan";
import type { ServingRole } from "../schemas/plan";
import type { TenantContext } from "./context";
import { within } from "./deadline";
import {
  ASK_MS,
  DISK_FULL_PERCENT,
  dashboardFinding,
  type Finding,
  gravest,
  indexerFinding,
  managerFinding,
  PROBE_EVERY_MS,
  silent,
  unverified,
} from "./health";
import { keepFinding, noteProbe, probeOf, publishHealth } from "./health_rows";
import { CLUSTER_HEALTH } from "./indexers";
import { MASTER, managerOf } from "./manager";
import { ManagerRefusal } from "./manager_calls";
import { indexerAuthorization, isClustered, nodeName } from "./node_env";
import { type NodeRow, nodeRows } from "./node_records";
import { anyNodeStub, nodeStub } from "./nodes/names";
import type { Told } from "./nodes/told";
import { NotYet } from "./not_yet";
import { hasSettled } from "./runs";
import { noteDisk } from "./usage";

/** A node that hangs is told by its object within this; where the object does not answer, nothing is learned. */
const ANSWER_WITHIN_MS = 10_000;
const PROBE_WITHIN_MS = 35_000;
/** A tenant that just came up is looked at soon; the spread keeps tenants that came up together apart. */
const FIRST_MS = 2000;

/** The dashboard takes nobody without proxy headers; the edge asks in its own name, with the least of the roles. */
const AS_READER = {
  "x-proxy-user": "edge-health",
  "x-proxy-roles": "tenant_readonly",
  "x-forwarded-for": "127.0.0.1",
};

const spread = (ms: number) => Math.round(ms * (0.9 + 0.2 * Math.random()));

/** Sets the first check once there is a node to ask; the later ones set their next. */
export function watchHealth(ctx: TenantContext): void {
  if (nodesToAsk(ctx).length === 0 || ctx.sql.exec("SELECT 1 FROM due WHERE kind = 'health'").toArray().length > 0)
    return;
  ctx.schedule("health", ctx.now() + spread(FIRST_MS));
}

/** Those that run. While the tenant is set up or stopped its steps say how it does. */
function nodesToAsk(ctx: TenantContext): NodeRow[] {
  if (ctx.record()?.requested !== "running" || !hasSettled(ctx)) return [];
  return nodeRows(ctx).filter(({ role, state }) => role in CHECKS && state === "running");
}

/** One check of all nodes. A node of which nothing can be learned keeps what is known of it, until that is too old. */
export async function checkHealth(ctx: TenantContext): Promise<void> {
  const nodes = nodesToAsk(ctx);
  if (nodes.length === 0) return;
  const found = await Promise.all(nodes.map((node) => check(ctx, node)));
  ctx.transaction(() => {
    for (const [index, node] of nodes.entries()) {
      const finding = found[index];
      if (finding !== undefined) keepFinding(ctx, node, finding);
    }
    publishHealth(ctx);
    ctx.viewChanged();
  });
  const failing = found.some((finding) => finding?.state === "failing");
  ctx.schedule("health", ctx.now() + spread(failing ? ASK_MS.failing : ASK_MS.well));
}

const CHECKS: Record<ServingRole, (ctx: TenantContext, n: number) => Promise<Finding>> = {
  indexer: async (ctx, n) =>
    gravest([await indexerHealth(ctx, n), n === firstIndexer(ctx) ? await ingestHealth(ctx) : null]),
  manager: managerHealth,
  dashboard: dashboardHealth,
};

/** Of the indexers that run: one probe at a time, or one would remove what another looks for. */
const firstIndexer = (ctx: TenantContext) => nodesToAsk(ctx).find(({ role }) => role === "indexer")?.n;

/** @returns undefined where nothing was learned */
async function check(ctx: TenantContext, { role, n }: NodeRow): Promise<Finding | undefined> {
  try {
    return await within(PROBE_WITHIN_MS + ANSWER_WITHIN_MS, CHECKS[role as ServingRole](ctx, n));
  } catch (error) {
    if (error instanceof NotYet) return undefined;
    if (error instanceof Unanswered || error instanceof ManagerRefusal || isManagersSilence(error)) {
      return silent(messageOf(error));
    }
    log("warn", "a node's health was not learned", { tenant: ctx.id, role, n, error: messageOf(error) });
    return undefined;
  }
}

const isManagersSilence = (error: unknown) => error instanceof EdgeError && error.code === "MANAGER_REFUSED";

/** The node did not answer, or with something that nobody can use. */
class Unanswered extends Error {}

const ClusterHealth = z.object({ status: z.string() });
const Bytes = z.number().nonnegative();
const FileSystems = z.object({
  nodes: z.record(
    z.string(),
    z.object({ fs: z.object({ total: z.object({ total_in_bytes: Bytes, available_in_bytes: Bytes }) }) }),
  ),
});
const DashboardStatus = z.object({ status: z.object({ overall: z.object({ state: z.string() }) }) });

async function indexerHealth(ctx: TenantContext, n: number): Promise<Finding> {
  const authorization = await indexerAuthorization(ctx, n);
  const get = (path: string) => anyNodeStub(ctx.env, ctx.id, "indexer", n).ask(9200, path, { authorization });
  const [{ status }, { nodes }] = await Promise.all([
    read(get(CLUSTER_HEALTH), ClusterHealth),
    read(get("/_nodes/stats/fs"), FileSystems),
  ]);
  // A node tells of all nodes of its cluster: the fullest decides.
  const free = (disk: { total_in_bytes: number; available_in_bytes: number }) =>
    disk.available_in_bytes / disk.total_in_bytes;
  const [disk] = Object.values(nodes)
    .map(({ fs }) => fs.total)
    .sort((one, other) => free(one) - free(other));
  const plan = ctx.record()?.plan;
  const bytes = disk ? { total: disk.total_in_bytes, available: disk.available_in_bytes } : null;
  if (bytes) noteDisk(ctx, bytes.total - bytes.available);
  return indexerFinding(status, bytes, plan ? thresholdsOf(plan).disk_warning_percent : DISK_FULL_PERCENT);
}

/** A worker's API lets nobody in by itself: its master is asked about it. */
async function managerHealth(ctx: TenantContext, n: number): Promise<Finding> {
  const manager = await managerOf(ctx);
  const daemons = await manager.daemons(n === MASTER ? undefined : nodeName("manager", n));
  const plan = ctx.record()?.plan;
  return managerFinding(daemons, plan ? isClustered(plan, "manager") : false);
}

async function dashboardHealth(ctx: TenantContext, n: number): Promise<Finding> {
  const asked = anyNodeStub(ctx.env, ctx.id, "dashboard", n).ask(5601, "/dashboard/api/status", AS_READER);
  const { status } = await read(asked, DashboardStatus);
  return dashboardFinding(status.overall.state);
}

/** @throws Unanswered where the node did not say it in that form */
async function read<T>(asked: Promise<Told>, form: z.ZodType<T>): Promise<T> {
  const { status, text } = await within(ANSWER_WITHIN_MS, asked);
  if (status === 0) throw new Unanswered(`${text}.`);
  if (status !== 200) throw new Unanswered(`status ${status}.`);
  const said = form.safeParse(jsonOf(text));
  if (!said.success) throw new Unanswered("an answer that nobody can read.");
  return said.data;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Whether an alert goes in and comes out, tried anew where that was seen too long ago or failed. */
async function ingestHealth(ctx: TenantContext): Promise<Finding> {
  const known = probeOf(ctx);
  const fresh = known && known.error === null && ctx.now() - known.triedAt < PROBE_EVERY_MS;
  if (!fresh) await probe(ctx);
  const error = probeOf(ctx)?.error ?? null;
  return error === null ? null : unverified(error);
}

async function probe(ctx: TenantContext): Promise<void> {
  const verified = nodeStub(ctx.env, ctx.id, "indexer", 0).verifyIngest("probe-health");
  const error = await within(PROBE_WITHIN_MS, verified).then(() => null, messageOf);
  noteProbe(ctx, error);
}
