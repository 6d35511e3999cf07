/** What a run does once before its own steps: put a backup's state in the place of what is there. */
import { EdgeError, messageOf } from "../errors";
import type { RestoreBackup } from "../schemas/backups";
import type { Run, StepName } from "../schemas/runs";
import { adoptPart } from "./adopted";
import { orderBackup, partsOf, refuseNewer, takeBackup } from "./backups";
import { copyContent, wantedContent } from "./content";
import type { TenantContext } from "./context";
import { clearEfforts, effortOf } from "./efforts";
import type { Facts } from "./facts";
import { nodeStub } from "./nodes/names";
import { versionsInUse } from "./role_versions";
import { rotationRow } from "./rotation";
import { beginRun, latestRun } from "./runs";
import { migrate } from "./schema";
import { abandonSleep } from "./sleep";
import { upgradeRow } from "./versions";

const MIGRATIONS = [
  `CREATE TABLE preludes (
     one INTEGER PRIMARY KEY CHECK (one = 1), kind TEXT NOT NULL, operation_id TEXT NOT NULL, source TEXT NOT NULL,
     done INTEGER NOT NULL DEFAULT 0, before TEXT) STRICT;`,
];

export const migratePreludes = (storage: DurableObjectStorage) => migrate(storage, "preludes", MIGRATIONS);

export type PreludeKind = "restore" | "clone";
export type PreludeAction = "backup" | "put_state" | "copy";

/** The steps of each, in order. `stop` is looked at rather than remembered: nodes must not run while state is put. */
export const PRELUDE_STEPS: Record<PreludeKind, readonly StepName[]> = {
  restore: ["backup", "stop", "put_state"],
  clone: ["copy"],
};

/** A restore makes its own backup; one that was given up before leaves it to the due table. */
const MAKE_WITHIN_MS = 15 * 60_000;

/** Where the state of a backup comes from; without a tenant it is this one's own. */
interface Source {
  backup: string;
  tenant?: string;
}

type Row = { kind: PreludeKind; operation_id: string; source: string; done: number; before: string | null };

function row(ctx: TenantContext): Row | null {
  const query = "SELECT kind, operation_id, source, done, before FROM preludes";
  return ctx.sql.exec<Row>(query).toArray()[0] ?? null;
}

/**
 * What decisions know of it. A restore ends with its run, whatever became of it: then the tenant starts from what it has.
 * A clone is not a tenant before its data is there, so that a later intent does not pass it over.
 */
export function preludeFact(ctx: TenantContext, run: Run | null): Facts["prelude"] {
  const known = row(ctx);
  if (!known) return null;
  if (known.kind === "restore" && (run?.operation_id !== known.operation_id || run.state !== "running")) return null;
  return { steps: PRELUDE_STEPS[known.kind], done: known.done, effort: effortOf(ctx, "prelude") };
}

export function beginPrelude(ctx: TenantContext, kind: PreludeKind, operationId: string, source: Source): void {
  ctx.sql.exec(
    "INSERT OR REPLACE INTO preludes (one, kind, operation_id, source) VALUES (1, ?, ?, ?)",
    ...[kind, operationId, JSON.stringify(source)],
  );
}

/** Where a clone's data comes from, or null for any other tenant. */
export function cloneSource(ctx: TenantContext): Source | null {
  const known = row(ctx);
  return known?.kind === "clone" ? (JSON.parse(known.source) as Source) : null;
}

/** Whether a clone's data, and the content that its plan names, is yet to come from there. */
export function awaitsCopy(ctx: TenantContext): boolean {
  const known = row(ctx);
  return known?.kind === "clone" && known.done < PRELUDE_STEPS.clone.length;
}

/**
 * Starts to restore the tenant in place; an operation that failed before begins anew, with a backup of what is there by now.
 * @throws EdgeError BACKUP_NOT_FOUND, BACKUP_NEWER, TENANT_NOT_RUNNING, OPERATION_IN_PROGRESS
 */
export function acceptRestore(ctx: TenantContext, { epoch, operation_id, backup }: RestoreBackup): void {
  const record = ctx.requireLive(epoch);
  const run = latestRun(ctx);
  if (run?.operation_id === operation_id && run.state !== "failed") return;
  if (record.plan) refuseNewer(partsOf(ctx, backup), versionsInUse(ctx, record.plan));
  if (record.requested !== "running") throw new EdgeError("TENANT_NOT_RUNNING", "A stopped tenant is started first.");
  if (run?.state === "running" || rotationRow(ctx) || upgradeRow(ctx))
    throw new EdgeError("OPERATION_IN_PROGRESS", "The tenant's nodes or certificates are being changed already.");
  ctx.transaction(() => {
    beginRun(ctx, operation_id, "restore", record.generation);
    beginPrelude(ctx, "restore", operation_id, { backup });
    clearEfforts(ctx);
    // What it puts in place is started by it, also of a tenant that slept.
    abandonSleep(ctx);
    // What is verified is what runs now; the restored tenant has to show that it ingests.
    ctx.sql.exec("UPDATE tenant SET verified = NULL");
    ctx.audit("backup.restore", "portal", { operation: operation_id, backup });
    ctx.schedule("drive", ctx.now());
  });
}

/** The acts behind the steps; each may be repeated. */
export const PRELUDE_ACTS: Record<PreludeAction, (ctx: TenantContext) => Promise<void>> = {
  backup: backUpBefore,
  put_state: putState,
  copy: copyState,
};

/** What is there now, for whoever wishes it had not been replaced; nothing stops for a backup that can't be read. */
async function backUpBefore(ctx: TenantContext): Promise<void> {
  const known = required(ctx);
  await verifySource(ctx, JSON.parse(known.source) as Source);
  const before = known.before ?? orderBackup(ctx, "before-change", { withinMs: MAKE_WITHIN_MS }).id;
  ctx.sql.exec("UPDATE preludes SET before = ?", before);
  await takeBackup(ctx, before);
  done(ctx, known, "backup");
}

async function verifySource(ctx: TenantContext, { backup }: Source): Promise<void> {
  for (const { role, n, number } of partsOf(ctx, backup)) {
    const unreadable = (error: unknown) => {
      throw new EdgeError("STATE_UNREADABLE", messageOf(error));
    };
    await nodeStub(ctx.env, ctx.id, role, n).verifyArchive(number).catch(unreadable);
  }
}

async function putState(ctx: TenantContext): Promise<void> {
  const known = required(ctx);
  const { backup } = JSON.parse(known.source) as Source;
  for (const part of partsOf(ctx, backup)) await adoptPart(ctx, part);
  done(ctx, known, "put_state");
}

/** The nodes' own objects carry the bytes; this one only says which. */
async function copyState(ctx: TenantContext): Promise<void> {
  const known = required(ctx);
  const { backup, tenant = "" } = JSON.parse(known.source) as Source;
  const parts = await ctx.env.TENANT.getByName(tenant).backupParts(backup);
  const plan = ctx.record()?.plan;
  if (plan) refuseNewer(parts, versionsInUse(ctx, plan));
  for (const { role, n, number } of parts)
    await nodeStub(ctx.env, ctx.id, role, n).copyArchive({ tenant, role, n }, number);
  const content = wantedContent(plan);
  if (content !== null) await copyContent(ctx, tenant, content);
  done(ctx, known, "copy");
}

function required(ctx: TenantContext): Row {
  const known = row(ctx);
  if (!known) throw new Error("nothing is to be put in place");
  return known;
}

/** An act that ends late must not mark the steps of another operation. */
function done(ctx: TenantContext, { kind, operation_id }: Row, step: StepName): void {
  const count = PRELUDE_STEPS[kind].indexOf(step) + 1;
  ctx.sql.exec("UPDATE preludes SET done = max(done, ?) WHERE operation_id = ?", count, operation_id);
}
