/** Brings the tenant's agents to its manager. */
import { EdgeError } from "../errors";
import { log } from "../log";
import type { TenantContext } from "./context";
import { type AgentMaterial, sealPurpose } from "./enrollment";
import { type GroupOfAgents, groupsOf } from "./labels";
import { agentsAtManager, managerOf } from "./manager";
import type { ManagerAgent, ManagerApi } from "./manager_api";
import { ManagerRefusal } from "./manager_calls";
import { NotYet } from "./not_yet";
import { noteTold, removedUntold } from "./removed_agents";
import { isAsleep } from "./sleep";

/** How long a connection waits for its agent to be pushed. */
const PUSH_PATIENCE_MS = 3000;
/** How long one push works; a tenant with thousands of agents must be stoppable in between. */
const PUSH_FOR_MS = 20_000;
const GO_ON_AFTER_MS = 1000;
/** As many ids as go into one address. */
const FORGOTTEN_AT_ONCE = 500;

/** The manager has all agents but some, which it refused; asking again at once would not change that. */
export class AgentsRefused extends EdgeError {
  constructor(refused: string[]) {
    super("AGENTS_NOT_PUSHED", `The manager refused ${refused.length} agents. ${refused[0]}`);
  }
}

/**
 * Gives the manager every agent it does not have.
 *
 * Looks before it inserts: a push whose answer was lost would otherwise fail on a duplicate. Level-triggered, so it may run
 * any number of times.
 *
 * @throws AgentsRefused once all others are there; NotYet where more time is needed; EdgeError where the manager does not
 *   answer
 */
export function pushAgents(ctx: TenantContext): Promise<void> {
  // One after the other: two that look and insert side by side would insert twice. Whoever comes while one works shares
  // the next, which sees every agent there is by then: thousands that reconnect together must not each list the manager.
  const line = lineOf(ctx);
  line.next ??= line.last.then(() => {
    line.next = null;
    return pushWaiting(ctx);
  });
  line.last = line.next.catch(ignoreFailure);
  return line.next;
}

/** Work on the manager's agents that must see no push half done; it waits for its turn among them. */
export function betweenPushes<T>(ctx: TenantContext, work: () => Promise<T>): Promise<T> {
  const line = lineOf(ctx);
  const mine = line.last.then(work);
  line.last = mine.then(ignoreFailure, ignoreFailure);
  return mine;
}

function lineOf(ctx: TenantContext): { last: Promise<void>; next: Promise<void> | null } {
  const line = lines.get(ctx) ?? { last: Promise.resolve(), next: null };
  lines.set(ctx, line);
  return line;
}

const lines = new WeakMap<TenantContext, { last: Promise<void>; next: Promise<void> | null }>();

/** Whoever waits for its turn does not care how the push before it ended; that one's caller heard of it. */
function ignoreFailure(): void {}

/** Pushes within the patience of somebody who waits to connect; the due table goes on where this gives up. */
export async function pushSoon(ctx: TenantContext, agent: string): Promise<void> {
  const waits = ctx.sql.exec("SELECT 1 FROM agents WHERE id = ? AND pushed = 0", agent).toArray().length === 1;
  if (!waits) return;
  const failed = (reason: unknown) =>
    log("info", "agents wait to be pushed", { tenant: ctx.id, reason: String(reason) });
  await Promise.race([pushAgents(ctx).catch(failed), scheduler.wait(PUSH_PATIENCE_MS)]);
}

async function pushWaiting(ctx: TenantContext): Promise<void> {
  // A manager that starts gets all agents anew.
  if (ctx.record()?.requested !== "running" || isAsleep(ctx)) return;
  const waiting = ctx.sql
    .exec<{ id: string }>("SELECT id FROM agents WHERE pushed = 0 AND quarantined_at IS NULL")
    .toArray();
  const removed = removedUntold(ctx);
  if (waiting.length === 0 && removed.length === 0) return;
  const [manager, present] = [await managerOf(ctx), await agentsAtManager(ctx)];
  await forget(ctx, manager, present, removed);
  const round = new Round(ctx, manager, present);
  const end = ctx.now() + PUSH_FOR_MS;
  const refused: string[] = [];
  for (const [done, { id }] of waiting.entries()) {
    if (ctx.now() >= end) throw goOn(done, waiting.length);
    const refusal = await round.push(id);
    if (refusal) refused.push(`${id}: ${refusal}`);
  }
  if (refused.length > 0) throw new AgentsRefused(refused);
}

const goOn = (done: number, all: number) =>
  new NotYet("MANAGER_BUSY", `The manager has ${done} of ${all} agents.`, GO_ON_AFTER_MS);

/** Has the manager forget the agents that were removed here. */
async function forget(
  ctx: TenantContext,
  manager: ManagerApi,
  present: Map<string, ManagerAgent>,
  removed: string[],
): Promise<void> {
  const known = removed.filter((id) => present.has(id));
  for (let n = 0; n < known.length; n += FORGOTTEN_AT_ONCE) await manager.remove(known.slice(n, n + FORGOTTEN_AT_ONCE));
  noteTold(ctx, removed);
}

/** One push: what the manager had when it began, and the groups it was given since. */
class Round {
  readonly #groups = new Set<string>();

  constructor(
    private readonly ctx: TenantContext,
    private readonly manager: ManagerApi,
    private readonly present: Map<string, ManagerAgent>,
  ) {}

  /** @returns why the manager refused this agent; null where it has it now */
  async push(id: string): Promise<string | null> {
    try {
      await this.#bring(id);
    } catch (error) {
      // A name or id that somebody gave away inside the manager is one agent's trouble; all others are to get through.
      if (error instanceof ManagerRefusal && error.concernsThisCall) return error.message;
      throw error;
    }
    this.ctx.sql.exec("UPDATE agents SET pushed = 1 WHERE id = ?", id);
    return null;
  }

  async #bring(id: string): Promise<void> {
    const row = agentToBring(this.ctx, id);
    // Removed while others were brought.
    if (!row) return;
    const present = this.present.get(id);
    if (!present) {
      const material = await this.ctx.open(sealPurpose(row.enrollment_id), row.material);
      await this.manager.insert({ id, name: row.name, key: (JSON.parse(material) as AgentMaterial).key });
    }
    for (const group of row.groups) {
      if (!present?.groups.includes(group.name)) await this.#assign(id, group);
    }
  }

  async #assign(id: string, { name, configuration }: GroupOfAgents): Promise<void> {
    if (!this.#groups.has(name)) {
      await this.manager.makeGroup(name);
      // Before the first agent is in it: one that asks in between would get the group without its labels.
      if (configuration !== undefined) await this.manager.configureGroup(name, configuration);
    }
    this.#groups.add(name);
    await this.manager.assign(id, name);
  }
}

export function agentToBring(ctx: TenantContext, id: string) {
  type Row = {
    name: string;
    token: string;
    groups: string;
    labels: string;
    material: string;
    enrollment_id: string;
    quarantined: number;
  };
  // An agent that was imported came by no token.
  const query = `SELECT a.name, a.token, a.groups, COALESCE(t.labels, '{}') AS labels, a.material, a.enrollment_id,
      a.quarantined_at IS NOT NULL AS quarantined
    FROM agents a LEFT JOIN tokens t ON t.id = a.token WHERE a.id = ?`;
  const [found] = ctx.sql.exec<Row>(query, id).toArray();
  if (!found) return null;
  const { groups, labels, ...row } = found;
  const known = groupsOf(row.token, JSON.parse(groups) as string[], JSON.parse(labels) as Record<string, string>);
  return { ...row, groups: known };
}
