/** What a new intent means for the versions of the roles, and so which kind of run it begins. */
import { contentHash } from "../canonical";
import { EdgeError } from "../errors";
import { type Plan, SERVING_ROLES, type ServingRole } from "../schemas/plan";
import { partsOf } from "./backups";
import { wantedContent } from "./content";
import type { TenantContext, TenantRecord } from "./context";
import type { Versions } from "./facts";
import { keepsFormats, sameVersions, setVersion, versionsInUse, wantedVersions } from "./role_versions";
import { hasServed, hasSettled, kindOfRun } from "./runs";
import { fromOf, lastUpgrade, runningVersion, type UpgradeRow, upgradeRow } from "./versions";

type Change = "start" | "upgrade" | "resize" | "content";

/**
 * Whether the versions in use may become this plan's. A change under way may always go back to where it came from.
 * @throws EdgeError DOWNGRADE_REFUSED; BACKUP_NOT_FOUND for a rollback without a backup from before the change
 */
export function refuseVersion(ctx: TenantContext, plan: Plan, rollback: boolean): void {
  const before = ctx.record()?.plan;
  const wanted = wantedVersions(plan);
  if (rollback) wayBack(ctx, wanted);
  if (!before || rollback || !hasServed(ctx)) return;
  const open = upgradeRow(ctx);
  if (open && sameVersions(fromOf(open), wanted)) return;
  const inUse = versionsInUse(ctx, before);
  const role = SERVING_ROLES.find((each) => !keepsFormats(inUse[each], wanted[each]));
  if (role)
    throw new EdgeError("DOWNGRADE_REFUSED", `Version ${wanted[role]} can't read the data of ${inUse[role]}.`, [
      { path: "plan.version", message: `must not be older than the minor version of ${inUse[role]}` },
    ]);
}

/** The backup from before the present versions. */
function wayBack(ctx: TenantContext, wanted: Versions): string {
  const row = lastUpgrade(ctx);
  if (row?.ended !== 1 || row.back !== null || row.backup === null || !sameVersions(fromOf(row), wanted))
    throw new EdgeError("BACKUP_NOT_FOUND", "There is no backup from before a change from these versions.");
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
  const [inUse, wanted] = [versionsInUse(ctx, before.plan), wantedVersions(plan)];
  const open = upgradeRow(ctx);
  if (open) return redirect(ctx, open, operation_id, wanted);
  if (sameVersions(inUse, wanted)) {
    // The reason why another version does not run is no news any more.
    ctx.sql.exec("DELETE FROM upgrade WHERE back IS NOT NULL");
    return changeWithinVersion(ctx, before, operation_id, plan);
  }
  const source = rollback ? wayBack(ctx, wanted) : null;
  const version = runningVersion(ctx, before.plan);
  ctx.sql.exec("DELETE FROM upgrade");
  ctx.sql.exec(
    `INSERT INTO upgrade (one, operation_id, version_before, from_versions, to_versions, source)
     VALUES (1, ?, ?, ?, ?, ?)`,
    ...[operation_id, version, JSON.stringify(inUse), JSON.stringify(wanted), source],
  );
  return "upgrade";
}

/** What was kept before the change stays the way back, wherever the change leads now. */
function redirect(ctx: TenantContext, open: UpgradeRow, operationId: string, wanted: Versions): Change {
  const [from, plan] = [fromOf(open), ctx.record()?.plan];
  const moved = plan && !sameVersions(versionsInUse(ctx, plan), from);
  if (!moved && sameVersions(wanted, from)) {
    ctx.sql.exec("DELETE FROM upgrade");
    return "start";
  }
  // State that was to be taken up belongs to the versions that were wanted then.
  const to = JSON.stringify(wanted);
  ctx.sql.exec(
    `UPDATE upgrade SET source = CASE WHEN to_versions = ? THEN source END, to_versions = ?, operation_id = ?,
       verified = 0, back = NULL`,
    ...[to, to, operationId],
  );
  return "upgrade";
}

/** Nodes of a tenant that runs change their size one role after the other; content goes to them as they are. */
function changeWithinVersion(ctx: TenantContext, before: TenantRecord, operationId: string, plan: Plan): Change {
  const known = kindOfRun(ctx, operationId);
  // A Retry goes on as what it was.
  if (known === "start" || known === "resize" || known === "content") return known;
  if (!before.plan || before.requested !== "running" || !hasSettled(ctx)) return "start";
  if (JSON.stringify(before.plan.roles) !== JSON.stringify(plan.roles)) return "resize";
  return isChangeOfContent(before.plan, plan) ? "content" : "start";
}

const isChangeOfContent = (before: Plan, plan: Plan) =>
  wantedContent(before) !== wantedContent(plan) &&
  contentHash({ ...before, content: null }) === contentHash({ ...plan, content: null });
