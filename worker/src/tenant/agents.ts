import { timingSafeEqual } from "node:crypto";
import { EdgeError } from "../errors";
import { log } from "../log";
import type { TenantContext } from "./context";
import { type AgentMaterial, sealPurpose } from "./enrollment";
import { type ManagerAgent, ManagerApi } from "./manager_api";
import { MANAGER_API_USER } from "./node_env";
import { nodeStub } from "./nodes/names";

export interface AgentView {
  id: string;
  name: string;
  token: string;
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

/** How long a connection waits for its agent to be pushed. */
const PUSH_PATIENCE_MS = 3000;

const COLUMNS = "id, name, token, groups, version, enrolled_at, quarantined_at";

/** All agents: who they are from this object, what they do from the manager, when it answers. */
export async function listAgents(ctx: TenantContext): Promise<AgentsView> {
  ctx.requireLive();
  const rows = ctx.sql.exec<AgentRow>(`SELECT ${COLUMNS} FROM agents ORDER BY number`).toArray();
  if (rows.length === 0) return { agents: [], partial: false, reason: null };
  try {
    const seen = new Map((await (await managerOf(ctx)).agents()).map((agent) => [agent.id, agent]));
    rememberActive(ctx, [...seen.values()]);
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

/**
 * Shuts an agent out: its credential is refused from now on and its open connections end.
 * @throws EdgeError AGENT_NOT_FOUND
 */
export async function quarantine(ctx: TenantContext, id: string, epoch: number, reason: string): Promise<AgentView> {
  ctx.requireLive(epoch);
  agentRow(ctx, id);
  ctx.transaction(() => {
    const marked = ctx.sql.exec(
      "UPDATE agents SET quarantined_at = ?, quarantine_reason = ? WHERE id = ? AND quarantined_at IS NULL",
      ...[ctx.now(), reason, id],
    );
    if (marked.rowsWritten > 0) ctx.emit("audit", { action: "agent.quarantined", agent: id, reason });
  });
  await nodeStub(ctx.env, ctx.id, "manager", 0).closeAgent(id);
  return asView(agentRow(ctx, id), undefined);
}

/** What a connector's credential opens. */
export type ConnectorVerdict = "open" | "unknown" | "quarantined";

/**
 * Checks a connector's credential, and has the manager know the agent before its connection is dialled: one that it does
 * not know yet is ignored, and waits long before it tries again.
 *
 * @param secretDigest SHA-256 hex of the credential's secret
 */
export async function admitConnector(
  ctx: TenantContext,
  agent: string,
  secretDigest: string,
): Promise<ConnectorVerdict> {
  const verdict = checkConnector(ctx, agent, secretDigest);
  if (verdict === "open" && isWaiting(ctx, agent)) await pushSoon(ctx);
  return verdict;
}

function checkConnector(ctx: TenantContext, agent: string, secretDigest: string): ConnectorVerdict {
  if (ctx.record()?.deleted !== false) return "unknown";
  const query = "SELECT credential_sha256, quarantined_at FROM agents WHERE id = ?";
  const row = ctx.sql.exec<{ credential_sha256: string; quarantined_at: number | null }>(query, agent).toArray()[0];
  if (!row || !timingSafeEqual(Buffer.from(row.credential_sha256), Buffer.from(secretDigest))) return "unknown";
  return row.quarantined_at === null ? "open" : "quarantined";
}

/** Whether a connection of this agent may stand; asked once it is listed where quarantine finds it. */
export function mayConnect(ctx: TenantContext, agent: string): boolean {
  const query = "SELECT 1 FROM agents WHERE id = ? AND quarantined_at IS NULL";
  return ctx.record()?.deleted === false && ctx.sql.exec(query, agent).toArray().length === 1;
}

/** A manager starts with an empty disk: all its agents are to be given to it before it counts as ready. */
export async function agentsMissing(ctx: TenantContext): Promise<void> {
  ctx.sql.exec("UPDATE agents SET pushed = 0");
  await pushAgents(ctx);
  ctx.schedule("count_agents", ctx.now() + COUNT_EVERY_MS);
}

/** Looks how many agents are connected, and again after a while, as long as the tenant is to run. */
export async function countAgents(ctx: TenantContext): Promise<void> {
  const record = ctx.record();
  const serves = record?.observed === "running" || record?.observed === "degraded";
  rememberActive(ctx, serves ? await (await managerOf(ctx)).agents() : []);
  if (record?.requested === "running") ctx.schedule("count_agents", ctx.now() + COUNT_EVERY_MS);
}

/**
 * Gives the manager every agent it does not have.
 *
 * Looks before it inserts: a push whose answer was lost would otherwise fail on a duplicate. Level-triggered, so it may run
 * any number of times.
 *
 * @throws EdgeError when the manager does not take them; the due table tries again
 */
export function pushAgents(ctx: TenantContext): Promise<void> {
  // One after the other: two that look and insert side by side would insert twice, and one that joined another could
  // come back before its own agent had its turn.
  const mine = (pushes.get(ctx) ?? Promise.resolve()).then(() => pushWaiting(ctx));
  pushes.set(ctx, mine.catch(ignoreFailure));
  return mine;
}

const pushes = new WeakMap<TenantContext, Promise<void>>();

/** Whoever waits for its turn does not care how the push before it ended; that one's caller heard of it. */
function ignoreFailure(): void {}

/** Pushes within the patience of somebody who waits to connect; the due table goes on where this gives up. */
async function pushSoon(ctx: TenantContext): Promise<void> {
  const failed = (reason: unknown) =>
    log("info", "agents wait to be pushed", { tenant: ctx.id, reason: String(reason) });
  await Promise.race([pushAgents(ctx).catch(failed), scheduler.wait(PUSH_PATIENCE_MS)]);
}

function isWaiting(ctx: TenantContext, agent: string): boolean {
  return ctx.sql.exec("SELECT 1 FROM agents WHERE id = ? AND pushed = 0", agent).toArray().length === 1;
}

async function pushWaiting(ctx: TenantContext): Promise<void> {
  if (ctx.record()?.requested !== "running") return;
  const waiting = ctx.sql
    .exec<{ id: string }>("SELECT id FROM agents WHERE pushed = 0 AND quarantined_at IS NULL")
    .toArray();
  if (waiting.length === 0) return;
  const manager = await managerOf(ctx);
  const present = new Map((await manager.agents()).map((agent) => [agent.id, agent]));
  for (const { id } of waiting) await pushAgent(ctx, manager, id, present.get(id));
}

async function pushAgent(ctx: TenantContext, manager: ManagerApi, id: string, present?: ManagerAgent): Promise<void> {
  type Row = { name: string; groups: string; material: string; enrollment_id: string };
  const row = ctx.sql.exec<Row>("SELECT name, groups, material, enrollment_id FROM agents WHERE id = ?", id).one();
  if (!present) {
    const { key } = JSON.parse(await ctx.open(sealPurpose(row.enrollment_id), row.material)) as AgentMaterial;
    await manager.insert({ id, name: row.name, key });
  }
  for (const group of JSON.parse(row.groups) as string[]) {
    if (!present?.groups.includes(group)) await manager.assign(id, group);
  }
  ctx.sql.exec("UPDATE agents SET pushed = 1 WHERE id = ?", id);
}

const managers = new WeakMap<TenantContext, ManagerApi>();

/** The manager's API; one client a tenant object, so that its sign-in is reused. */
async function managerOf(ctx: TenantContext): Promise<ManagerApi> {
  const known = managers.get(ctx);
  if (known) return known;
  const node = nodeStub(ctx.env, ctx.id, "manager", 0);
  const credential = { username: MANAGER_API_USER, password: await ctx.secret("manager_api") };
  const made = new ManagerApi((request) => node.fetch(request), credential);
  managers.set(ctx, made);
  return made;
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
    ctx.viewChanged();
  });
}

function asView(row: AgentRow, seen: ManagerAgent | undefined): AgentView {
  const { id, name, token } = row;
  return {
    ...{ id, name, token, groups: JSON.parse(row.groups) as string[] },
    status: seen?.status ?? "pending",
    version: seen?.version ?? row.version,
    ip: seen?.ip ?? null,
    last_seen_at: seen?.lastKeepAlive ?? null,
    enrolled_at: new Date(row.enrolled_at).toISOString(),
    quarantined: row.quarantined_at !== null,
  };
}
