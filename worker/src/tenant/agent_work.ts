/** What of orders about agents the manager has to do: groups, upgrades and restarts. Level-triggered; see agent_orders.ts. */
import { messageOf } from "../errors";
import { CARRIED_OUT_WITHIN_MS, type Open, type Outcome, openIn, settle } from "./agent_orders";
import type { TenantContext } from "./context";
import { agentsAtManager, managerOf } from "./manager";
import type { ManagerAgent, ManagerApi } from "./manager_api";
import { ManagerRefusal } from "./manager_calls";
import { someManagerServes } from "./managers";
import { agentToBring, betweenPushes } from "./push";
import { isAsleep } from "./sleep";

/** How often the manager is asked how far its upgrades are, and whether it serves by now. */
const LOOK_AGAIN_MS = 15_000;
/** An upgrade that the manager tells nothing of for so long has failed; its own limit for one is 15 minutes. */
const UPGRADED_WITHIN_MS = 3600 * 1000;
/** Every agent is in it from its enrollment on, and no order takes it out. */
const DEFAULT_GROUP = "default";

/** Handler of the due row: does what it can, and comes back while anything is open. */
export async function workOnOrders(ctx: TenantContext): Promise<void> {
  ctx.transaction(() => expire(ctx));
  if (serves(ctx)) {
    const manager = await managerOf(ctx);
    await betweenPushes(ctx, () => regroup(ctx, manager));
    for (const open of openIn(ctx, "waiting")) {
      await beginUpgrades(ctx, manager, open);
      await restart(ctx, manager, open);
    }
    for (const open of openIn(ctx, "working")) await followUpgrades(ctx, manager, open);
  }
  comeBack(ctx);
}

const serves = (ctx: TenantContext) =>
  ctx.record()?.requested === "running" && !isAsleep(ctx) && someManagerServes(ctx);

/** While nothing runs, only the day on which an order has waited too long; a manager that comes up looks by itself. */
function comeBack(ctx: TenantContext): void {
  const [waiting, working] = [openIn(ctx, "waiting"), openIn(ctx, "working")];
  const [oldest] = [...waiting, ...working];
  if (!oldest) return;
  const runs = ctx.record()?.requested === "running" && !isAsleep(ctx);
  ctx.schedule("agent_orders", runs ? ctx.now() + LOOK_AGAIN_MS : oldest.orderedAt + CARRIED_OUT_WITHIN_MS);
}

function expire(ctx: TenantContext): void {
  const late = (open: Open) => open.orderedAt + CARRIED_OUT_WITHIN_MS <= ctx.now();
  for (const { order, agents } of openIn(ctx, "waiting").filter(late))
    settle(
      ctx,
      order,
      agents.map((agent) => ({ agent, state: "failed", note: "The manager did not run for a week." })),
    );
}

/** Brings the groups of every agent whose order waits to what this object has for it. */
async function regroup(ctx: TenantContext, manager: ManagerApi): Promise<void> {
  const waiting = openIn(ctx, "waiting").filter(({ ordered }) => ordered.kind === "groups");
  if (waiting.length === 0) return;
  const present = await agentsAtManager(ctx);
  const made = new Set<string>();
  for (const { order, agents } of waiting)
    for (const agent of agents) {
      const outcome = await ofAgent(agent, () => regroupAgent(ctx, manager, agent, present.get(agent), made));
      if (outcome) ctx.transaction(() => settle(ctx, order, [outcome]));
    }
}

/** @returns null where a push brings the agent first, with its groups */
async function regroupAgent(
  ctx: TenantContext,
  manager: ManagerApi,
  agent: string,
  present: ManagerAgent | undefined,
  made: Set<string>,
): Promise<Outcome | null> {
  const wanted = agentToBring(ctx, agent);
  if (!wanted) return { agent, state: "failed", note: "It was removed meanwhile." };
  // It is brought to no manager any more, so that nothing would come of waiting.
  if (!present && wanted.quarantined) return { agent, state: "failed", note: "It is quarantined." };
  if (!present) return null;
  const names = wanted.groups.map(({ name }) => name);
  for (const group of names.filter((name) => !present.groups.includes(name))) {
    if (!made.has(group)) await manager.makeGroup(group);
    made.add(group);
    await manager.assign(agent, group);
  }
  for (const group of present.groups.filter((name) => name !== DEFAULT_GROUP && !names.includes(name)))
    await manager.unassign(agent, group);
  return { agent, state: "done" };
}

async function beginUpgrades(ctx: TenantContext, manager: ManagerApi, { order, ordered, agents }: Open): Promise<void> {
  if (ordered.kind !== "upgrade") return;
  const refused = await manager.upgrade(agents, ordered.version);
  const outcomes = agents.map((agent): Outcome => {
    const why = refused.get(agent);
    return why ? { agent, state: "failed", note: why.message } : { agent, state: "working" };
  });
  ctx.transaction(() => settle(ctx, order, outcomes));
}

/** Done once the manager has sent it: an agent does not tell that it restarted. One sent twice does no harm. */
async function restart(ctx: TenantContext, manager: ManagerApi, { order, ordered, agents }: Open): Promise<void> {
  if (ordered.kind !== "restart") return;
  const refused = await manager.restart(agents);
  const outcomes = agents.map((agent): Outcome => {
    const why = refused.get(agent);
    return why ? { agent, state: "failed", note: why.message } : { agent, state: "done" };
  });
  ctx.transaction(() => settle(ctx, order, outcomes));
}

async function followUpgrades(ctx: TenantContext, manager: ManagerApi, { order, agents }: Open): Promise<void> {
  const known = await manager.upgrades(agents);
  const since = sinceOf(ctx, order);
  const outcomes = agents.flatMap((agent): Outcome[] => {
    const upgrade = known.get(agent);
    if (upgrade && upgrade.state !== "working") return [{ agent, ...upgrade }];
    return ctx.now() - (since.get(agent) ?? 0) > UPGRADED_WITHIN_MS ? [{ agent, state: "failed", note: UNTOLD }] : [];
  });
  ctx.transaction(() => settle(ctx, order, outcomes));
}

const UNTOLD = "The manager did not tell how it ended within an hour: see the agent's version.";

function sinceOf({ sql }: TenantContext, order: string): Map<string, number> {
  const query = "SELECT agent, at FROM agent_results WHERE order_id = ?";
  return new Map(
    sql
      .exec<{ agent: string; at: number }>(query, order)
      .toArray()
      .map(({ agent, at }) => [agent, at]),
  );
}

/** One agent's trouble is no other's: what the manager refuses of it is its result. */
async function ofAgent(agent: string, work: () => Promise<Outcome | null>): Promise<Outcome | null> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof ManagerRefusal && error.concernsThisCall)
      return { agent, state: "failed", note: messageOf(error) };
    throw error;
  }
}
