import { EdgeError } from "../errors";
import { log } from "../log";
import { resumeOrders } from "./agent_orders";
import type { TenantContext } from "./context";
import { agentsAtManager } from "./manager";
import type { ManagerAgent } from "./manager_api";
import { AgentsRefused, pushAgents } from "./push";
import { tellAllAgain } from "./removed_agents";
import { noteSilence } from "./silence";
import { isAsleep } from "./sleep";
import { noteAgents } from "./usage";

export interface AgentView {
  id: string;
  name: string;
  /** Null for one that was imported. */
  token: string | null;
  groups: string[];
  status: "active" | "disconnected" | "never_connected" | "pending";
  version: string | null;
  ip: string | null;
  last_seen_at: string | null;
  enrolled_at: string;
  quarantined: boolean;
}

export interface AgentsView {
  agents: AgentView[];
  /** Whether what only the manager knows is missing, and why. */
  partial: boolean;
  reason: string | null;
}

type AgentRow = {
  id: string;
  name: string;
  token: string;
  groups: string;
  version: string | null;
  enrolled_at: number;
  quarantined_at: number | null;
};

/** How often connected agents are counted for the tenant's view. */
const COUNT_EVERY_MS = 15_000;

const COLUMNS = "id, name, token, groups, version, enrolled_at, quarantined_at";

/** All agents: who they are from this object, what they do from the manager, when it answers. */
export async function listAgents(ctx: TenantContext): Promise<AgentsView> {
  ctx.requireLive();
  const rows = ctx.sql.exec<AgentRow>(`SELECT ${COLUMNS} FROM agents ORDER BY number`).toArray();
  if (rows.length === 0) return { agents: [], partial: false, reason: null };
  try {
    const seen = await agentsAtManager(ctx);
    rememberActive(ctx, [...seen.values()]);
    noteSilence(ctx, seen);
    return { agents: rows.map((row) => asView(row, seen.get(row.id))), partial: false, reason: null };
  } catch (reason) {
    const message = reason instanceof EdgeError ? reason.message : "the manager did not answer";
    return { agents: rows.map((row) => asView(row, undefined)), partial: true, reason: message };
  }
}

/** How many agents there are, and how many the manager last reported as connected. */
export function agentCounts(sql: SqlStorage): { enrolled: number; active: number } {
  const query = "SELECT COUNT(*) AS enrolled, COALESCE(SUM(active), 0) AS active FROM agents";
  return sql.exec<{ enrolled: number; active: number }>(query).one();
}

/** A manager starts with an empty disk: all its agents are to be given to it before it counts as ready. */
export async function agentsMissing(ctx: TenantContext): Promise<void> {
  ctx.sql.exec("UPDATE agents SET pushed = 0");
  // Its state may be from before an agent was removed.
  tellAllAgain(ctx);
  await pushAgents(ctx).catch((error: unknown) => leaveRefused(ctx, error));
  ctx.schedule("count_agents", ctx.now() + COUNT_EVERY_MS);
  resumeOrders(ctx);
}

/** A tenant runs without the agents that its manager refuses; they are offered to it again behind. */
function leaveRefused(ctx: TenantContext, error: unknown): void {
  if (!(error instanceof AgentsRefused)) throw error;
  log("warn", "the manager refused agents", { tenant: ctx.id, reason: error.message });
  ctx.schedule("push_agents", ctx.now() + COUNT_EVERY_MS);
}

/** Looks how many agents are connected, and again after a while, as long as the tenant is to run. */
export async function countAgents(ctx: TenantContext): Promise<void> {
  const record = ctx.record();
  const serves = record?.observed === "running" || record?.observed === "degraded";
  const seen = serves ? await agentsAtManager(ctx) : new Map<string, ManagerAgent>();
  rememberActive(ctx, [...seen.values()]);
  if (serves) noteSilence(ctx, seen);
  if (record?.requested === "running" && !isAsleep(ctx)) ctx.schedule("count_agents", ctx.now() + COUNT_EVERY_MS);
}

/** One agent as this object knows it, without what only the manager does. @throws EdgeError AGENT_NOT_FOUND */
export function agentView(ctx: TenantContext, id: string): AgentView {
  return asView(agentRow(ctx, id), undefined);
}

function agentRow(ctx: TenantContext, id: string): AgentRow {
  const row = ctx.sql.exec<AgentRow>(`SELECT ${COLUMNS} FROM agents WHERE id = ?`, id).toArray()[0];
  if (!row) throw new EdgeError("AGENT_NOT_FOUND", `there is no agent ${id} in this tenant`);
  return row;
}

function rememberActive(ctx: TenantContext, agents: ManagerAgent[]): void {
  ctx.transaction(() => {
    ctx.sql.exec("UPDATE agents SET active = 0 WHERE active = 1");
    for (const { id, status } of agents) {
      if (status === "active") ctx.sql.exec("UPDATE agents SET active = 1 WHERE id = ?", id);
    }
    noteAgents(ctx, agentCounts(ctx.sql));
    ctx.viewChanged();
  });
}

function asView(row: AgentRow, seen: ManagerAgent | undefined): AgentView {
  const { id, name, token } = row;
  return {
    ...{ id, name, token: token || null, groups: JSON.parse(row.groups) as string[] },
    status: seen?.status ?? "pending",
    version: seen?.version ?? row.version,
    ip: seen?.ip ?? null,
    last_seen_at: seen?.lastKeepAlive ?? null,
    enrolled_at: new Date(row.enrolled_at).toISOString(),
    quarantined: row.quarantined_at !== null,
  };
}
