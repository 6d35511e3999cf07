/** What a new intent means for the versions of the roles, and so which kind of run it begins. */
import { EdgeError } from "../errors";
import { type Plan, SERVING_ROLES, type ServingRole } from "../schemas";
import { partsOf } from "./backups";
import type { TenantContext, TenantRecord } from "./context";
import { hasServed, hasSettled, kindOfRun } from "./runs";
import { lastUpgrade, setVersion, type UpgradeRow, upgradeRow, versionsInUse } from "./versions";

type Change = "start" | "upgrade" | "resize";

/** Major and minor version say which data are understood: a patch changes none of their formats. */
export function keepsFormats(from: string, to: string): boolean {
  const parts = (version: string) => version.split(".").slice(0, 2).map(Number);
  const [[major = 0, minor = 0], [nextMajor = 0, nextMinor = 0]] = [parts(from), parts(to)];
  return nextMajor === major ? nextMinor >= minor : nextMajor > major;
}

/**
 * Whether the versions in use may become this plan's. A change under way may always go back to where it came from.
 * @throws EdgeError DOWNGRADE_REFUSED; BACKUP_NOT_FOUND for a rollback without a backup from before the change
 */
export function refuseVersion(ctx: TenantContext, plan: Plan, rollback: boolean): void {
  const before = ctx.record()?.plan;
  if (rollback) wayBack(ctx, plan.version);
  if (!before || rollback || !hasServed(ctx) || upgradeRow(ctx)?.from_version === plan.version) return;
  const newer = Object.values(versionsInUse(ctx, before)).find((version) => !keepsFormats(version, plan.version));
  if (newer)
    throw new EdgeError("DOWNGRADE_REFUSED", `Version ${plan.version} can't read the data of ${newer}.`, [
      { path: "plan.version", message: `must not be older than the minor version of ${newer}` },
    ]);
}

/** The backup from before the present version. */
function wayBack(ctx: TenantContext, version: string): string {
  const row = lastUpgrade(ctx);
  if (row?.ended !== 1 || row.back !== null || row.from_version !== version || row.backup === null)
    throw new EdgeError("BACKUP_NOT_FOUND", `There is no backup from before the change from version ${version}.`);
  partsOf(ctx, row.backup);
  return row.backup;
}

/** From here on rows tell what a tenant with data runs: its plan only says what is wanted. Call before that is replaced. */
export function pinVersions(ctx: TenantContext): void {
  const plan = ctx.record()?.plan;
  if (!plan || !hasServed(ctx)) return;
  for (const [role, version] of Object.entries(versionsInUse(ctx, plan))) setVersion(ctx, role as ServingRole, version);
}

/**
 * Notes what becomes of the versions, inside the intent's transaction and before it is stored.
 * @param before what is stored; null for a new tenant
 * @returns the kind of run that leads to it
 */
export function turnTowards(
  ctx: TenantContext,
  before: TenantRecord | null,
  { operation_id, plan, rollback }: { operation_id: string; plan: Plan; rollback: boolean },
): Change {
  if (!before?.plan || !hasServed(ctx)) return "start";
  const inUse = versionsInUse(ctx, before.plan);
  const open = upgradeRow(ctx);
  if (open) return redirect(ctx, open, operation_id, plan.version);
  if (SERVING_ROLES.every((role) => inUse[role] === plan.version)) {
    // The reason why another version does not run is no news any more.
    ctx.sql.exec("DELETE FROM upgrade WHERE back IS NOT NULL");
    return sizeChange(ctx, before, operation_id, plan);
  }
  const source = rollback ? wayBack(ctx, plan.version) : null;
  ctx.sql.exec("DELETE FROM upgrade");
  const insert = "INSERT INTO upgrade (one, operation_id, from_version, to_version, source) VALUES (1, ?, ?, ?, ?)";
  ctx.sql.exec(insert, operation_id, inUse.indexer, plan.version, source);
  return "upgrade";
}

/** What was kept before the change stays the way back, wherever the change leads now. */
function redirect(ctx: TenantContext, open: UpgradeRow, operationId: string, version: string): Change {
  const moved = ctx.sql.exec("SELECT 1 FROM role_versions WHERE version <> ?", open.from_version).toArray().length > 0;
  if (!moved && version === open.from_version) {
    ctx.sql.exec("DELETE FROM upgrade");
    return "start";
  }
  // State that was to be taken up belongs to the version that was wanted then.
  ctx.sql.exec(
    `UPDATE upgrade SET source = CASE WHEN to_version = ? THEN source END, to_version = ?, operation_id = ?, verified = 0,
       back = NULL`,
    ...[version, version, operationId],
  );
  return "upgrade";
}

/** Nodes of a tenant that runs change their size one role after the other. */
function sizeChange(ctx: TenantContext, before: TenantRecord, operationId: string, plan: Plan): Change {
  const known = kindOfRun(ctx, operationId);
  // A Retry goes on as what it was.
  if (known === "start" || known === "resize") return known;
  const differs = JSON.stringify(before.plan?.roles) !== JSON.stringify(plan.roles);
  return differs && before.requested === "running" && hasSettled(ctx) ? "resize" : "start";
}
