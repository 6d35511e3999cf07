/**
 * A tenant's alerts, each once: from its indexer where that runs, and from the journal what the indexer did not give.
 *
 * Everything that was acknowledged before the export began is in the journal, or in the indexer alone once it is older
 * than the journal keeps it. So the indexer is read first, index by index, and of the journal then what is in none of
 * those indices, or was never taken by the indexer.
 */
import { EdgeError } from "../../errors";
import type { TenantContext } from "../context";
import { nodeRow, servesNow } from "../node_records";
import type { SearchAfter } from "../nodes/exported_alerts";
import { nodeStub } from "../nodes/names";
import { NotYet } from "../not_yet";
import { isAsleep } from "../sleep";
import { RecentIds } from "./recent_ids";
import { type ExportRow, leaveOut } from "./rows";
import type { Slice } from "./sources";

const LOOK_AGAIN_MS = 1000;
/** So long the indexer may need to take what the journal holds. */
const CATCH_UP_MS = 10 * 60_000;
const OLDER = "Alerts that are older than the edge's journal keeps them";

interface SearchCursor {
  index: number;
  after: SearchAfter | null;
}

const indexerOf = (ctx: TenantContext) => nodeStub(ctx.env, ctx.id, "indexer", 0);

/** What the indexer holds, index by index in the order of their names, in each by time. */
export async function readSearched(ctx: TenantContext, row: ExportRow): Promise<Slice> {
  if (row.until < 0 && !(await begin(ctx, row))) return { lines: [], cursor: "", done: true };
  const { index, after } = JSON.parse(row.cursor || '{"index":0,"after":null}') as SearchCursor;
  const name = (JSON.parse(row.searched) as string[])[index];
  if (name === undefined) return { lines: [], cursor: row.cursor, done: true };
  const page = await indexerOf(ctx).exportPage(name, after);
  const next: SearchCursor = page.next ? { index, after: page.next } : { index: index + 1, after: null };
  return { lines: page.lines, cursor: JSON.stringify(next), done: false };
}

/** @returns false where there is no indexer to ask */
async function begin(ctx: TenantContext, row: ExportRow): Promise<boolean> {
  if (isAsleep(ctx) || !servesNow(ctx, "indexer")) {
    leaveOut(row, OLDER, "The indexer did not run. Backups hold them; an export of the running tenant has them too.");
    return false;
  }
  const { last, applied } = await indexerOf(ctx).journalState();
  if (applied < last) refuseForNow(ctx, row, last - applied);
  row.searched = JSON.stringify(await indexerOf(ctx).exportedIndices());
  row.until = last;
  return true;
}

function refuseForNow(ctx: TenantContext, row: ExportRow, behind: number): never {
  const message = `${behind} alerts are on their way from the journal to the indexer.`;
  if (ctx.now() - row.at > CATCH_UP_MS) throw new EdgeError("NODE_NOT_READY", message);
  throw new NotYet("NODE_NOT_READY", message, LOOK_AGAIN_MS);
}

/** Instead of the indexer, which answers no more: what it gave is read from the journal like the rest. */
export function forgoIndexer(ctx: TenantContext, row: ExportRow, why: string): void {
  ctx.sql.exec("DELETE FROM export_files WHERE export = ? AND folder = 'alerts'", row.id);
  row.searched = "[]";
  leaveOut(row, OLDER, `The indexer stopped while it was read: ${why}`);
}

/** What the journal holds besides, in the order in which it came. */
export async function readArchive(ctx: TenantContext, row: ExportRow): Promise<Slice> {
  // A tenant that never started has no journal; asking for one would make it.
  if (!nodeRow(ctx, "indexer", 0)) return { lines: [], cursor: "", done: true };
  const indexer = indexerOf(ctx);
  if (row.until < 0) row.until = (await indexer.journalState()).last;
  const page = await indexer.exportJournal(Number(row.cursor || 0), row.until, JSON.parse(row.searched) as string[]);
  for (const { first, last } of page.lost)
    leaveOut(row, `Documents ${first} to ${last} of the journal`, "Their archive is lost.");
  const recent = new RecentIds(row.seen);
  const fresh = page.documents.filter(({ id }) => recent.take(id));
  row.seen = new Uint8Array(recent.stored()).buffer;
  return { lines: fresh.map(({ line }) => line), cursor: String(page.position), done: page.done };
}
