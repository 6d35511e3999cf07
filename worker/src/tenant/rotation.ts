/** An exchange of the tenant's certificates or credentials as rows: who asked, how far it is, and how it ends. Decisions: rotating.ts. */
import type { AccessClaims } from "../auth/claims";
import { EdgeError, type ErrorBody } from "../errors";
import { newId } from "../ids";
import type { AuditBy } from "../schemas/audit";
import type { Plan } from "../schemas/plan";
import type { StepName } from "../schemas/runs";
import type { Move } from "./bundles";
import { activeGeneration, certificateView, hasPending, moveCertificates, renewalDue } from "./certificates";
import type { TenantContext } from "./context";
import { activeCredentials, credentialsView, hasPendingCredentials, moveCredentials } from "./credentials";
import { clearEfforts } from "./efforts";
import { type Decision, type Exchanged, type Rotation, RUN_OF } from "./facts";
import { RENEW_AGAIN_MS } from "./renewal";
import { addStep, beginRun, failStep, hasSettled, kindOfRun } from "./runs";
import { requireAwake } from "./sleep";
import { upgradeRow } from "./versions";

interface RotationRow extends Record<string, SqlStorageValue> {
  operation_id: string;
  what: Exchanged;
  from_generation: number;
  verified: number;
  back: string | null;
}

/** Who asks for a rotation, and of a person what the audit trail keeps. */
export type Asker = { by: AuditBy } & Partial<Pick<AccessClaims, "subject" | "organization" | "grant" | "session">>;

type End = Exclude<Decision["outcome"], "going">;

interface Exchange {
  active: (ctx: TenantContext) => number;
  hasPending: (ctx: TenantContext) => boolean;
  move: (ctx: TenantContext, move: Move) => void;
  back: Move;
  ends: Record<End, Move>;
  /** What the audit trail shows of the active one. */
  told: (ctx: TenantContext) => object;
}

const EXCHANGES: Record<Exchanged, Exchange> = {
  certificates: {
    active: activeGeneration,
    hasPending,
    move: moveCertificates,
    back: "back",
    ends: { reached: "finish", gave_up: "drop", rolled_back: "drop" },
    told: describeCertificates,
  },
  // Certificates that were replaced still serve; a password that was replaced must open nothing, so none is kept.
  credentials: {
    active: activeCredentials,
    hasPending: hasPendingCredentials,
    move: moveCredentials,
    back: "return",
    ends: { reached: "settle", gave_up: "settle", rolled_back: "settle" },
    told: (ctx) => ({ generation: credentialsView(ctx)?.generation }),
  },
};

/** Name in `counters` of the time at which a rotation failed last. */
const FAILED_AT = "rotation_failed_at";

export function rotationRow(ctx: TenantContext): RotationRow | null {
  return ctx.sql.exec<RotationRow>("SELECT * FROM rotation").toArray()[0] ?? null;
}

export function rotationFact(ctx: TenantContext): Rotation | null {
  const row = rotationRow(ctx);
  if (!row) return null;
  const { active, hasPending: minted } = EXCHANGES[row.what];
  return {
    what: row.what,
    minted: minted(ctx),
    switched: active(ctx) !== row.from_generation,
    verified: row.verified === 1,
    back: row.back === null ? null : (JSON.parse(row.back) as ErrorBody),
  };
}

/**
 * Begins a rotation; the same operation again changes nothing, whatever became of it.
 * @throws EdgeError TENANT_NOT_RUNNING, TENANT_ASLEEP, OPERATION_IN_PROGRESS; GENERATION_CONFLICT where the operation was
 *   another kind
 */
export function askForRotation(ctx: TenantContext, operationId: string, what: Exchanged, asker: Asker): void {
  if (kindOfRun(ctx, operationId) === RUN_OF[what]) return;
  if (ctx.record()?.requested !== "running") {
    throw new EdgeError("TENANT_NOT_RUNNING", `Only a tenant that runs can exchange its ${what}.`);
  }
  requireAwake(ctx, `Its ${what} were to be exchanged.`);
  if (!hasSettled(ctx) || rotationRow(ctx) || upgradeRow(ctx)) {
    throw new EdgeError(
      "OPERATION_IN_PROGRESS",
      "The tenant's nodes or what they were given are being changed already.",
    );
  }
  ctx.transaction(() => begin(ctx, operationId, what, asker));
  ctx.schedule("drive", ctx.now());
}

/** Begins a rotation that nobody asked for. */
export const renew = (ctx: TenantContext) => askForRotation(ctx, newId("op"), "certificates", { by: "edge" });

function begin(ctx: TenantContext, operationId: string, what: Exchanged, { by, ...who }: Asker): void {
  beginRun(ctx, operationId, RUN_OF[what], ctx.requireLive().generation);
  // Failures from before say nothing about what is new.
  clearEfforts(ctx);
  const insert = "INSERT INTO rotation (one, operation_id, what, from_generation) VALUES (1, ?, ?, ?)";
  ctx.sql.exec(insert, operationId, what, EXCHANGES[what].active(ctx));
  ctx.audit(`${what}.rotation_asked`, by, { operation: operationId, ...who });
}

/** The one moment at which what was minted or generated takes over. */
export function switchOver(ctx: TenantContext): void {
  ctx.transaction(() => {
    const row = rotationRow(ctx);
    if (row) EXCHANGES[row.what].move(ctx, "switch");
  });
}

/** Gives what was active before its place again; what was moved to the new one is restarted by the decisions that follow. */
export function turnBack(ctx: TenantContext, step: StepName, error: ErrorBody): void {
  ctx.transaction(() => {
    const row = rotationRow(ctx);
    if (!row || row.back !== null) return;
    const { move, back } = EXCHANGES[row.what];
    move(ctx, back);
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
  const { move, ends } = EXCHANGES[row.what];
  move(ctx, ends[outcome]);
  if (row.what === "certificates") noteEnd(ctx, outcome === "reached" ? null : ctx.now());
  if (error && outcome === "rolled_back") {
    const failed = "UPDATE steps SET error = ? WHERE operation_id = ? AND state = 'failed'";
    ctx.sql.exec(failed, JSON.stringify(error), row.operation_id);
  }
  tell(ctx, row, TOLD[outcome]);
}

const TOLD = { reached: "rotated", gave_up: "rotation_failed", rolled_back: "rolled_back" } as const;

function noteEnd(ctx: TenantContext, failedAt: number | null): void {
  if (failedAt === null) ctx.sql.exec("DELETE FROM counters WHERE name = ?", FAILED_AT);
  else ctx.sql.exec("INSERT OR REPLACE INTO counters (name, value) VALUES (?, ?)", FAILED_AT, failedAt);
}

function tell(ctx: TenantContext, row: RotationRow, end: (typeof TOLD)[End]): void {
  const { operation_id: operation, from_generation: before, what } = row;
  ctx.audit(`${what}.${end}`, "edge", { operation, before, ...EXCHANGES[what].told(ctx) });
}

function describeCertificates(ctx: TenantContext): object {
  const { generation, fingerprint, ca_fingerprint } = certificateView(ctx) ?? {};
  return { generation, fingerprint, ca_fingerprint };
}

/** A newer intent takes the place of the rotation. What was not verified to the end does not stay active. */
export function abandonRotation(ctx: TenantContext): void {
  const rotation = rotationFact(ctx);
  if (!rotation) return;
  const { move, back, ends } = EXCHANGES[rotation.what];
  const done = rotation.verified && rotation.back === null;
  if (rotation.switched && !done) move(ctx, back);
  move(ctx, ends[done ? "reached" : "rolled_back"]);
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
