/** Exports of a tenant: made a slice at a time behind the due table, kept for a week, gone with the tenant's key. */
import { createHash } from "node:crypto";
import { EdgeError, errorBody, messageOf } from "../../errors";
import { log } from "../../log";
import { ExportStepName, type ExportView, type OrderExport } from "../../schemas/exports";
import type { TenantContext } from "../context";
import type { DueRow } from "../due";
import { NotYet } from "../not_yet";
import { forgoIndexer } from "./alerts";
import { exportFiles } from "./files";
import { type ExportRow, exportRow, forgetExport, requireExport, save, told } from "./rows";
import { SECTIONS, type Section } from "./sources";

const KEPT_MS = 7 * 24 * 3600 * 1000;
const MAX_ATTEMPTS = 8;
/** The tenant's one alarm also heals nodes: a visit works no longer than this, and the next one goes on. */
const WORK_FOR_MS = 4000;
const GO_ON_AFTER_MS = 20;
/** A file's size, which is what lies in memory at once; the last page may go beyond it. */
const FILE_BYTES = 4 * 1024 * 1024;

/**
 * Notes an export that is to be made. One of an id that is there already is that one.
 * @throws EdgeError EXPORT_IN_PROGRESS while another one is made
 */
export function orderExport(ctx: TenantContext, id: string, { operation_id }: OrderExport): ExportView {
  return ctx.transaction(() => {
    if (exportRow(ctx, id)) return told(ctx, id);
    const going = ctx.sql.exec<{ id: string }>("SELECT id FROM exports WHERE state = 'running'").toArray()[0];
    if (going) throw new EdgeError("EXPORT_IN_PROGRESS", `The export ${going.id} is being made.`);
    const at = ctx.now();
    const insert = "INSERT INTO exports (id, operation_id, state, at, expires_at) VALUES (?, ?, 'running', ?, ?)";
    ctx.sql.exec(insert, id, operation_id, at, at + KEPT_MS);
    for (const [position, name] of ExportStepName.options.entries())
      ctx.sql.exec("INSERT INTO export_steps (export, position, name) VALUES (?, ?, ?)", id, position, name);
    ctx.schedule("make_export", at, id);
    ctx.schedule("expire_export", at + KEPT_MS, id);
    ctx.audit("export.ordered", "portal", { export: id, operation: operation_id });
    return told(ctx, id);
  });
}

/** Works on an export for a while; given up after some attempts without progress, visibly. */
export async function makeDue(ctx: TenantContext, { key: id, attempts }: DueRow): Promise<void> {
  const work = makeFor(ctx, id).catch((error: unknown) => notMade(ctx, id, attempts, error));
  UNDER_WAY.set(ctx, work.then(ignore, ignore));
  return work;
}

/** Whoever erases waits for the file that is being written. */
const UNDER_WAY = new WeakMap<TenantContext, Promise<void>>();
function ignore(): void {}

async function makeFor(ctx: TenantContext, id: string): Promise<void> {
  const end = Date.now() + WORK_FOR_MS;
  for (let row = underWay(ctx, id); row; row = underWay(ctx, id)) {
    const section = SECTIONS[row.section];
    if (!section) return finish(ctx, row, "succeeded");
    beginStep(ctx, row, section);
    await writeFile(ctx, row, section);
    if (Date.now() > end)
      throw new NotYet("NODE_NOT_READY", `${section.folder} of ${id} is under way.`, GO_ON_AFTER_MS);
  }
}

const underWay = (ctx: TenantContext, id: string): ExportRow | null => {
  const row = ctx.isLive() ? exportRow(ctx, id) : null;
  return row?.state === "running" ? row : null;
};

/** Reads until a file is full or the section over, and writes it; again after a crash, it writes the same file anew. */
async function writeFile(ctx: TenantContext, row: ExportRow, section: Section): Promise<void> {
  const number = row.written + 1;
  const slice = await fill(ctx, row, section);
  const bytes = new Uint8Array(Buffer.from(slice.lines.map((line) => `${line}\n`).join("")));
  if (bytes.byteLength > 0) await exportFiles(ctx.env, ctx.id, row.id).put(String(number), bytes);
  ctx.transaction(() => {
    // Erased, expired or given up meanwhile.
    if (!underWay(ctx, row.id)) return;
    if (bytes.byteLength > 0) noteFile(ctx, row, section, number, slice.lines.length, bytes);
    if (slice.done) endSection(ctx, row, section);
    else save(ctx, row);
  });
}

async function fill(
  ctx: TenantContext,
  row: ExportRow,
  { read }: Section,
): Promise<{ lines: string[]; done: boolean }> {
  const whole = { lines: [] as string[], done: false };
  for (let size = 0; size < FILE_BYTES && !whole.done; ) {
    const { lines, cursor, done } = await read(ctx, row);
    for (const line of lines) size += line.length;
    whole.lines.push(...lines);
    row.cursor = cursor;
    whole.done = done;
  }
  return whole;
}

function noteFile(
  ctx: TenantContext,
  row: ExportRow,
  { folder }: Section,
  number: number,
  records: number,
  bytes: Uint8Array,
): void {
  const count = "SELECT count(*) AS n FROM export_files WHERE export = ? AND folder = ?";
  const { n } = ctx.sql.exec<{ n: number }>(count, row.id, folder).one();
  const name = `${folder}/${String(n + 1).padStart(6, "0")}.jsonl`;
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  const insert = `INSERT INTO export_files (export, number, folder, name, records, bytes, sha256)
    VALUES (?, ?, ?, ?, ?, ?, ?)`;
  ctx.sql.exec(insert, row.id, number, folder, name, records, bytes.byteLength, sha256);
  row.written = number;
}

function endSection(ctx: TenantContext, row: ExportRow, { step }: Section): void {
  [row.section, row.cursor, row.until] = [row.section + 1, "", -1];
  save(ctx, row);
  if (SECTIONS[row.section]?.step === step) return;
  const update =
    "UPDATE export_steps SET state = 'succeeded', finished_at = ?, error = NULL WHERE export = ? AND name = ?";
  ctx.sql.exec(update, ctx.now(), row.id, step);
  told(ctx, row.id);
}

function beginStep(ctx: TenantContext, row: ExportRow, { step }: Section): void {
  ctx.transaction(() => {
    const update = `UPDATE export_steps SET state = 'running', started_at = ?, attempts = attempts + 1
      WHERE export = ? AND name = ? AND state = 'pending'`;
    if (ctx.sql.exec(update, ctx.now(), row.id, step).rowsWritten > 0) told(ctx, row.id);
  });
}

type Outcome = "succeeded" | "failed";

function finish(ctx: TenantContext, row: ExportRow, outcome: Outcome, error: string | null = null): void {
  ctx.transaction(() => {
    const update = "UPDATE exports SET state = ?, finished_at = ?, error = ?, seen = NULL WHERE id = ?";
    ctx.sql.exec(update, outcome, ctx.now(), error, row.id);
    const { records, bytes, files } = told(ctx, row.id);
    ctx.audit(`export.${outcome}`, "edge", { export: row.id, records, bytes, files });
  });
}

/** An indexer that answers no more is gone without; of anything else the export fails after some attempts. */
function notMade(ctx: TenantContext, id: string, attempts: number, error: unknown): void {
  if (error instanceof NotYet) throw error;
  const row = underWay(ctx, id);
  if (!row) return;
  log("warn", "an export waits", { tenant: ctx.id, export: id, attempts, error: messageOf(error) });
  const step = SECTIONS[row.section]?.step;
  noteFailure(ctx, row, step, error);
  if (attempts < MAX_ATTEMPTS) throw error;
  if (step === "alerts") forgo(ctx, row, messageOf(error));
  else fail(ctx, row, step, messageOf(error));
}

function noteFailure(ctx: TenantContext, row: ExportRow, step: string | undefined, error: unknown): void {
  ctx.transaction(() => {
    const update = "UPDATE export_steps SET attempts = attempts + 1, error = ? WHERE export = ? AND name = ?";
    ctx.sql.exec(update, JSON.stringify(errorBody("EXPORT_FAILED", messageOf(error))), row.id, step ?? "");
    told(ctx, row.id);
  });
}

function forgo(ctx: TenantContext, row: ExportRow, why: string): never {
  ctx.transaction(() => {
    forgoIndexer(ctx, row, why);
    endSection(ctx, row, SECTIONS[row.section] as Section);
  });
  throw new NotYet("NODE_NOT_RUNNING", `${row.id} goes on without the indexer.`, GO_ON_AFTER_MS);
}

function fail(ctx: TenantContext, row: ExportRow, step: string | undefined, why: string): void {
  ctx.transaction(() => {
    const update = "UPDATE export_steps SET state = 'failed', finished_at = ? WHERE export = ? AND name = ?";
    ctx.sql.exec(update, ctx.now(), row.id, step ?? "");
    finish(ctx, row, "failed", JSON.stringify(errorBody("EXPORT_FAILED", why)));
  });
}

/** Its week is over. */
export async function expireExportDue(ctx: TenantContext, { key: id }: DueRow): Promise<void> {
  if (!exportRow(ctx, id)) return;
  await exportFiles(ctx.env, ctx.id, id).removeAll();
  ctx.transaction(() => {
    const { state } = requireExport(ctx, id);
    forgetExport(ctx, id);
    ctx.unschedule("make_export", id);
    ctx.audit("export.expired", "edge", { export: id, made: state === "succeeded" });
  });
}

/** For the erasure: no file is left, and none is written any more. */
export async function removeExports(ctx: TenantContext): Promise<void> {
  for (const { id } of ctx.sql.exec<{ id: string }>("SELECT id FROM exports").toArray()) forgetExport(ctx, id);
  await UNDER_WAY.get(ctx);
  await exportFiles(ctx.env, ctx.id).removeAll();
}
