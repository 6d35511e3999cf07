/** Archived days that are loaded into the indexer again, so that they can be searched. */
import { EdgeError, type ErrorBody, errorBody, messageOf } from "../errors";
import { indexSettings } from "../plan";
import { DISK_GB, USABLE_PERCENT } from "../plan_size";
import type { RehydrationView } from "../schemas/backups";
import type { Plan } from "../schemas/plan";
import type { TenantContext } from "./context";
import type { DueRow } from "./due";
import { nodeStub } from "./nodes/names";
import { NotYet } from "./not_yet";
import { migrate } from "./schema";
import { requireAwake } from "./sleep";

const MIGRATIONS = [
  `CREATE TABLE rehydrations (
     day TEXT PRIMARY KEY, state TEXT NOT NULL, at INTEGER NOT NULL, bytes INTEGER NOT NULL, documents INTEGER NOT NULL,
     position INTEGER NOT NULL, error TEXT) STRICT;`,
];

export const migrateRehydrations = (storage: DurableObjectStorage) => migrate(storage, "rehydrations", MIGRATIONS);

const USABLE = USABLE_PERCENT / 100;
/** Bytes on disk for each byte of a document: the text itself, and what finds it. */
const INDEXED = 1.3;
const MAX_ATTEMPTS = 5;
/** How long a day stays in the indexer after somebody had it loaded. */
const LOADED_FOR_MS = 7 * 24 * 3600 * 1000;
const GO_ON_AFTER_MS = 50;

type Row = {
  day: string;
  state: RehydrationView["state"];
  at: number;
  bytes: number;
  documents: number;
  position: number;
  error: string | null;
};

/**
 * Begins to load a day. A day that was loaded before is loaded again: documents carry their ids, so nothing is there twice.
 * @param day YYYY-MM-DD
 * @throws EdgeError TENANT_ASLEEP, DAY_NOT_ARCHIVED, DAY_DOES_NOT_FIT, NODE_NOT_RUNNING
 */
export async function rehydrate(ctx: TenantContext, day: string): Promise<RehydrationView> {
  const { plan } = ctx.requireLive();
  requireAwake(ctx, "An archived day was to be loaded.");
  const { documents, bytes, used } = await nodeStub(ctx.env, ctx.id, "indexer", 0).measureDay(day);
  if (documents === 0) throw new EdgeError("DAY_NOT_ARCHIVED", `The archive holds no alert of ${day}.`);
  if (plan) refuseWhatDoesNotFit(day, bytes, used, plan);
  return ctx.transaction(() => {
    const insert = `INSERT OR REPLACE INTO rehydrations (day, state, at, bytes, documents, position)
      VALUES (?, 'running', ?, ?, 0, 0)`;
    ctx.sql.exec(insert, day, ctx.now(), bytes);
    ctx.audit("rehydration.begun", "portal", { day, bytes, documents });
    ctx.schedule("rehydrate", ctx.now(), day);
    return viewOf(rowOf(ctx, day));
  });
}

/** All of them, the newest day first. */
export function listRehydrations(ctx: TenantContext): RehydrationView[] {
  return ctx.sql.exec<Row>("SELECT * FROM rehydrations ORDER BY day DESC").toArray().map(viewOf);
}

/** The days that are to stay although the plan's own are later. */
export function loadedDays(ctx: TenantContext): string[] {
  const query = "SELECT day FROM rehydrations WHERE at > ?";
  return ctx.sql
    .exec<{ day: string }>(query, ctx.now() - LOADED_FOR_MS)
    .toArray()
    .map(({ day }) => day);
}

/** A row of the due table that asks to go on; given up after some attempts, visibly. */
export async function rehydrateDue(ctx: TenantContext, { key: day, attempts }: DueRow): Promise<void> {
  const row = rowOf(ctx, day);
  const failed = (error: unknown) => {
    if (attempts < MAX_ATTEMPTS) throw error;
    const told = JSON.stringify(errorBody("NODE_NOT_RUNNING", messageOf(error)));
    ctx.sql.exec("UPDATE rehydrations SET state = 'failed', error = ? WHERE day = ?", told, day);
    return null;
  };
  const step = await nodeStub(ctx.env, ctx.id, "indexer", 0).loadDay(day, row.position).catch(failed);
  if (!step) return;
  ctx.sql.exec(
    "UPDATE rehydrations SET position = ?, documents = documents + ?, state = ? WHERE day = ?",
    ...[step.position, step.documents, step.done ? "succeeded" : "running", day],
  );
  if (!step.done) throw new NotYet("NODE_NOT_READY", `${day} is loaded up to ${step.position}.`, GO_ON_AFTER_MS);
}

/** @param used of all indexer nodes, every copy counted */
function refuseWhatDoesNotFit(day: string, bytes: number, used: number, plan: Plan): void {
  const { count, instance } = plan.roles.indexer;
  const [disk, copies] = [count * DISK_GB[instance] * 1e9, 1 + indexSettings(plan).replicas];
  const [needed, room] = [Math.ceil(bytes * INDEXED * copies), Math.floor(disk * USABLE) - used];
  if (needed <= room) return;
  const [nodes, copied] = [count > 1 ? `${count} × ${instance}` : instance, copies > 1 ? ` × ${copies} copies` : ""];
  const arithmetic = `${day} needs ${needed} bytes (${bytes} × ${INDEXED}${copied}); ${nodes} has ${disk} × ${USABLE} − ${used} used = ${room}`;
  throw new EdgeError("DAY_DOES_NOT_FIT", `${arithmetic}.`);
}

function rowOf(ctx: TenantContext, day: string): Row {
  return ctx.sql.exec<Row>("SELECT * FROM rehydrations WHERE day = ?", day).one();
}

function viewOf({ day, state, at, bytes, documents, error }: Row): RehydrationView {
  const told = error ? (JSON.parse(error) as ErrorBody) : null;
  const reason = told && { code: told.code, message: told.message, hint: told.hint };
  const times = { at: new Date(at).toISOString(), until: new Date(at + LOADED_FOR_MS).toISOString() };
  return { day, state, ...times, bytes, documents, error: reason };
}
