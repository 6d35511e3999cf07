/** Archived days that are loaded into the indexer again, so that they can be searched. */
import { EdgeError, type ErrorBody, errorBody, messageOf } from "../errors";
import type { RehydrationView } from "../schemas";
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

const GIB = 1024 ** 3;
/** What the platform gives each size. */
const DISK_BYTES = {
  ...{ lite: 2 * GIB, basic: 4 * GIB, "standard-1": 8 * GIB },
  ...{ "standard-2": 12 * GIB, "standard-3": 16 * GIB, "standard-4": 20 * GIB },
};
/** An indexer stops to take documents above this share of its disk. */
const USABLE = 0.85;
/** Bytes on disk for each byte of a document: the text itself, and what finds it. */
const INDEXED = 1.3;
const MAX_ATTEMPTS = 5;
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
  const instance = ctx.requireLive().plan?.roles.indexer.instance ?? "lite";
  requireAwake(ctx, "An archived day was to be loaded.");
  const { documents, bytes, used } = await nodeStub(ctx.env, ctx.id, "indexer", 0).measureDay(day);
  if (documents === 0) throw new EdgeError("DAY_NOT_ARCHIVED", `The archive holds no alert of ${day}.`);
  refuseWhatDoesNotFit(day, bytes, used, DISK_BYTES[instance], instance);
  return ctx.transaction(() => {
    const insert = `INSERT OR REPLACE INTO rehydrations (day, state, at, bytes, documents, position)
      VALUES (?, 'running', ?, ?, 0, 0)`;
    ctx.sql.exec(insert, day, ctx.now(), bytes);
    ctx.emit("audit", { action: "rehydration.begun", day, bytes, documents });
    ctx.schedule("rehydrate", ctx.now(), day);
    return viewOf(rowOf(ctx, day));
  });
}

/** All of them, the newest day first. */
export function listRehydrations(ctx: TenantContext): RehydrationView[] {
  return ctx.sql.exec<Row>("SELECT * FROM rehydrations ORDER BY day DESC").toArray().map(viewOf);
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

function refuseWhatDoesNotFit(day: string, bytes: number, used: number, disk: number, instance: string): void {
  const [needed, room] = [Math.ceil(bytes * INDEXED), Math.floor(disk * USABLE) - used];
  if (needed <= room) return;
  const arithmetic = `${day} needs ${needed} bytes (${bytes} × ${INDEXED}); ${instance} has ${disk} × ${USABLE} − ${used} used = ${room}`;
  throw new EdgeError("DAY_DOES_NOT_FIT", `${arithmetic}.`);
}

function rowOf(ctx: TenantContext, day: string): Row {
  return ctx.sql.exec<Row>("SELECT * FROM rehydrations WHERE day = ?", day).one();
}

function viewOf({ day, state, at, bytes, documents, error }: Row): RehydrationView {
  const told = error ? (JSON.parse(error) as ErrorBody) : null;
  const reason = told && { code: told.code, message: told.message, hint: told.hint };
  return { day, state, at: new Date(at).toISOString(), bytes, documents, error: reason };
}
