/** Which agent's connection is let in at the tunnel: by its connector's credential, or by its pinned certificate. */
import { timingSafeEqual } from "node:crypto";
import { sourceOf } from "../auth/address";
import { isBinned, refuseBinned } from "./bin";
import type { TenantContext } from "./context";
import { noteComing } from "./idle";
import { agentPinnedTo } from "./pins";
import { pushSoon } from "./push";
import { noteGuess, refuseGuesser, spend } from "./rates";
import { isAsleep, mustWait, rouse, stillAway } from "./sleep";

/** What an agent's credential opens. */
export type Verdict = "open" | "unknown" | "quarantined";

/** Whose connection it is, as far as the credential says. */
export interface Admission {
  agent: string;
  verdict: Verdict;
}

/**
 * Checks a connector's credential, and has the manager know the agent before its connection is dialled: one that it does
 * not know yet is ignored, and waits long before it tries again.
 *
 * @param secretDigest SHA-256 hex of the credential's secret
 * @param address where the connection comes from
 * @throws EdgeError TENANT_ASLEEP for a good credential of a tenant that slept; it wakes. RATE_LIMITED, TENANT_BINNED
 */
export const admitConnector = (ctx: TenantContext, agent: string, secretDigest: string, address: string) =>
  admit(ctx, address, () => ({ agent, verdict: verdictOn(ctx, agent, secretDigest) }));

/**
 * The same for a certificate that the platform verified: it counts only where it is pinned to an agent of this tenant.
 *
 * @param sha256 of the certificate, in hex
 * @throws EdgeError as above
 */
export const admitCertificate = (ctx: TenantContext, sha256: string, address: string) =>
  admit(ctx, address, () => {
    const agent = agentPinnedTo(ctx, sha256) ?? "";
    return { agent, verdict: verdictOn(ctx, agent, null) };
  });

async function admit(ctx: TenantContext, address: string, check: () => Admission): Promise<Admission> {
  const source = sourceOf(address);
  refuseGuesser(ctx, "tunnel_guesses", source);
  const admission = check();
  if (admission.verdict === "unknown") noteGuess(ctx, "tunnel_guesses", source);
  else countConnection(ctx, admission.agent);
  if (admission.verdict === "open") await ready(ctx, admission.agent);
  return admission;
}

/** First the agent: one that is switched on and off without end must not use up what the others have. */
function countConnection(ctx: TenantContext, agent: string): void {
  spend(ctx, "tunnel_per_agent", agent);
  spend(ctx, "tunnel_per_tenant");
}

async function ready(ctx: TenantContext, agent: string): Promise<void> {
  refuseBinned(ctx);
  noteComing(ctx);
  rouse(ctx, `Agent ${agent} asked to connect.`);
  if (mustWait(ctx, "manager")) throw stillAway();
  await pushSoon(ctx, agent);
}

/** @param secretDigest null where the agent was proved otherwise */
function verdictOn(ctx: TenantContext, agent: string, secretDigest: string | null): Verdict {
  if (!ctx.isLive()) return "unknown";
  const query = "SELECT credential_sha256, quarantined_at FROM agents WHERE id = ?";
  const row = ctx.sql.exec<{ credential_sha256: string; quarantined_at: number | null }>(query, agent).toArray()[0];
  if (!row || (secretDigest !== null && !same(row.credential_sha256, secretDigest))) return "unknown";
  return row.quarantined_at === null ? "open" : "quarantined";
}

const same = (one: string, other: string) => timingSafeEqual(Buffer.from(one), Buffer.from(other));

/**
 * Whether a connection of this agent may stand; asked once it is listed where quarantine finds it. A tenant that fell
 * asleep between the credential's check and here takes none: its manager is on its way down.
 */
export function mayConnect(ctx: TenantContext, agent: string): boolean {
  noteComing(ctx);
  if (isAsleep(ctx) || isBinned(ctx)) return false;
  const query = "SELECT 1 FROM agents WHERE id = ? AND quarantined_at IS NULL";
  return ctx.isLive() && ctx.sql.exec(query, agent).toArray().length === 1;
}
