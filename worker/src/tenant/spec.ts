/** What the control plane wants of this tenant, behind its fence (epoch, generation). */
import { contentHash } from "../canonical";
import { EdgeError, type FieldFault } from "../errors";
import { versionsIn } from "../plan";
import { sizeFaults } from "../plan_size";
import type { DeleteTenant, PutTenant, Requested } from "../schemas/orders";
import type { Plan } from "../schemas/plan";
import type { RunKind } from "../schemas/runs";
import { noteBin } from "./bin";
import { notePlanBefore, refuseContent } from "./content";
import type { TenantContext } from "./context";
import { clearEfforts } from "./efforts";
import { pinVersions, refuseVersion, turnTowards } from "./intents";
import { awaitsCopy, beginPrelude, cloneSource } from "./preludes";
import { abandonRotation } from "./rotation";
import { beginRun, hasServed } from "./runs";
import { abandonSleep } from "./sleep";

interface Intent {
  epoch: number;
  generation: number;
  operation_id: string;
  requested: Requested;
  plan: Plan | null;
  from?: PutTenant["from"];
  rollback?: PutTenant["rollback"];
  bin?: PutTenant["bin"];
}

/** Where an intent stands against what is stored. */
export type Standing = "newer" | "same" | "older" | "conflicting";

/** Pure comparison: by epoch, then generation; the same pair must carry the same body. */
export function standingOf(
  stored: { epoch: number; generation: number; bodyHash: string } | null,
  intent: { epoch: number; generation: number; bodyHash: string },
): Standing {
  if (!stored) return "newer";
  const ahead = intent.epoch - stored.epoch || intent.generation - stored.generation;
  if (ahead !== 0) return ahead > 0 ? "newer" : "older";
  return intent.bodyHash === stored.bodyHash ? "same" : "conflicting";
}

/** @throws EdgeError TENANT_DELETED, STALE_GENERATION, GENERATION_CONFLICT, UNKNOWN_VERSION, PLAN_TOO_LARGE, of `refuseContent`, and of `refuseVersion` */
export function acceptSpec(ctx: TenantContext, body: PutTenant): void {
  if (ctx.record()?.deleted) throw new EdgeError("TENANT_DELETED", "This tenant was deleted.");
  if (body.from) refuseExisting(ctx, body.from);
  const started = body.from && !hasServed(ctx) ? "clone" : "start";
  accept(ctx, body, body.requested === "running" ? started : "stop");
}

/** A clone's data must never mix with that of a tenant that is there already. */
function refuseExisting(ctx: TenantContext, from: NonNullable<PutTenant["from"]>): void {
  if (ctx.record() && contentHash(cloneSource(ctx)) !== contentHash(from))
    throw new EdgeError("CLONE_REFUSED", "This tenant exists already.");
}

/** Leaves a tombstone also where nothing was stored before, so that a delayed spec can't bring the tenant to life. */
export function acceptDeletion(ctx: TenantContext, body: DeleteTenant): void {
  accept(ctx, { ...body, requested: "deleted", plan: null }, "delete");
}

function accept(ctx: TenantContext, intent: Intent, kind: RunKind): void {
  const hash = contentHash(intent);
  const standing = standingOf(storedFence(ctx), { ...intent, bodyHash: hash });
  const fence = `Generation ${intent.epoch}.${intent.generation}`;
  if (standing === "older") throw new EdgeError("STALE_GENERATION", `${fence} is older than what is stored.`);
  if (standing === "conflicting") {
    throw new EdgeError("GENERATION_CONFLICT", `${fence} was sent before with another body.`);
  }
  if (standing === "newer") {
    refuseUnfit(ctx, intent);
    refuseContent(ctx, intent.plan, intent.from !== undefined || awaitsCopy(ctx));
    if (intent.requested === "running" && intent.plan) refuseVersion(ctx, intent.plan, intent.rollback === true);
    ctx.transaction(() => store(ctx, intent, kind, hash));
  }
  // Whoever repeats an intent misses something of it: the alarm may have been lost.
  ctx.schedule("drive", ctx.now());
}

function storedFence(ctx: TenantContext) {
  const query = "SELECT epoch, generation, body_hash AS bodyHash FROM tenant";
  return ctx.sql.exec<{ epoch: number; generation: number; bodyHash: string }>(query).toArray()[0] ?? null;
}

/** Every fault at once, under the code of the first. */
function refuseUnfit(ctx: TenantContext, intent: Intent): void {
  const unknown = unknownVersions(ctx, intent);
  const large = tooLarge(ctx, intent);
  const faults = [...unknown, ...large];
  const [first] = faults;
  if (!first) return;
  const code = unknown.length > 0 ? "UNKNOWN_VERSION" : "PLAN_TOO_LARGE";
  throw new EdgeError(code, `The plan can't be had: ${first.path.replace("plan.", "")}: ${first.message}`, faults);
}

/** Only of what is to start anew: a withdrawn version must keep nobody from stopping, or from repeating what is stored. */
function unknownVersions(ctx: TenantContext, { requested, plan }: Intent): FieldFault[] {
  const { versions } = ctx.settings;
  if (requested !== "running" || !plan) return [];
  const unknown = versionsIn(plan).filter(({ version }) => !versions.has(version));
  const offered = [...versions.keys()].join(", ");
  return unknown.map(({ path, version }) => ({ path, message: `${version} is not offered here, only ${offered}.` }));
}

/** A plan that was taken once stays good: a tenant of before must start and stop whatever is judged today. */
function tooLarge(ctx: TenantContext, { plan }: Intent): FieldFault[] {
  const stored = ctx.record()?.plan;
  if (!plan || (stored && contentHash(stored) === contentHash(plan))) return [];
  return sizeFaults(plan);
}

function store(ctx: TenantContext, intent: Intent, kind: RunKind, hash: string): void {
  const before = ctx.record();
  pinVersions(ctx);
  const started = kind === "start" ? kindOfChange(ctx, intent) : kind;
  notePlanBefore(ctx, intent.plan);
  storeIntent(ctx, intent, hash);
  noteBin(ctx, intent.bin);
  abandonRotation(ctx);
  abandonSleep(ctx);
  beginRun(ctx, intent.operation_id, started, intent.generation);
  // No node is touched: what was verified of them holds.
  if (started === "content") ctx.sql.exec("UPDATE tenant SET verified = operation_id WHERE verified IS NOT NULL");
  // A new intent is somebody's decision to try (again): what was given up gets its attempts back.
  clearEfforts(ctx);
  if (intent.from && !cloneSource(ctx)) beginPrelude(ctx, "clone", intent.operation_id, intent.from);
  const { epoch, generation, requested, plan } = intent;
  ctx.copyPlan({ tenant: ctx.id, epoch, generation, requested, plan });
  // Where nothing is left to delete no stream is left to tell it to.
  if (kind === "delete" && before?.deleted !== false) return;
  const binned = intent.bin ? { bin_until: intent.bin.erases_at } : {};
  const said = {
    operation: intent.operation_id,
    epoch,
    generation,
    requested,
    run: started,
    spec_sha256: hash,
    ...binned,
  };
  ctx.audit(kind === "delete" ? "tenant.deletion_asked" : "tenant.specified", "portal", said);
}

function kindOfChange(ctx: TenantContext, { operation_id, plan, rollback }: Intent): RunKind {
  return plan ? turnTowards(ctx, ctx.record(), { operation_id, plan, rollback: rollback === true }) : "start";
}

function storeIntent(ctx: TenantContext, intent: Intent, hash: string): void {
  const { epoch, generation, operation_id, requested, plan } = intent;
  // The plan of a tenant under deletion stays until its nodes are stopped; erasing drops it.
  ctx.sql.exec(
    `INSERT INTO tenant (one, epoch, generation, operation_id, requested, plan, body_hash, observed, observed_generation, updated_at)
     VALUES (1, ?, ?, ?, ?, ?, ?, 'unknown', 0, ?)
     ON CONFLICT (one) DO UPDATE SET epoch = excluded.epoch, generation = excluded.generation,
       operation_id = excluded.operation_id, requested = excluded.requested,
       plan = coalesce(excluded.plan, tenant.plan), body_hash = excluded.body_hash`,
    ...[epoch, generation, operation_id, requested, plan && JSON.stringify(plan), hash, ctx.now()],
  );
}
