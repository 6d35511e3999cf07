import { type AccessClaims, type AccessRule, covers, MAX_ACCESS_MS, RULE_FIELDS } from "../auth/claims";
import type { AuditBy } from "../schemas/audit";
import { once, schedulePrune } from "./answers";
import type { TenantContext } from "./context";
import { plannedNodes } from "./node_records";
import { nodeStub } from "./nodes/names";
import { spend } from "./rates";

/** How far the control plane's clock may be ahead of this one's. */
const CLOCK_TOLERANCE_MS = 60_000;

export interface RevocationRequest {
  epoch: number;
  idempotency_key: string;
  rule: AccessRule;
}

/**
 * Withdraws access that was given before a moment: codes, sessions, scoped credentials, and what is open under them.
 *
 * The rule is stored before anything is closed, and every door asks again after it has listed its new socket, so that no
 * connection can slip in between.
 *
 * @returns how many sessions and open sockets were ended
 */
export function revoke(ctx: TenantContext, request: RevocationRequest): Promise<{ closed: number }> {
  ctx.fence(request.epoch);
  // Every door of a deleted tenant is shut, and beside its tombstone nothing may be written.
  if (ctx.record()?.deleted) return closeLeft(ctx, request.rule);
  return once(ctx, `revocation:${request.idempotency_key}`, request, async () => {
    // A rule of the far future would also cover whatever is given after it, for ever.
    const rule = { ...request.rule, before: Math.min(request.rule.before, ctx.now() + CLOCK_TOLERANCE_MS) };
    const sessions = ctx.transaction(() => withdraw(ctx, rule, "portal"));
    const sockets = await closeSockets(ctx, rule);
    return { closed: sessions + sockets };
  });
}

/** While a deletion is under way its sockets still stand; once it erased the plan there are none, nor a stream. */
async function closeLeft(ctx: TenantContext, rule: AccessRule): Promise<{ closed: number }> {
  return { closed: ctx.record()?.plan ? await closeSockets(ctx, rule) : 0 };
}

/** Whether access with these claims was withdrawn. */
export function isRevoked(ctx: TenantContext, claims: AccessClaims): boolean {
  const rules = ctx.sql.exec<{ rule: string }>("SELECT rule FROM revocations");
  for (const { rule } of rules) if (covers(JSON.parse(rule) as AccessRule, claims)) return true;
  return false;
}

/** Whether access with these claims is good at this moment. */
export function accessStands(ctx: TenantContext, claims: AccessClaims): boolean {
  return ctx.isLive() && claims.endsAt > ctx.now() && !isRevoked(ctx, claims);
}

/** The same for whoever reads the tenant's events, counted. @throws EdgeError RATE_LIMITED */
export function admitReader(ctx: TenantContext, claims: AccessClaims): boolean {
  if (!accessStands(ctx, claims)) return false;
  spend(ctx, "events_per_tenant");
  return true;
}

/**
 * Stores the rule, by which every door goes from then on, and forgets the sessions and codes that it covers. Call in a
 * transaction, and close what is open under it after that.
 * @returns how many sessions were ended
 */
export function withdraw(ctx: TenantContext, rule: AccessRule, by: AuditBy): number {
  // Nothing given before the rule lives longer than this, so the rule need not either.
  const until = Math.max(rule.before, ctx.now()) + MAX_ACCESS_MS;
  ctx.sql.exec("INSERT INTO revocations (rule, until) VALUES (?, ?)", JSON.stringify(rule), until);
  schedulePrune(ctx, until);
  const ended = forgetCovered(ctx, "sessions", rule);
  forgetCovered(ctx, "codes", rule);
  const named = Object.fromEntries(RULE_FIELDS.filter((field) => rule[field]).map((field) => [field, rule[field]]));
  const whose = rule.everybody ? { everybody: true } : named;
  ctx.audit("access.revoked", by, { ...whose, before: new Date(rule.before).toISOString(), ended });
  return ended;
}

function forgetCovered(ctx: TenantContext, table: "sessions" | "codes", rule: AccessRule): number {
  const rows = ctx.sql.exec<{ sha256: string; claims: string }>(`SELECT sha256, claims FROM ${table}`).toArray();
  const covered = rows.filter((row) => covers(rule, JSON.parse(row.claims) as AccessClaims));
  for (const { sha256 } of covered) ctx.sql.exec(`DELETE FROM ${table} WHERE sha256 = ?`, sha256);
  return covered.length;
}

/** @returns how many there were */
export async function closeSockets(ctx: TenantContext, rule: AccessRule): Promise<number> {
  const dashboards = plannedNodes(ctx, ctx.record()?.plan ?? null).filter(({ role }) => role === "dashboard");
  const nodes = dashboards.map(({ n }) => nodeStub(ctx.env, ctx.id, "dashboard", n));
  const closed = await Promise.all([
    ctx.env.WAZUH_EVENTS.getByName(ctx.id).closeSubscribers(rule),
    ...nodes.map((node) => node.closeSessions(rule)),
  ]);
  return closed.reduce((sum, count) => sum + count, 0);
}
