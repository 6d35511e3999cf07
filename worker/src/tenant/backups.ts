/** Backups of a tenant: archives of its nodes that are kept for as long as a backup of this kind is. */
import { EdgeError, type ErrorBody, errorBody, messageOf } from "../errors";
import { newId } from "../ids";
import { log } from "../log";
import type { AuditBy } from "../schemas/audit";
import type { BackupKind, BackupView } from "../schemas/backups";
import type { BackupSchedule } from "../schemas/plan";
import { STATEFUL_ROLES, type StatefulRole } from "../state/limits";
import { keptFor, nextBackup } from "./backup_schedule";
import type { TenantContext } from "./context";
import { Late, within } from "./deadline";
import type { DueRow } from "./due";
import type { Versions } from "./facts";
import { nodeStub } from "./nodes/names";
import { NotYet } from "./not_yet";
import { keepsFormats, versionsInUse } from "./role_versions";
import { migrate } from "./schema";

const MIGRATIONS = [
  `CREATE TABLE backups (
     id TEXT PRIMARY KEY, kind TEXT NOT NULL, state TEXT NOT NULL, at INTEGER NOT NULL, expires_at INTEGER NOT NULL,
     parts TEXT NOT NULL, error TEXT) STRICT;`,
];

export const migrateBackups = (storage: DurableObjectStorage) => migrate(storage, "backups", MIGRATIONS);

const DAY_MS = 24 * 3600 * 1000;
/** Days that a backup stays that somebody ordered, or a change. */
const KEPT_DAYS: Record<Exclude<BackupKind, "scheduled">, number> = { "on-demand": 30, "before-change": 7 };
const MAX_ATTEMPTS = 5;
/** A full disk takes minutes to save: the tenant's one alarm must not wait for that, for it heals nodes too. */
const ASK_FOR_MS = 20_000;
const ASK_AGAIN_MS = 5000;

/** One node's archive in a backup. */
export interface BackupPart {
  role: StatefulRole;
  n: number;
  number: number;
  bytes: number;
  sha256: string;
  /** Of the role when it wrote this; missing in a backup from before that was noted. */
  version?: string;
}

type Row = {
  id: string;
  kind: BackupKind;
  state: BackupView["state"];
  at: number;
  expires_at: number;
  parts: string;
  error: string | null;
};

/** @param at milliseconds since 1970 @param schedule the plan's, if it has one */
export const expiryOf = (kind: BackupKind, at: number, schedule?: BackupSchedule): number =>
  at + (kind === "scheduled" ? keptFor(schedule, at) : KEPT_DAYS[kind] * DAY_MS);

/**
 * Notes a backup that is to be made; see {@link takeDue}. One of an id that is there already is that one.
 * @param withinMs how long whoever orders it may take to make it by {@link takeBackup}; then the due table does
 */
export function orderBackup(
  ctx: TenantContext,
  kind: BackupKind,
  { withinMs = 0, by = "edge", id = newId("bak") }: { withinMs?: number; by?: AuditBy; id?: string } = {},
): BackupView {
  const at = ctx.now();
  return ctx.transaction(() => {
    if (exists(ctx, id)) return backupView(ctx, id);
    const insert = "INSERT INTO backups (id, kind, state, at, expires_at, parts) VALUES (?, ?, 'running', ?, ?, '[]')";
    const expires = expiryOf(kind, at, scheduleOf(ctx));
    ctx.sql.exec(insert, id, kind, at, expires);
    ctx.schedule("take_backup", at + withinMs, id);
    ctx.schedule("expire_backup", expires, id);
    ctx.audit("backup.ordered", by, { backup: id, kind });
    return told(ctx, id);
  });
}

/** All backups, the newest first. */
export function listBackups(ctx: TenantContext): BackupView[] {
  return ctx.sql.exec<Row>("SELECT * FROM backups ORDER BY at DESC, id").toArray().map(viewOf);
}

/** @throws EdgeError BACKUP_NOT_FOUND */
export function backupView(ctx: TenantContext, id: string): BackupView {
  return viewOf(rowOf(ctx, id));
}

/** Puts a backup as it is now into the changes feed; call inside the change's transaction. */
function told(ctx: TenantContext, id: string): BackupView {
  const view = backupView(ctx, id);
  ctx.publish("backup", { ...view });
  return view;
}

/** When the next backup is made that nobody orders, in milliseconds since 1970; null while none is due. */
export function nextScheduled({ sql }: TenantContext): number | null {
  const query = "SELECT at FROM due WHERE kind = 'daily_backup'";
  return sql.exec<{ at: number }>(query).toArray()[0]?.at ?? null;
}

/** The archives of a backup that was made. @throws EdgeError BACKUP_NOT_FOUND */
export function partsOf(ctx: TenantContext, id: string): BackupPart[] {
  const row = rowOf(ctx, id);
  if (row.state !== "succeeded") throw new EdgeError("BACKUP_NOT_FOUND", `The backup ${id} was not made.`);
  return JSON.parse(row.parts) as BackupPart[];
}

/**
 * Whether nodes of these versions can start from a backup.
 * @throws EdgeError BACKUP_NEWER where a newer version wrote it, whose formats theirs need not understand
 */
export function refuseNewer(parts: BackupPart[], inUse: Versions): void {
  const newer = parts.find(({ role, version }) => version !== undefined && !keepsFormats(version, inUse[role]));
  if (newer)
    throw new EdgeError(
      "BACKUP_NEWER",
      `The ${newer.role} wrote this backup as version ${newer.version}, and ${inUse[newer.role]} can't read that.`,
    );
}

/**
 * Saves every node's state, keeps it, and reads it back: a backup that can't be read is none. Again changes nothing.
 * @throws NotYet while a node is at it; Error where one that runs could not save, or what was saved can't be read
 */
export async function takeBackup(ctx: TenantContext, id: string): Promise<void> {
  if (rowOf(ctx, id).state === "succeeded") return;
  const parts = (await Promise.all(STATEFUL_ROLES.map((role) => savedPart(ctx, id, role)))).flatMap(
    (part) => part ?? [],
  );
  if (parts.length === 0) throw new EdgeError("BACKUP_FAILED", "No node of this tenant has saved anything yet.");
  settle(ctx, id, "succeeded", parts, null);
}

/** A row of the due table that asks for a backup; given up after some attempts, visibly. */
export async function takeDue(ctx: TenantContext, { key: id, attempts }: DueRow): Promise<void> {
  if (!exists(ctx, id)) return;
  try {
    await takeBackup(ctx, id);
  } catch (error) {
    if (error instanceof NotYet) throw error;
    log("error", "a backup failed", { tenant: ctx.id, backup: id, attempts, error: messageOf(error) });
    if (attempts < MAX_ATTEMPTS) throw error;
    settle(ctx, id, "failed", [], errorBody("BACKUP_FAILED", messageOf(error)));
  }
}

/** Forgets a backup; archives that nothing else needs go with it. */
export async function expireDue(ctx: TenantContext, { key: id }: DueRow): Promise<void> {
  for (const role of STATEFUL_ROLES) await nodeStub(ctx.env, ctx.id, role, 0).unpinArchive(id);
  ctx.transaction(() => {
    const [gone] = ctx.sql.exec<Row>("DELETE FROM backups WHERE id = ? RETURNING *", id).toArray();
    if (gone) ctx.audit("backup.expired", "edge", { backup: id, kind: gone.kind, made: gone.state === "succeeded" });
  });
}

/** A backup that the schedule asks for; rests while the tenant does. */
export async function scheduledDue(ctx: TenantContext): Promise<void> {
  if (ctx.record()?.requested === "running") orderBackup(ctx, "scheduled");
  scheduleNext(ctx, true);
  ctx.viewChanged();
}

/** Has the next backup made when the plan's schedule wants it; one that is due by it stays due. */
export function planBackups(ctx: TenantContext): void {
  scheduleNext(ctx, false);
}

/** The schedule that the plan has chosen, if any. */
export const scheduleOf = (ctx: TenantContext): BackupSchedule | undefined => ctx.record()?.plan?.backups;

function scheduleNext(ctx: TenantContext, made: boolean) {
  const due = nextScheduled(ctx);
  // One that is due by now is being made, or about to be.
  if (!made && due !== null && due <= ctx.now()) return;
  const next = nextBackup(scheduleOf(ctx), { now: ctx.now(), due, made, chance: Math.random() });
  if (next !== due) ctx.schedule("daily_backup", next);
}

async function savedPart(ctx: TenantContext, id: string, role: StatefulRole): Promise<BackupPart | null> {
  const archive = await within(ASK_FOR_MS, nodeStub(ctx.env, ctx.id, role, 0).backUp(id)).catch((error: unknown) => {
    if (!(error instanceof Late)) throw error;
    throw new NotYet("BACKUP_FAILED", `The ${role} is still saving its state.`, ASK_AGAIN_MS);
  });
  if (!archive) return null;
  const { number, bytes, sha256 } = archive;
  const plan = ctx.record()?.plan;
  return { role, n: 0, number, bytes, sha256, ...(plan && { version: versionsInUse(ctx, plan)[role] }) };
}

type Outcome = Exclude<Row["state"], "running">;

/** One that was made stays made, whoever else was at it. */
function settle(ctx: TenantContext, id: string, state: Outcome, parts: BackupPart[], error: ErrorBody | null) {
  ctx.transaction(() => {
    const values = [state, JSON.stringify(parts), error && JSON.stringify(error), id];
    const update = "UPDATE backups SET state = ?, parts = ?, error = ? WHERE id = ? AND state <> 'succeeded'";
    if (ctx.sql.exec(update, ...values).rowsWritten === 0) return;
    ctx.audit(`backup.${state}`, "edge", {
      backup: id,
      bytes: parts.reduce((sum, part) => sum + part.bytes, 0),
    });
    told(ctx, id);
  });
}

const exists = (ctx: TenantContext, id: string) =>
  ctx.sql.exec("SELECT 1 FROM backups WHERE id = ?", id).toArray().length > 0;

function rowOf(ctx: TenantContext, id: string): Row {
  const [row] = ctx.sql.exec<Row>("SELECT * FROM backups WHERE id = ?", id).toArray();
  if (!row) throw new EdgeError("BACKUP_NOT_FOUND", `There is no backup ${id} of this tenant.`);
  return row;
}

const iso = (ms: number) => new Date(ms).toISOString();

function viewOf(row: Row): BackupView {
  const error = row.error ? (JSON.parse(row.error) as ErrorBody) : null;
  return {
    ...{ id: row.id, kind: row.kind, state: row.state, at: iso(row.at), expires_at: iso(row.expires_at) },
    parts: (JSON.parse(row.parts) as BackupPart[]).map(({ role, n, bytes, sha256, version = null }) => {
      return { role, n, bytes, sha256, version };
    }),
    error: error && { code: error.code, message: error.message, hint: error.hint },
  };
}
