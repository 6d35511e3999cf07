/** Several managers: which of them an agent belongs to, and whether a worker has joined its master. Roles: manager.ts. */
import { EdgeError } from "../errors";
import { digest } from "../ids";
import type { TenantContext } from "./context";
import { MASTER, managerOf } from "./manager";
import { nodeName } from "./node_env";
import { type NodeRow, nodeRow, nodeRows } from "./node_records";
import { NotYet } from "./not_yet";

/** A worker compares its files with its master's every nine seconds; the first time right after it connected. */
const JOIN_WITHIN_MS = 3 * 60_000;
const ASK_AGAIN_MS = 2000;
/** After this every worker knows an agent that was just enrolled. Until then only the master does. */
const KNOWN_AFTER_MS = 30_000;

/** Where an agent's connection goes. */
export interface AgentRoute {
  /** Nodes that may take it, the best first. */
  nodes: number[];
  /** When it is to be taken to its own node, which does not know the agent yet; null where it is there. */
  moves_after_ms: number | null;
}

/**
 * The same agent meets the same manager as long as that runs; when one goes, only its own agents go elsewhere (rendezvous
 * hashing), and come back to it at their next connection.
 */
export function agentRoute(ctx: TenantContext, agent: string): AgentRoute {
  const count = ctx.record()?.plan?.roles.manager.count ?? 1;
  const running = managerRows(ctx).filter(({ n, state }) => n < count && state === "running");
  if (count === 1 || running.length === 0) return { nodes: [MASTER], moves_after_ms: null };
  // A worker that has not joined may know the agent from before its restart: better than none.
  const rank = (row: NodeRow) => `${row.prepared}${digest(`${agent}:${row.n}`)}`;
  const nodes = running.sort((a, b) => (rank(a) < rank(b) ? 1 : -1)).map(({ n }) => n);
  const left = knownFrom(ctx, agent) - ctx.now();
  if (left <= 0 || nodes[0] === MASTER || !nodes.includes(MASTER)) return { nodes, moves_after_ms: null };
  return { nodes: [MASTER, ...nodes.filter((n) => n !== MASTER)], moves_after_ms: left };
}

function knownFrom(ctx: TenantContext, agent: string): number {
  const query = "SELECT enrolled_at FROM agents WHERE id = ?";
  const [row] = ctx.sql.exec<{ enrolled_at: number }>(query, agent).toArray();
  return (row?.enrolled_at ?? 0) + KNOWN_AFTER_MS;
}

/** Numbers of all managers that may hold an agent's connection: those of the plan, and any that was started before. */
export function managerNumbers(ctx: TenantContext): number[] {
  const planned = Array.from({ length: ctx.record()?.plan?.roles.manager.count ?? 1 }, (_, n) => n);
  return [...new Set([...planned, ...managerRows(ctx).map(({ n }) => n)])];
}

/** Numbers of the managers that answer and know the tenant's agents. */
export const servingManagers = (ctx: TenantContext) =>
  managerRows(ctx).flatMap(({ n, state, prepared }) => (state === "running" && prepared === 1 ? [n] : []));

export const someManagerServes = (ctx: TenantContext) => servingManagers(ctx).length > 0;

const managerRows = (ctx: TenantContext) => nodeRows(ctx).filter(({ role }) => role === "manager");

/**
 * A worker needs no agents pushed: it takes them, groups and rules from its master.
 * @throws NotYet while that may still come about by itself; EdgeError NODE_NOT_READY after that
 */
export async function requireJoined(ctx: TenantContext, n: number): Promise<void> {
  if (await (await managerOf(ctx)).hasJoined(nodeName("manager", n))) return;
  const why = `The manager ${n} runs but has not joined its master.`;
  const since = [n, MASTER].map((one) => nodeRow(ctx, "manager", one)?.ready_at ?? ctx.now());
  if (ctx.now() - Math.max(...since) < JOIN_WITHIN_MS) throw new NotYet("NODE_NOT_READY", why, ASK_AGAIN_MS);
  throw new EdgeError("NODE_NOT_READY", why);
}
