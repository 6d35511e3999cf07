/** An exchange of the tenant's certificates as rows: who asked, how far it is, and how it ends. Decisions: rotating.ts. */
import { EdgeError, type ErrorBody } from "../errors";
import { newId } from "../ids";
import type { Plan, StepName } from "../schemas";
import type { Move } from "./bundles";
import { activeGeneration, certificateView, hasPending, moveCertificates, renewalDue } from "./certificates";
import type { TenantContext } from "./context";
import { clearEfforts } from "./efforts";
import type { Decision, Rotation } from "./facts";
import { RENEW_AGAIN_MS } from "./renewal";
import { addStep, beginRun, failStep, hasSettled, kindOfRun } from "./runs";
import { requireAwake } from "./sleep";
import { upgradeRow } from "./versions";

interface RotationRow extends Record<string, SqlStorageValue> {
  operation_id: string;
  from_generation: number;
  verified: number;
  back: string | null;
}

/** Name in `counters` of the time at which a rotation failed last. */
const FAILED_AT = "rotation_failed_at";

export function rotationRow(ctx: TenantContext): RotationRow | null {
  return ctx.sql.exec<RotationRow>("SELECT * FROM rotation").toArray()[0] ?? null;
}

export function rotationFact(ctx: TenantContext): Rotation | null {
  const row = rotationRow(ctx);
  if (!row) return null;
  return {
    minted: hasPending(ctx),
    switched: activeGeneration(ctx) !== row.from_generation,
    verified: row.verified === 1,
    back: row.back === null ? null : (JSON.parse(row.back) as ErrorBody),
  };
}

/**
 * Begins a rotation; the same operation again changes nothing, whatever became of it.
 * @throws EdgeError TENANT_NOT_RUNNING, TENANT_ASLEEP, OPERATION_IN_PROGRESS; GENERATION_CONFLICT where the operation was
 *   another kind
 */
export function askForRotation(ctx: TenantContext, operationId: string): void {
  if (kindOfRun(ctx, operationId) === "rotate") return;
  if (ctx.record()?.requested !== "running") {
    throw new EdgeError("TENANT_NOT_RUNNING", "Only a tenant that runs can exchange its certificates.");
  }
  requireAwake(ctx, "Its certificates were to be exchanged.");
  if (!hasSettled(ctx) || rotationRow(ctx) || upgradeRow(ctx)) {
    throw new EdgeError("OPERATION_IN_PROGRESS", "The tenant's nodes or certificates are being changed already.");
  }
  ctx.transaction(() => begin(ctx, operationId));
  ctx.schedule("drive", ctx.now());
}

/** Begins a rotation that nobody asked for. */
export const renew = (ctx: TenantContext) => askForRotation(ctx, newId("op"));

function begin(ctx: TenantContext, operationId: string): void {
  beginRun(ctx, operationId, "rotate", ctx.requireLive().generation);
  // Failures from before say nothing about the new certificates.
  clearEfforts(ctx);
  const insert = "INSERT INTO rotation (one, operation_id, from_generation) VALUES (1, ?, ?)";
  ctx.sql.exec(insert, operationId, activeGeneration(ctx));
}

/** The one moment at which the next bundle takes over. */
export const switchOver = (ctx: TenantContext) => ctx.transaction(() => moveCertificates(ctx, "switch"));

/** Gives the bundle before its place again; what was moved to the new one is restarted by the decisions that follow. */
export function turnBack(ctx: TenantContext, step: StepName, error: ErrorBody): void {
  ctx.transaction(() => {
    const row = rotationRow(ctx);
    if (!row || row.back !== null) return;
    moveCertificates(ctx, "back");
    ctx.sql.exec("UPDATE rotation SET back = ?, verified = 0", JSON.stringify(error));
    clearEfforts(ctx);
    failStep(ctx, row.operation_id, step, error);
    addStep(ctx, row.operation_id, "rollback");
  });
}

/** Notes that ingest was verified, if the rotation still goes the way it went when the probe began. */
export function noteVerified(ctx: TenantContext, { operation_id, back }: RotationRow): void {
  ctx.sql.exec("UPDATE rotation SET verified = 1 WHERE operation_id = ? AND back IS ?", operation_id, back);
}

/** Closes the rotation that a decision ends. Call in the decision's transaction, after it was written into the run. */
export function endRotation(ctx: TenantContext, { outcome, error }: Decision): void {
  const row = rotationRow(ctx);
  if (!row || outcome === "going") return;
  ctx.sql.exec("DELETE FROM rotation");
  const { move, told } = ENDS[outcome];
  moveCertificates(ctx, move);
  noteEnd(ctx, outcome === "reached" ? null : ctx.now());
  if (error && outcome === "rolled_back") {
    const failed = "UPDATE steps SET error = ? WHERE operation_id = ? AND state = 'failed'";
    ctx.sql.exec(failed, JSON.stringify(error), row.operation_id);
  }
  tell(ctx, row, told);
}

const ENDS: Record<Exclude<Decision["outcome"], "going">, { move: Move; told: string }> = {
  reached: { move: "finish", told: "certificates.rotated" },
  gave_up: { move: "drop", told: "certificates.rotation_failed" },
  rolled_back: { move: "drop", told: "certificates.rolled_back" },
};

function noteEnd(ctx: TenantContext, failedAt: number | null): void {
  if (failedAt === null) ctx.sql.exec("DELETE FROM counters WHERE name = ?", FAILED_AT);
  else ctx.sql.exec("INSERT OR REPLACE INTO counters (name, value) VALUES (?, ?)", FAILED_AT, failedAt);
}

function tell(ctx: TenantContext, row: RotationRow, action: string): void {
  const { generation, fingerprint, ca_fingerprint } = certificateView(ctx) ?? {};
  const { operation_id: operation, from_generation: before } = row;
  ctx.emit("audit", { action, operation, before, generation, fingerprint, ca_fingerprint });
}

/** A newer intent takes the place of the rotation. What was not verified to the end does not stay the active bundle. */
export function abandonRotation(ctx: TenantContext): void {
  const rotation = rotationFact(ctx);
  if (!rotation) return;
  const forward = rotation.switched && rotation.back === null;
  moveCertificates(ctx, forward ? (rotation.verified ? "finish" : "back") : "drop");
  ctx.sql.exec("DELETE FROM rotation");
}

/** When a tenant that has settled exchanges its certificates by itself, in milliseconds since 1970. */
export const renewAt = (ctx: TenantContext, plan: Plan): number =>
  Math.max(renewalDue(ctx, plan), failedAt(ctx) + RENEW_AGAIN_MS);

/** When a rotation failed last; 0 = since the last that succeeded, none. */
function failedAt(ctx: TenantContext): number {
  const query = "SELECT value FROM counters WHERE name = ?";
  return ctx.sql.exec<{ value: number }>(query, FAILED_AT).toArray()[0]?.value ?? 0;
}
