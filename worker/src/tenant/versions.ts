/** Which version each role runs, and the change from one to another as rows. Decisions: upgrading.ts. */
import { EdgeError, type ErrorBody } from "../errors";
import type { AuditAction } from "../schemas/audit";
import type { Plan, Role, ServingRole } from "../schemas/plan";
import type { StepName } from "../schemas/runs";
import { adoptPart } from "./adopted";
import { orderBackup, partsOf, takeBackup } from "./backups";
import type { TenantContext } from "./context";
import { clearEfforts, effortOf } from "./efforts";
import type { Decision, Upgrade, Versions } from "./facts";
import { sameVersions, setVersion, versionsInUse, wantedVersions } from "./role_versions";
import { addStep, failStep } from "./runs";
import { migrate } from "./schema";

const MIGRATIONS = [
  `CREATE TABLE role_versions (role TEXT PRIMARY KEY, version TEXT NOT NULL) STRICT, WITHOUT ROWID;
   CREATE TABLE upgrade (
     one INTEGER PRIMARY KEY CHECK (one = 1), operation_id TEXT NOT NULL, version_before TEXT NOT NULL,
     from_versions TEXT NOT NULL, to_versions TEXT NOT NULL, backup TEXT, saved INTEGER NOT NULL DEFAULT 0, source TEXT,
     verified INTEGER NOT NULL DEFAULT 0, back TEXT, ended INTEGER NOT NULL DEFAULT 0) STRICT;`,
];

export const migrateVersions = (storage: DurableObjectStorage) => migrate(storage, "versions", MIGRATIONS);

/** An upgrade makes its own backup; one that was given up before leaves it to the due table. */
const MAKE_WITHIN_MS = 15 * 60_000;

export interface UpgradeRow extends Record<string, SqlStorageValue> {
  operation_id: string;
  /** Of the plan that the roles came from. */
  version_before: string;
  /** What each role came from and goes to, as JSON. */
  from_versions: string;
  to_versions: string;
  /** The backup from before the change, and whether it is made. */
  backup: string | null;
  saved: number;
  /** The backup whose state the roles take up on the way forward, where it is a way back that somebody asked for. */
  source: string | null;
  verified: number;
  /** Why it goes back, or did; null while it goes forward and after a success. */
  back: string | null;
  ended: number;
}

/** The version change that was asked for last, also one that is over. */
export function lastUpgrade({ sql }: TenantContext): UpgradeRow | null {
  return sql.exec<UpgradeRow>("SELECT * FROM upgrade").toArray()[0] ?? null;
}

/** The version change that is not over. */
export function upgradeRow(ctx: TenantContext): UpgradeRow | null {
  const row = lastUpgrade(ctx);
  return row?.ended === 0 ? row : null;
}

export const fromOf = ({ from_versions }: UpgradeRow) => JSON.parse(from_versions) as Versions;
export const toOf = ({ to_versions }: UpgradeRow) => JSON.parse(to_versions) as Versions;

/** The key of a role's image in the deployment's table. Certificates are minted by the version that the indexer runs. */
export const imageOf = (ctx: TenantContext, plan: Plan, role: Role): string =>
  ctx.settings.versions.get(versionsInUse(ctx, plan)[role === "certs" ? "indexer" : role]) ?? "";

/** The version that serves the tenant: during a change the one before, until the new one is verified. */
export function runningVersion(ctx: TenantContext, plan: Plan | null): string | null {
  if (!plan) return null;
  const inUse = versionsInUse(ctx, plan);
  if (!upgradeRow(ctx) && sameVersions(inUse, wantedVersions(plan))) return plan.version;
  return lastUpgrade(ctx)?.version_before ?? inUse.indexer;
}

export function upgradeFact(ctx: TenantContext, plan: Plan | null): Upgrade | null {
  const row = upgradeRow(ctx);
  if (!row || !plan) return null;
  return {
    ...{ from: fromOf(row), to: toOf(row), saved: row.saved === 1, verified: row.verified === 1 },
    ...{ back: errorIn(row), adopts: row.source !== null },
    versions: versionsInUse(ctx, plan),
    effort: effortOf(ctx, "version"),
  };
}

/** Why the version that was asked for last does not run, once that is settled. */
export function versionTrouble(ctx: TenantContext): ErrorBody | null {
  const row = lastUpgrade(ctx);
  return row?.ended === 1 ? errorIn(row) : null;
}

const errorIn = ({ back }: UpgradeRow) => (back === null ? null : (JSON.parse(back) as ErrorBody));

/** Keeps what is there now: the way back. Nothing of the change begins before it can be read. */
export async function saveBefore(ctx: TenantContext): Promise<void> {
  const row = required(ctx);
  const backup = row.backup ?? orderBackup(ctx, "before-change", { withinMs: MAKE_WITHIN_MS }).id;
  ctx.sql.exec("UPDATE upgrade SET backup = ?", backup);
  await takeBackup(ctx, backup);
  ctx.sql.exec("UPDATE upgrade SET saved = 1 WHERE backup = ?", backup);
}

/**
 * From here on a role starts with this version. Where its state was written by another that this one need not understand,
 * it starts from the state that was kept for it; its nodes must have ended then.
 */
export async function useVersion(ctx: TenantContext, role: ServingRole, version: string): Promise<void> {
  const row = required(ctx);
  const kept = version === fromOf(row)[role] ? row.backup : row.source;
  const parts = kept === null ? [] : partsOf(ctx, kept).filter((part) => part.role === role);
  for (const part of parts) await adoptPart(ctx, part);
  ctx.transaction(() => {
    // An act that ends late must not move a role of another change.
    const now = upgradeRow(ctx);
    const wanted = now && (now.back === null ? toOf(now) : fromOf(now));
    if (wanted?.[role] === version) setVersion(ctx, role, version);
  });
}

/** What did not serve goes back to the version before; the decisions that follow restart the roles that had moved. */
export function rollBack(ctx: TenantContext, step: StepName, error: ErrorBody): void {
  ctx.transaction(() => {
    const row = upgradeRow(ctx);
    if (!row || row.back !== null) return;
    ctx.sql.exec("UPDATE upgrade SET back = ?, verified = 0", JSON.stringify({ ...error, step }));
    clearEfforts(ctx);
    failStep(ctx, row.operation_id, step, error);
    addStep(ctx, row.operation_id, "rollback");
  });
}

/** Notes that ingest was verified, if the change still goes the way it went when the probe began. */
export function noteUpgradeVerified(ctx: TenantContext, { operation_id, back }: UpgradeRow): void {
  ctx.transaction(() => {
    const update = "UPDATE upgrade SET verified = 1 WHERE operation_id = ? AND back IS ? AND ended = 0";
    if (ctx.sql.exec(update, operation_id, back).rowsWritten > 0)
      ctx.sql.exec("UPDATE tenant SET verified = ? WHERE operation_id = ?", operation_id, operation_id);
  });
}

const TOLD: Record<Exclude<Decision["outcome"], "going">, AuditAction> = {
  reached: "version.changed",
  gave_up: "version.change_failed",
  rolled_back: "version.rolled_back",
};

/** Closes the change that a decision ends. Call in the decision's transaction, after it was written into the run. */
export function endUpgrade(ctx: TenantContext, { outcome, error }: Decision): void {
  const row = upgradeRow(ctx);
  // What ends while the tenant stops is the stop: the change goes on at the next start.
  if (!row || outcome === "going" || ctx.record()?.requested !== "running") return;
  // A way back that was given up is gone on with beside the run: half of each version is no state to rest in.
  if (outcome === "gave_up" && row.back !== null) return;
  ctx.sql.exec("UPDATE upgrade SET ended = 1, back = ?", error && JSON.stringify(error));
  if (error && outcome === "rolled_back") {
    const failed = "UPDATE steps SET error = ? WHERE operation_id = ? AND state = 'failed'";
    ctx.sql.exec(failed, JSON.stringify(error), row.operation_id);
  }
  const { operation_id: operation, backup } = row;
  ctx.audit(TOLD[outcome], "edge", { operation, before: fromOf(row), versions: toOf(row), backup });
}

function required(ctx: TenantContext): UpgradeRow {
  const row = upgradeRow(ctx);
  if (!row) throw new EdgeError("INTERNAL", "No version is being changed.");
  return row;
}
