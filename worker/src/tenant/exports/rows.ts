/** Exports as rows: how far each is, which files it has, and how it is told. */
import { EdgeError, type ErrorBody } from "../../errors";
import type { ExportFile, ExportManifest, ExportStepName, ExportView, LeftOut } from "../../schemas/exports";
import { auditHead } from "../audit";
import type { TenantContext } from "../context";
import { migrate } from "../schema";

const MIGRATIONS = [
  `CREATE TABLE exports (
     id TEXT PRIMARY KEY, operation_id TEXT NOT NULL, state TEXT NOT NULL, at INTEGER NOT NULL, finished_at INTEGER,
     expires_at INTEGER NOT NULL, section INTEGER NOT NULL DEFAULT 0, cursor TEXT NOT NULL DEFAULT '',
     written INTEGER NOT NULL DEFAULT 0, until INTEGER NOT NULL DEFAULT -1, searched TEXT NOT NULL DEFAULT '[]',
     seen BLOB, left_out TEXT NOT NULL DEFAULT '[]', error TEXT) STRICT;
   CREATE TABLE export_steps (
     export TEXT NOT NULL, position INTEGER NOT NULL, name TEXT NOT NULL, state TEXT NOT NULL DEFAULT 'pending',
     attempts INTEGER NOT NULL DEFAULT 0, started_at INTEGER, finished_at INTEGER, error TEXT,
     PRIMARY KEY (export, position)) STRICT, WITHOUT ROWID;
   CREATE TABLE export_files (
     export TEXT NOT NULL, number INTEGER NOT NULL, folder TEXT NOT NULL, name TEXT NOT NULL,
     records INTEGER NOT NULL, bytes INTEGER NOT NULL, sha256 TEXT NOT NULL,
     PRIMARY KEY (export, number)) STRICT, WITHOUT ROWID;`,
];

export const migrateExports = (storage: DurableObjectStorage) => migrate(storage, "exports", MIGRATIONS);

export interface ExportRow extends Record<string, SqlStorageValue> {
  id: string;
  operation_id: string;
  state: ExportView["state"];
  at: number;
  finished_at: number | null;
  expires_at: number;
  /** Which section is under way, and where its source goes on. */
  section: number;
  cursor: string;
  /** Files that were written, those of a source that was given up among them: a number is never used twice. */
  written: number;
  /** Up to which position the section reads its log; -1: it was not looked up yet. */
  until: number;
  /** Indices whose alerts the indexer gave. */
  searched: string;
  /** Which documents came from the journal last; see recent_ids.ts. */
  seen: ArrayBuffer | null;
  left_out: string;
  error: string | null;
}

type StepRow = {
  name: ExportStepName;
  state: ExportView["state"] | "pending";
  attempts: number;
  started_at: number | null;
  finished_at: number | null;
  error: string | null;
};

/** @returns null where there is none, or none any more */
export const exportRow = ({ sql }: TenantContext, id: string): ExportRow | null =>
  sql.exec<ExportRow>("SELECT * FROM exports WHERE id = ?", id).toArray()[0] ?? null;

/** @throws EdgeError EXPORT_NOT_FOUND */
export function requireExport(ctx: TenantContext, id: string): ExportRow {
  const row = exportRow(ctx, id);
  if (!row) throw new EdgeError("EXPORT_NOT_FOUND", `There is no export ${id} of this tenant.`);
  return row;
}

/** All of them, the newest first. */
export const listExports = (ctx: TenantContext): ExportView[] =>
  ctx.sql
    .exec<ExportRow>("SELECT * FROM exports ORDER BY at DESC, id")
    .toArray()
    .map((row) => viewOf(ctx, row));

/** Puts an export as it is now into the changes feed; call inside the change's transaction. */
export function told(ctx: TenantContext, id: string): ExportView {
  const view = viewOf(ctx, requireExport(ctx, id));
  ctx.publish("export", { ...view });
  return view;
}

/** @throws EdgeError EXPORT_NOT_FOUND */
export function manifestOf(ctx: TenantContext, id: string): ExportManifest {
  const row = requireExport(ctx, id);
  const query = "SELECT number, name, records, bytes, sha256 FROM export_files WHERE export = ? ORDER BY number";
  const listed = ctx.sql.exec<ExportFile & Record<string, SqlStorageValue>>(query, id).toArray();
  return { ...viewOf(ctx, row), tenant: ctx.id, audit: auditHead(ctx.sql), listed };
}

/** @throws EdgeError EXPORT_NOT_FOUND, also where the export is not made yet */
export function requireFile(ctx: TenantContext, id: string, number: number): void {
  const { state } = requireExport(ctx, id);
  if (state !== "succeeded") throw new EdgeError("EXPORT_NOT_FOUND", `The export ${id} is not made.`);
  const query = "SELECT 1 FROM export_files WHERE export = ? AND number = ?";
  if (ctx.sql.exec(query, id, number).toArray().length === 0)
    throw new EdgeError("EXPORT_NOT_FOUND", `The export ${id} has no file ${number}.`);
}

/** Notes what the export does not hold; {@link save} keeps it. */
export function leaveOut(row: ExportRow, what: string, why: string): void {
  row.left_out = JSON.stringify([...(JSON.parse(row.left_out) as LeftOut[]), { what, why }]);
}

/** Keeps how far an export has come. */
export function save({ sql }: TenantContext, row: ExportRow): void {
  const { id, section, cursor, written, until, searched, seen, left_out } = row;
  sql.exec(
    `UPDATE exports SET section = ?, cursor = ?, written = ?, until = ?, searched = ?, seen = ?, left_out = ?
     WHERE id = ?`,
    ...[section, cursor, written, until, searched, seen, left_out, id],
  );
}

/** Forgets rows; the files are the caller's. */
export function forgetExport({ sql }: TenantContext, id: string): void {
  for (const table of ["export_files", "export_steps"]) sql.exec(`DELETE FROM ${table} WHERE export = ?`, id);
  sql.exec("DELETE FROM exports WHERE id = ?", id);
}

const iso = (ms: number) => new Date(ms).toISOString();
const orNone = (ms: number | null) => (ms === null ? null : iso(ms));
const read = (text: string | null) => (text === null ? null : (JSON.parse(text) as ErrorBody));

function viewOf(ctx: TenantContext, row: ExportRow): ExportView {
  type Sums = { files: number; records: number; bytes: number };
  const sums = `SELECT count(*) AS files, coalesce(sum(records), 0) AS records, coalesce(sum(bytes), 0) AS bytes
    FROM export_files WHERE export = ?`;
  const steps = ctx.sql
    .exec<StepRow>("SELECT * FROM export_steps WHERE export = ? ORDER BY position", row.id)
    .toArray();
  const error = read(row.error);
  return {
    ...{ id: row.id, operation_id: row.operation_id, state: row.state },
    ...{ at: iso(row.at), finished_at: orNone(row.finished_at), expires_at: iso(row.expires_at) },
    steps: steps.map(({ name, state, attempts, started_at, finished_at, error: why }) => ({
      ...{ name, state, attempts, started_at: orNone(started_at), finished_at: orNone(finished_at), error: read(why) },
    })),
    ...ctx.sql.exec<Sums>(sums, row.id).one(),
    left_out: JSON.parse(row.left_out) as LeftOut[],
    error: error && { code: error.code, message: error.message, hint: error.hint },
  };
}
