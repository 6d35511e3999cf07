/** When a tenant goes to sleep: nobody uses it, and every node that could know better says so. */
import { EdgeError, type ErrorCode, messageOf } from "../errors";
import { newId } from "../ids";
import { log } from "../log";
import type { TenantContext } from "./context";
import { within } from "./deadline";
import { nodeStub } from "./nodes/names";
import type { Use } from "./nodes/use";
import { renewAt } from "./rotation";
import { kindOfRun } from "./runs";
import { beginSleep, isAsleep, whyNotSleep } from "./sleep";

const ANSWER_WITHIN_MS = 10_000;
/** After which an answer that did not come, or something under way, is looked at again. */
const LOOK_AGAIN_MS = 60_000;
const MINUTE_MS = 60_000;

/** What is known of who uses a tenant; null for a node that did not answer. */
export interface Activity {
  manager: Use | null;
  dashboard: Use | null;
  /** When somebody last came to the tenant's own object: an enrollment, a session. */
  lastAt: number;
}

export interface Hindrance {
  code: Extract<ErrorCode, "AGENTS_CONNECTED" | "DASHBOARD_IN_USE" | "ACTIVITY_UNKNOWN">;
  message: string;
}

/** What keeps a tenant awake at this moment, however long ago anything else was. */
export function hindrances({ manager, dashboard }: Activity): Hindrance[] {
  const found: Hindrance[] = [];
  if (manager?.open)
    found.push({ code: "AGENTS_CONNECTED", message: `${counted(manager.open, "agent connection")} open.` });
  if (dashboard?.open)
    found.push({ code: "DASHBOARD_IN_USE", message: `${counted(dashboard.open, "dashboard connection")} open.` });
  if (!manager || !dashboard) {
    const silent = manager ? "dashboard" : "manager";
    found.push({ code: "ACTIVITY_UNKNOWN", message: `The ${silent}'s object did not say who uses it.` });
  }
  return found;
}

const counted = (n: number, what: string) => `${n} ${what}${n === 1 ? " is" : "s are"}`;

/** The earliest time at which the tenant may fall asleep; in the past where that is now. */
export function maySleepAt(activity: Activity, now: number, afterMs: number): number {
  const { manager, dashboard, lastAt } = activity;
  if (!manager || !dashboard) return now + LOOK_AGAIN_MS;
  // Whatever is open will have ended at some time from now on.
  const quietSince = manager.open + dashboard.open > 0 ? now : Math.max(manager.last_at, dashboard.last_at, lastAt);
  return quietSince + afterMs;
}

/** Sees to it that a tenant which runs, and may sleep, is looked at in time. */
export function planIdleCheck(ctx: TenantContext): void {
  const policy = ctx.record()?.plan?.sleep;
  if (!policy) return;
  const planned = ctx.sql.exec("SELECT 1 FROM due WHERE kind = 'idle'").toArray().length > 0;
  if (!planned) ctx.schedule("idle", ctx.now() + policy.after_minutes * MINUTE_MS);
}

/** Handler of the due row: puts the tenant to sleep, or comes back when that could be right. */
export async function idleDue(ctx: TenantContext): Promise<void> {
  const policy = ctx.record()?.plan?.sleep;
  if (!policy || isBusy(ctx)) return;
  const because = `Nobody used it for ${policy.after_minutes} minutes.`;
  const sleepsAt = (activity: Activity) => maySleepAt(activity, ctx.now(), policy.after_minutes * MINUTE_MS);
  await askThen(ctx, (activity) => {
    const at = sleepsAt(activity);
    if (isBusy(ctx)) return;
    if (at > ctx.now()) ctx.schedule("idle", at);
    else beginSleep(ctx, newId("op"), "edge", because);
  });
}

/** What runs or is due ends before the tenant sleeps; once it serves again the check is planned anew. */
function isBusy(ctx: TenantContext): boolean {
  const plan = ctx.record()?.plan;
  if (!plan || isAsleep(ctx)) return true;
  return ctx.now() >= renewAt(ctx, plan) || whyNotSleep(ctx) !== null;
}

/**
 * Has a tenant sleep now, under an operation of the control plane, however lately it was used.
 * @throws EdgeError of the first hindrance with all of them in its details, TENANT_NOT_RUNNING, OPERATION_IN_PROGRESS
 */
export async function sleepNow(ctx: TenantContext, operationId: string): Promise<void> {
  if (kindOfRun(ctx, operationId) === "sleep") return;
  refuse(whyNotSleep(ctx));
  await askThen(ctx, (activity) => {
    refuse(whyNotSleep(ctx) ?? hinders(activity));
    beginSleep(ctx, operationId, "portal", "It was asked for.");
  });
}

function refuse(error: EdgeError | null): void {
  if (error) throw error;
}

function hinders(activity: Activity): EdgeError | null {
  const found = hindrances(activity);
  const details = found.map(({ code, message }) => ({ path: code, message }));
  return found[0] ? new EdgeError(found[0].code, found[0].message, details) : null;
}

/**
 * Asks who uses the tenant, and goes on in one transaction only if nobody came meanwhile. Whoever came before is counted
 * by the node that was asked; whoever comes after meets the row that was written.
 */
async function askThen(ctx: TenantContext, work: (activity: Activity) => void): Promise<void> {
  const before = comings.get(ctx)?.count ?? 0;
  const activity = await ask(ctx);
  if ((comings.get(ctx)?.count ?? 0) === before) return ctx.transaction(() => work(activity));
  throw new EdgeError("ACTIVITY_UNKNOWN", "Somebody came while the nodes were asked who uses them.");
}

const comings = new WeakMap<TenantContext, { count: number; at: number }>();

/** Somebody came to use the tenant. Kept in memory: a tenant object that forgets it also forgets what it was about to do. */
export function noteComing(ctx: TenantContext): void {
  comings.set(ctx, { count: (comings.get(ctx)?.count ?? 0) + 1, at: ctx.now() });
}

async function ask(ctx: TenantContext): Promise<Activity> {
  const [manager, dashboard] = await Promise.all([useOf(ctx, "manager"), useOf(ctx, "dashboard")]);
  const { at } = ctx.sql.exec<{ at: number }>("SELECT coalesce(max(enrolled_at), 0) AS at FROM agents").one();
  return { manager, dashboard, lastAt: Math.max(at, comings.get(ctx)?.at ?? 0) };
}

/** Of all nodes of a role together; null where one of them did not answer. */
async function useOf(ctx: TenantContext, role: "manager" | "dashboard"): Promise<Use | null> {
  const count = ctx.record()?.plan?.roles[role].count ?? 1;
  const ask = (n: number) => within(ANSWER_WITHIN_MS, nodeStub(ctx.env, ctx.id, role, n).use());
  try {
    return together(await Promise.all(Array.from({ length: count }, (_, n) => ask(n))));
  } catch (error) {
    log("info", "a node did not say who uses it", { tenant: ctx.id, role, error: messageOf(error) });
    return null;
  }
}

const together = (uses: Use[]): Use => ({
  open: uses.reduce((sum, { open }) => sum + open, 0),
  last_at: Math.max(...uses.map(({ last_at }) => last_at)),
});
