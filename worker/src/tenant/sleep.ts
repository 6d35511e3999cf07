/** A tenant that sleeps or wakes, as rows: since when, why, and how it ends. Decisions: sleeping.ts; when: idle.ts. */
import { EdgeError } from "../errors";
import { newId } from "../ids";
import type { AuditBy } from "../schemas/audit";
import { type Role, SERVING_ROLES } from "../schemas/plan";
import type { Step } from "../schemas/runs";
import type { SleepView } from "../schemas/tenant";
import type { TenantContext } from "./context";
import { clearEfforts } from "./efforts";
import type { Decision, Sleep } from "./facts";
import { servesNow } from "./node_records";
import { beginRun, hasSettled, kindOfRun, latestRun } from "./runs";
import { migrate } from "./schema";
import { upgradeRow } from "./versions";

const MIGRATIONS = [
  `CREATE TABLE sleep (
     one INTEGER PRIMARY KEY CHECK (one = 1),
     aim TEXT NOT NULL, operation_id TEXT NOT NULL, since INTEGER NOT NULL, because TEXT NOT NULL,
     verified INTEGER NOT NULL DEFAULT 0
   ) STRICT;`,
];

interface SleepRow extends Record<string, SqlStorageValue> {
  aim: Sleep["aim"];
  operation_id: string;
  /** When it began to sleep, or to wake. */
  since: number;
  because: string;
  verified: number;
}

/** Brings the tables up to date; runs in the object's constructor. */
export const migrateSleep = (storage: DurableObjectStorage) => migrate(storage, "sleep", MIGRATIONS);

const sleepRow = (ctx: TenantContext) => ctx.sql.exec<SleepRow>("SELECT * FROM sleep").toArray()[0] ?? null;

export function sleepFact(ctx: TenantContext): Sleep | null {
  const row = sleepRow(ctx);
  return row && { aim: row.aim, verified: row.verified === 1 };
}

/** Whether it sleeps, or is on its way there. */
export const isAsleep = (ctx: TenantContext) => sleepRow(ctx)?.aim === "asleep";

export function sleepView(ctx: TenantContext): SleepView | null {
  const row = sleepRow(ctx);
  return row?.aim === "asleep" ? { since: new Date(row.since).toISOString(), because: row.because } : null;
}

/** The operation of the waking that is under way. */
export function wakingOperation(ctx: TenantContext): string | null {
  const row = sleepRow(ctx);
  return row?.aim === "awake" ? row.operation_id : null;
}

/** How far a tenant is on its way back, for people who wait for it. */
export interface Waking {
  state: "waking" | "awake";
  /** Since it was woken. */
  seconds: number;
  steps: Pick<Step, "name" | "state">[];
}

export function wakingView(ctx: TenantContext): Waking {
  const row = sleepRow(ctx);
  const run = latestRun(ctx);
  const steps = run?.kind === "wake" ? run.steps.map(({ name, state }) => ({ name, state })) : [];
  return {
    state: mustWait(ctx, "dashboard") ? "waking" : "awake",
    seconds: row ? Math.max(0, Math.round((ctx.now() - row.since) / 1000)) : 0,
    steps,
  };
}

/** Whether whoever needs a node of this role waits until the tenant has woken. */
export function mustWait(ctx: TenantContext, role: Role): boolean {
  const row = sleepRow(ctx);
  return row !== null && (row.aim === "asleep" || !servesNow(ctx, role));
}

const busy = (why: string) => new EdgeError("OPERATION_IN_PROGRESS", why);

/** Why a tenant can neither be sent to sleep nor woken now; null where it can. */
function whyNotWake(ctx: TenantContext): EdgeError | null {
  if (ctx.requireLive().requested !== "running") {
    return new EdgeError("TENANT_NOT_RUNNING", "Only a tenant that is meant to run sleeps and wakes.");
  }
  if (sleepRow(ctx)) return null;
  const changing = !hasSettled(ctx) || latestRun(ctx)?.state === "running" || upgradeRow(ctx) !== null;
  return changing ? busy("The tenant's nodes or certificates are being changed.") : null;
}

const STORING = `SELECT 1 FROM backups WHERE state = 'running' UNION ALL
  SELECT 1 FROM rehydrations WHERE state = 'running'`;

const HOLDING_BATCHES = "SELECT 1 FROM held_batches LIMIT 1";

/** The same for going to sleep, which must also take nothing down that is on its way up. */
export function whyNotSleep(ctx: TenantContext): EdgeError | null {
  const why = whyNotWake(ctx);
  if (why) return why;
  if (wakingOperation(ctx)) return busy("The tenant is waking up.");
  if (ctx.sql.exec(STORING).toArray().length > 0) return busy("A backup or an archived day is under way.");
  if (ctx.sql.exec(HOLDING_BATCHES).toArray().length > 0)
    return busy("What agents sent while it slept is being replayed.");
  const whole = isAsleep(ctx) || SERVING_ROLES.every((role) => servesNow(ctx, role));
  return whole ? null : busy("Not every node of the tenant serves.");
}

/** Call in the transaction in which its conditions were seen to hold. */
export function beginSleep(ctx: TenantContext, operationId: string, by: AuditBy, because: string): void {
  const since = sleepView(ctx)?.since;
  begin(ctx, { aim: "asleep", operationId, by, because, since: since ? Date.parse(since) : ctx.now() });
}

/**
 * Wakes the tenant under an operation that was asked for. Of one that is awake it verifies that it is.
 * @throws EdgeError TENANT_NOT_RUNNING, OPERATION_IN_PROGRESS; GENERATION_CONFLICT where the operation was another kind
 */
export function askToWake(ctx: TenantContext, operationId: string, by: AuditBy): void {
  if (kindOfRun(ctx, operationId) === "wake") return;
  const why = whyNotWake(ctx);
  if (why) throw why;
  ctx.transaction(() => beginWake(ctx, operationId, by, "It was asked for."));
}

/** Wakes a tenant that sleeps, for a request that needs it; one that is awake or waking is left alone. */
export function rouse(ctx: TenantContext, because: string): void {
  if (isAsleep(ctx)) ctx.transaction(() => beginWake(ctx, newId("op"), "edge", because));
}

/** Wakes a tenant for work that can't be begun before it runs. @throws EdgeError TENANT_ASLEEP */
export function requireAwake(ctx: TenantContext, because: string): void {
  if (!sleepRow(ctx)) return;
  rouse(ctx, because);
  throw stillAway();
}

export const stillAway = () => new EdgeError("TENANT_ASLEEP", "The tenant slept and is waking up.");

const beginWake = (ctx: TenantContext, operationId: string, by: AuditBy, because: string) =>
  begin(ctx, { aim: "awake", operationId, by, because, since: ctx.now() });

interface Beginning {
  aim: Sleep["aim"];
  operationId: string;
  by: AuditBy;
  because: string;
  since: number;
}

function begin(ctx: TenantContext, { aim, operationId, by, because, since }: Beginning): void {
  const { kind, action } = BEGINNINGS[aim];
  beginRun(ctx, operationId, kind, ctx.requireLive().generation);
  // Failures from before say nothing about what is tried now.
  clearEfforts(ctx);
  ctx.sql.exec(
    "INSERT OR REPLACE INTO sleep (one, aim, operation_id, since, because) VALUES (1, ?, ?, ?, ?)",
    ...[aim, operationId, since, because],
  );
  ctx.audit(action, by, { operation: operationId, because });
  ctx.schedule("drive", ctx.now());
  ctx.viewChanged();
}

const BEGINNINGS = {
  asleep: { kind: "sleep", action: "tenant.fell_asleep" },
  awake: { kind: "wake", action: "tenant.woken" },
} as const;

/** Notes that ingest was verified, if that waking still goes on. */
export function noteWakingVerified(ctx: TenantContext, operationId: string): void {
  ctx.sql.exec("UPDATE sleep SET verified = 1 WHERE aim = 'awake' AND operation_id = ?", operationId);
}

/** Closes the waking that a decision ends: from then on the tenant is one like any other. Call in its transaction. */
export function endWaking(ctx: TenantContext, { outcome }: Decision): void {
  if (outcome !== "going") ctx.sql.exec("DELETE FROM sleep WHERE aim = 'awake'");
}

/** A newer intent takes the place of sleeping and waking, and may say otherwise when to sleep. */
export function abandonSleep(ctx: TenantContext): void {
  ctx.sql.exec("DELETE FROM sleep");
  ctx.unschedule("idle");
}
