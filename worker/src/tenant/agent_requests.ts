/** Whether a request of a Wazuh 5 agent goes to the tenant's manager, is kept for it, or neither. */
import { sourceOf } from "../auth/address";
import { agentToken, isSignedBy } from "../auth/agent_jwt";
import { EdgeError } from "../errors";
import { refuseBinned } from "./bin";
import type { TenantContext } from "./context";
import { type AgentMaterial, requireWazuh5, sealPurpose } from "./enrollment";
import { type Batch, hold, holdsFrom } from "./held_batches";
import { noteComing } from "./idle";
import { agentRoute, someManagerServes } from "./managers";
import { pushSoon } from "./push";
import { noteGuess, refuseGuesser, spend } from "./rates";
import { isAsleep, rouse, stillAway } from "./sleep";

/**
 * What a request is to a tenant that sleeps. Events are kept, and wake it. An agent that starts wakes it: it sends no events
 * before its start was answered. All else can wait until the tenant is awake again, most of all the signs of life that every
 * agent gives every ten seconds.
 */
export type Urgency = "events" | "start" | "idle";

export interface AdmittedRequest {
  /** Id of the agent that sends. */
  agent: string;
  /** Manager nodes that may take it, the best first; none: it is to be held. */
  nodes: number[];
}

interface AgentRow extends Record<string, SqlStorageValue> {
  enrollment_id: string;
  material: string;
  quarantined_at: number | null;
}

/** Who sends. */
export interface Sender {
  /** Its `Authorization` header. */
  bearer: string | null;
  address: string;
}

/**
 * Judges a request by its bearer.
 * @throws EdgeError AGENT_TOKEN_REFUSED, AGENT_QUARANTINED, WAZUH5_NOT_SERVED, RATE_LIMITED, TENANT_BINNED; TENANT_ASLEEP or
 *   NODE_NOT_RUNNING where it is to be sent again
 */
export async function admitRequest(ctx: TenantContext, sender: Sender, urgency: Urgency): Promise<AdmittedRequest> {
  const agent = await provenAgent(ctx, sender);
  refuseBinned(ctx);
  if (urgency !== "idle") noteComing(ctx);
  if (urgency === "events" && holdsFrom(ctx, agent)) return { agent, nodes: [] };
  if (await reaches(ctx, agent)) return { agent, nodes: agentRoute(ctx, agent).nodes };
  if (ctx.record()?.requested !== "running" || urgency === "idle") throw notServing();
  rouse(ctx, `Agent ${agent} ${urgency === "events" ? "sent events" : "started"}.`);
  if (urgency === "start") throw stillAway();
  return { agent, nodes: [] };
}

/**
 * Keeps an agent's batch for its manager.
 * @throws EdgeError as `admitRequest`, and BATCH_NOT_HELD
 */
export async function holdBatch(ctx: TenantContext, sender: Sender, batch: Omit<Batch, "agent">): Promise<void> {
  const agent = await provenAgent(ctx, sender);
  refuseBinned(ctx);
  if (ctx.record()?.requested !== "running") throw notServing();
  noteComing(ctx);
  hold(ctx, { ...batch, agent });
  rouse(ctx, `Agent ${agent} sent events.`);
}

/** The manager does not know an agent that the edge knows: it gets it again. */
export function agentMissing(ctx: TenantContext, agent: string): void {
  ctx.sql.exec("UPDATE agents SET pushed = 0 WHERE id = ?", agent);
  ctx.schedule("push_agents", ctx.now());
}

/** The secret of an agent, 64 hex digits; null for one that is not known. */
export async function agentSecret(ctx: TenantContext, agent: string): Promise<string | null> {
  const row = agentRow(ctx, agent);
  if (!row) return null;
  return (JSON.parse(await ctx.open(sealPurpose(row.enrollment_id), row.material)) as AgentMaterial).key;
}

export const isQuarantined = (ctx: TenantContext, agent: string) => agentRow(ctx, agent)?.quarantined_at !== null;

async function provenAgent(ctx: TenantContext, { bearer, address }: Sender): Promise<string> {
  ctx.requireLive();
  const source = sourceOf(address);
  refuseGuesser(ctx, "wazuh5_guesses", source);
  const token = agentToken(bearer);
  const secret = token && (await agentSecret(ctx, token.agent));
  if (!token || !secret || !isSignedBy(token, secret, ctx.now())) {
    noteGuess(ctx, "wazuh5_guesses", source);
    throw new EdgeError("AGENT_TOKEN_REFUSED", "This is no bearer of an agent of this tenant.");
  }
  spend(ctx, "wazuh5_per_agent", token.agent);
  // Asked after the wait: a quarantine holds from the moment it is answered.
  if (isQuarantined(ctx, token.agent)) throw new EdgeError("AGENT_QUARANTINED", "This agent is quarantined.");
  requireWazuh5(ctx);
  // From here on its secret has arrived, and whoever enrolls under its name gets it no more; see enrollment.ts.
  ctx.sql.exec("UPDATE agents SET seen_at = ? WHERE id = ? AND seen_at IS NULL", ctx.now(), token.agent);
  return token.agent;
}

/** Whether a manager serves that knows the agent: one that does not would tell it that its key is dead. */
async function reaches(ctx: TenantContext, agent: string): Promise<boolean> {
  const serving = () => !isAsleep(ctx) && someManagerServes(ctx);
  if (!serving()) return false;
  await pushSoon(ctx, agent);
  const known = ctx.sql.exec("SELECT 1 FROM agents WHERE id = ? AND pushed = 1", agent).toArray().length === 1;
  return known && serving();
}

const notServing = () => new EdgeError("NODE_NOT_RUNNING", "The tenant's manager takes no requests at the moment.");

function agentRow({ sql }: TenantContext, id: string): AgentRow | null {
  const query = "SELECT enrollment_id, material, quarantined_at FROM agents WHERE id = ?";
  return sql.exec<AgentRow>(query, id).toArray()[0] ?? null;
}
