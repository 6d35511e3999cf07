/**
 * Orders about agents: groups, removals, upgrades, restarts. Each has an id of the control plane's, and a result for each agent.
 *
 * Removing is this object's own act and done at once. What the manager has to do waits until it serves: agent_work.ts.
 */
import { EdgeError } from "../errors";
import { digest } from "../ids";
import type { AgentOrder, AgentOrderView, AgentResult, ResultState } from "../schemas/agent_orders";
import type { TenantContext } from "./context";
import { closeConnections } from "./quarantine";
import { REMOVED_AGENTS, removeAgents } from "./removed_agents";
import { migrate } from "./schema";

const MIGRATIONS = [
  `CREATE TABLE agent_orders (
     id TEXT PRIMARY KEY, body TEXT NOT NULL, body_sha256 TEXT NOT NULL, ordered_at INTEGER NOT NULL) STRICT;
   CREATE TABLE agent_results (
     order_id TEXT NOT NULL, agent TEXT NOT NULL, state TEXT NOT NULL, note TEXT, at INTEGER NOT NULL,
     PRIMARY KEY (order_id, agent)) STRICT, WITHOUT ROWID;
   CREATE INDEX open_results ON agent_results (state);
   ${REMOVED_AGENTS}`,
];

/** Brings the tables up to date; runs in the object's constructor. */
export const migrateOrders = (storage: DurableObjectStorage) => migrate(storage, "agent_orders", MIGRATIONS);

const DAY_MS = 24 * 3600 * 1000;
/** An order that nobody could carry out by then has failed. */
export const CARRIED_OUT_WITHIN_MS = 7 * DAY_MS;
const KEPT_MS = 30 * DAY_MS;

/** What was ordered, without the epoch it came under. */
export type Ordered = AgentOrder extends infer Each ? (Each extends unknown ? Omit<Each, "epoch"> : never) : never;

/** What becomes of an agent's result: those that change are told together. */
export interface Outcome {
  agent: string;
  state: ResultState;
  note?: string | null;
}

/**
 * Takes an order once; the same one again changes nothing.
 * @throws EdgeError AGENT_ORDER_CONFLICT for another order under the same id
 */
export async function acceptOrder(ctx: TenantContext, id: string, order: AgentOrder): Promise<AgentOrderView> {
  const { epoch, ...ordered } = order;
  ctx.requireLive(epoch);
  const body = JSON.stringify(ordered);
  const known = ctx.sql
    .exec<{ body_sha256: string }>("SELECT body_sha256 FROM agent_orders WHERE id = ?", id)
    .toArray()[0];
  if (known && known.body_sha256 !== digest(body))
    throw new EdgeError("AGENT_ORDER_CONFLICT", "this id was used for another order");
  if (!known) ctx.transaction(() => store(ctx, id, ordered, body));
  // Also of one that is known: a crash may have left connections open.
  if (ordered.kind === "remove") await closeConnections(ctx, ordered.agents);
  return orderView(ctx, id);
}

function store(ctx: TenantContext, id: string, ordered: Ordered, body: string): void {
  const now = ctx.now();
  forgetOld(ctx, now - KEPT_MS);
  ctx.sql.exec("INSERT INTO agent_orders VALUES (?, ?, ?, ?)", id, body, digest(body), now);
  for (const agent of ordered.agents)
    ctx.sql.exec("INSERT INTO agent_results VALUES (?, ?, 'waiting', NULL, ?)", id, agent, now);
  ctx.audit("agents.ordered", "portal", { order: id, ...ordered });
  const there = new Set(ordered.agents.filter((agent) => isThere(ctx, agent)));
  const missing = ordered.agents.filter((agent) => !there.has(agent));
  const gone: Outcome = ordered.kind === "remove" ? REMOVED_BEFORE : NOT_THERE;
  settle(
    ctx,
    id,
    missing.map((agent) => ({ ...gone, agent })),
  );
  BEGIN[ordered.kind](ctx, id, [...there], ordered);
}

const REMOVED_BEFORE: Outcome = { agent: "", state: "done", note: "It was not there any more." };
const NOT_THERE: Outcome = { agent: "", state: "failed", note: "There is no such agent in this tenant." };

type Begin = (ctx: TenantContext, id: string, agents: string[], ordered: Ordered) => void;

/** What of an order is done at once, by its kind. */
const BEGIN: Record<Ordered["kind"], Begin> = {
  remove: (ctx, id, agents) => {
    removeAgents(ctx, agents);
    settle(
      ctx,
      id,
      agents.map((agent) => ({ agent, state: "done" })),
    );
  },
  groups: (ctx, _, agents, ordered) => {
    const groups = JSON.stringify(ordered.kind === "groups" ? ordered.groups : []);
    for (const agent of agents) ctx.sql.exec("UPDATE agents SET groups = ? WHERE id = ?", groups, agent);
    ctx.schedule("agent_orders", ctx.now());
  },
  upgrade: (ctx) => ctx.schedule("agent_orders", ctx.now()),
  restart: (ctx) => ctx.schedule("agent_orders", ctx.now()),
};

/** @throws EdgeError AGENT_ORDER_NOT_FOUND */
export function orderView(ctx: TenantContext, id: string): AgentOrderView {
  ctx.requireLive();
  const row = ctx.sql.exec<{ body: string }>("SELECT body FROM agent_orders WHERE id = ?", id).toArray()[0];
  if (!row) throw new EdgeError("AGENT_ORDER_NOT_FOUND", "no order of this tenant has this id");
  return { id, kind: (JSON.parse(row.body) as Ordered).kind, results: resultsOf(ctx, id) };
}

function resultsOf({ sql }: TenantContext, id: string): AgentResult[] {
  type Row = { agent: string; state: ResultState; note: string | null; at: number };
  const query = "SELECT agent, state, note, at FROM agent_results WHERE order_id = ? ORDER BY agent";
  return sql
    .exec<Row>(query, id)
    .toArray()
    .map(({ at, ...row }) => ({ ...row, at: new Date(at).toISOString() }));
}

/** Notes what became of an order for some agents, and tells it. Call inside a transaction. */
export function settle(ctx: TenantContext, order: string, outcomes: Outcome[]): void {
  if (outcomes.length === 0) return;
  const at = ctx.now();
  for (const { agent, state, note = null } of outcomes)
    ctx.sql.exec(
      "UPDATE agent_results SET state = ?, note = ?, at = ? WHERE order_id = ? AND agent = ?",
      ...[state, note, at, order, agent],
    );
  const results = outcomes.map(({ agent, state, note = null }) => ({
    agent,
    state,
    note,
    at: new Date(at).toISOString(),
  }));
  ctx.publish("agent_order", { order, results });
}

/** Agents of one order whose results are in a state. */
export interface Open {
  order: string;
  ordered: Ordered;
  agents: string[];
  orderedAt: number;
}

/** The orders with agents in a state, the oldest first. */
export function openIn({ sql }: TenantContext, state: ResultState): Open[] {
  type Row = { id: string; body: string; ordered_at: number; agents: string };
  const query = `SELECT o.id, o.body, o.ordered_at, group_concat(r.agent) AS agents
    FROM agent_orders o JOIN agent_results r ON r.order_id = o.id WHERE r.state = ? GROUP BY o.id ORDER BY o.ordered_at, o.id`;
  return sql
    .exec<Row>(query, state)
    .toArray()
    .map(({ id, body, ordered_at, agents }) => ({
      ...{ order: id, ordered: JSON.parse(body) as Ordered, orderedAt: ordered_at },
      agents: agents.split(","),
    }));
}

/** A manager that has just come up: what waits for it is looked at. */
export function resumeOrders(ctx: TenantContext): void {
  const open = "SELECT 1 FROM agent_results WHERE state IN ('waiting', 'working') LIMIT 1";
  if (ctx.sql.exec(open).toArray().length > 0) ctx.schedule("agent_orders", ctx.now());
}

const isThere = ({ sql }: TenantContext, agent: string) =>
  sql.exec("SELECT 1 FROM agents WHERE id = ?", agent).toArray().length === 1;

function forgetOld({ sql }: TenantContext, before: number): void {
  sql.exec("DELETE FROM agent_results WHERE order_id IN (SELECT id FROM agent_orders WHERE ordered_at < ?)", before);
  sql.exec("DELETE FROM agent_orders WHERE ordered_at < ?", before);
}
