/** What the control plane wants of this tenant, behind its fence (epoch, generation). */
import { EdgeError } from "../errors";
import { digest } from "../ids";
import type { DeleteTenant, Plan, PutTenant, Requested } from "../schemas";
import type { TenantContext } from "./context";
import { clearEfforts } from "./efforts";
import { beginRun } from "./runs";

interface Intent {
  epoch: number;
  generation: number;
  operation_id: string;
  requested: Requested;
  plan: Plan | null;
}

interface Fence {
  epoch: number;
  generation: number;
  body_hash: string;
  requested: string;
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

/** The same hash for the same content, however its keys were ordered. */
export function bodyHash(value: unknown): string {
  return digest(JSON.stringify(value, (_key, inner: unknown) => (isRecord(inner) ? sorted(inner) : inner)));
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const sorted = (record: Record<string, unknown>) =>
  Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));

/** @throws EdgeError TENANT_DELETED, STALE_GENERATION, GENERATION_CONFLICT, UNKNOWN_VERSION */
export function acceptSpec(ctx: TenantContext, body: PutTenant): void {
  // A version that was withdrawn must not keep its tenants from being stopped.
  if (body.requested === "running" && !ctx.settings.versions.has(body.plan.version)) {
    const known = [...ctx.settings.versions.keys()].join(", ");
    throw new EdgeError("UNKNOWN_VERSION", `Version ${body.plan.version} is not offered here.`, [
      { path: "plan.version", message: `must be one of ${known}` },
    ]);
  }
  if (ctx.record()?.deleted) throw new EdgeError("TENANT_DELETED", "This tenant was deleted.");
  accept(ctx, body, body.requested === "running" ? "start" : "stop");
}

/** Leaves a tombstone also where nothing was stored before, so that a delayed spec can't bring the tenant to life. */
export function acceptDeletion(ctx: TenantContext, body: DeleteTenant): void {
  accept(ctx, { ...body, requested: "deleted", plan: null }, "delete");
}

function accept(ctx: TenantContext, intent: Intent, kind: "start" | "stop" | "delete"): void {
  const hash = bodyHash(intent);
  const [stored] = ctx.sql
    .exec<Fence & Record<string, SqlStorageValue>>("SELECT epoch, generation, body_hash, requested FROM tenant")
    .toArray();
  const standing = standingOf(stored ? { ...stored, bodyHash: stored.body_hash } : null, { ...intent, bodyHash: hash });
  const { epoch, generation } = intent;
  if (standing === "older") {
    throw new EdgeError("STALE_GENERATION", `Generation ${epoch}.${generation} is older than what is stored.`);
  }
  if (standing === "conflicting") {
    throw new EdgeError("GENERATION_CONFLICT", `Generation ${epoch}.${generation} was sent before with another body.`);
  }
  if (standing === "newer") ctx.transaction(() => store(ctx, intent, kind, hash));
}

function store(ctx: TenantContext, intent: Intent, kind: "start" | "stop" | "delete", hash: string): void {
  const plan = intent.plan ? JSON.stringify(intent.plan) : null;
  // The plan of a tenant under deletion stays until its nodes are stopped; erasing drops it.
  ctx.sql.exec(
    `INSERT INTO tenant (one, epoch, generation, operation_id, requested, plan, body_hash, observed, observed_generation, updated_at)
     VALUES (1, ?, ?, ?, ?, ?, ?, 'unknown', 0, ?)
     ON CONFLICT (one) DO UPDATE SET epoch = excluded.epoch, generation = excluded.generation,
       operation_id = excluded.operation_id, requested = excluded.requested,
       plan = coalesce(excluded.plan, tenant.plan), body_hash = excluded.body_hash`,
    intent.epoch,
    intent.generation,
    intent.operation_id,
    intent.requested,
    plan,
    hash,
    ctx.now(),
  );
  beginRun(ctx, intent.operation_id, kind, intent.generation);
  // A new intent is somebody's decision to try (again): what was given up gets its attempts back.
  clearEfforts(ctx);
  const { epoch, generation, requested } = intent;
  ctx.copyPlan({ tenant: ctx.id, epoch, generation, requested, plan: intent.plan });
  ctx.schedule("drive", ctx.now());
}
