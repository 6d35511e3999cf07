/** Gives the manager what agents sent while it was away: in order, each batch once, under a fresh bearer of its agent. */
import { agentAuthorization } from "../auth/agent_jwt";
import { messageOf } from "../errors";
import { batchRequest } from "../gates/agent_headers";
import { log } from "../log";
import { agentMissing, agentSecret, isQuarantined } from "./agent_requests";
import type { TenantContext } from "./context";
import { within } from "./deadline";
import { countAttempt, type HeldBatch, oldestHeld, settle } from "./held_batches";
import { agentRoute, someManagerServes } from "./managers";
import { nodeStub } from "./nodes/names";
import { NotYet } from "./not_yet";
import { pushSoon } from "./push";
import { rouse } from "./sleep";

/** One round works this long, so that a tenant with much to replay can be stopped in between. */
const REPLAY_FOR_MS = 30_000;
/** Shorter than what a handler of the due table has: a batch is sent by one round at a time. */
const ANSWER_WITHIN_MS = 20_000;
const AGAIN_AFTER_MS = 1000;
/** A tenant that was stopped is looked at now and then; its start looks by itself. */
const STOPPED_AGAIN_MS = 60_000;
/** How often a manager may not know an agent that it was given, before the batch is let go. */
const MOST_ATTEMPTS = 30;

/** Statuses by which a manager says that it will never take a batch, however often it is sent. */
const FINAL = new Set([400, 403, 413, 415]);

/** Handler of the due row. @throws NotYet while the manager is away or more is left */
export async function replayDue(ctx: TenantContext): Promise<void> {
  const end = ctx.now() + REPLAY_FOR_MS;
  for (let batch = oldestHeld(ctx); batch; batch = oldestHeld(ctx)) {
    if (ctx.now() >= end) throw notYet("More batches wait for the manager.", 0);
    await replay(ctx, batch);
  }
}

async function replay(ctx: TenantContext, batch: HeldBatch): Promise<void> {
  requireManager(ctx);
  await pushSoon(ctx, batch.agent);
  const secret = isQuarantined(ctx, batch.agent) ? null : await agentSecret(ctx, batch.agent);
  if (secret === null) return refuse(ctx, batch, "its agent was shut out meanwhile");
  const status = await send(ctx, batch, agentAuthorization(batch.agent, secret, ctx.now()));
  if (status === 202) return settle(ctx, batch.seq, "taken");
  if (FINAL.has(status)) return refuse(ctx, batch, `the manager answered ${status}`);
  countAttempt(ctx, batch.seq);
  if (status === 401) missing(ctx, batch);
  throw notYet(`The manager answered ${status} to a batch that is replayed.`, AGAIN_AFTER_MS);
}

function requireManager(ctx: TenantContext): void {
  if (ctx.record()?.requested !== "running") throw notYet("The tenant is stopped.", STOPPED_AGAIN_MS);
  rouse(ctx, "Agents sent events.");
  if (!someManagerServes(ctx)) throw notYet("The manager is on its way up.", AGAIN_AFTER_MS);
}

/** Its agents were pushed before it counted as serving: that it lacks one passes, or somebody in it sees to that. */
function missing(ctx: TenantContext, batch: HeldBatch): void {
  agentMissing(ctx, batch.agent);
  if (batch.attempts >= MOST_ATTEMPTS) refuse(ctx, batch, "the manager does not know its agent");
}

async function send(ctx: TenantContext, batch: HeldBatch, authorization: string): Promise<number> {
  const [n = 0] = agentRoute(ctx, batch.agent).nodes;
  const request = batchRequest(ctx.id, { ...batch, authorization });
  try {
    const answer = await within(ANSWER_WITHIN_MS, nodeStub(ctx.env, ctx.id, "manager", n).fetch(request));
    await answer.body?.cancel();
    return answer.status;
  } catch (error) {
    // Whether it arrived is unknown; sent again, the hop in front of the manager takes it for what it is.
    throw notYet(`The manager did not answer: ${messageOf(error)}`, AGAIN_AFTER_MS);
  }
}

function refuse(ctx: TenantContext, { agent, seq, body }: HeldBatch, why: string): void {
  log("warn", "a held batch was let go", { tenant: ctx.id, agent, bytes: body.byteLength, why });
  settle(ctx, seq, "refused");
}

const notYet = (why: string, afterMs: number) => new NotYet("MANAGER_BUSY", why, afterMs);
