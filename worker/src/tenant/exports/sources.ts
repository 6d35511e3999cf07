/** What an export is made of, section by section: each source reads on from where it was, a slice at a time. */
import { asEdgeError } from "../../errors";
import type { Page } from "../../events/events";
import { MAX_PAGE_EVENTS } from "../../events/pages";
import type { ExportStepName } from "../../schemas/exports";
import { listBackups } from "../backups";
import { contentFiles } from "../content";
import type { TenantContext } from "../context";
import { listRehydrations } from "../rehydrations";
import { tenantView } from "../view";
import { readArchive, readSearched } from "./alerts";
import { type ExportRow, leaveOut } from "./rows";

/** Records as lines of JSON, without their ends. */
export interface Slice {
  lines: string[];
  /** Where the source goes on. */
  cursor: string;
  done: boolean;
}

/** @param row as it is stored; a source may note on it what it does not find */
export type Source = (ctx: TenantContext, row: ExportRow) => Promise<Slice>;

export interface Section {
  step: ExportStepName;
  folder: string;
  read: Source;
}

const ROWS = 500;

/** The view has no secret; a plan has none either. */
async function readTenant(ctx: TenantContext): Promise<Slice> {
  const about = {
    ...{ tenant: tenantView(ctx), plan: ctx.requireLive().plan },
    ...{ backups: listBackups(ctx), loaded_days: listRehydrations(ctx) },
  };
  return { lines: [JSON.stringify(about)], cursor: "", done: true };
}

/** Custom content, a bundle at a time: each of its files is a record. */
async function readContent(ctx: TenantContext, row: ExportRow): Promise<Slice> {
  const query = "SELECT digest FROM content_bundles WHERE digest > ? ORDER BY digest LIMIT 1";
  const [bundle] = ctx.sql.exec<{ digest: string }>(query, row.cursor).toArray();
  if (!bundle) return { lines: [], cursor: row.cursor, done: true };
  const { digest } = bundle;
  const files = await contentFiles(ctx, digest).catch((reason: unknown) => {
    if (asEdgeError(reason)?.code !== "CONTENT_MISSING") throw reason;
    leaveOut(row, `Custom content ${digest}`, "Its archive is lost.");
    return [];
  });
  return { lines: files.map((file) => JSON.stringify({ digest, ...file })), cursor: digest, done: false };
}

type Row = Record<string, SqlStorageValue> & { cursor: number };

/** A table of this object by its key, some rows at a time. */
function tableOf(query: string, lineOf: (row: Row) => object): Source {
  return async (ctx, { cursor }) => {
    const rows = ctx.sql.exec<Row>(query, Number(cursor || -1), ROWS).toArray();
    const last = rows.at(-1)?.cursor ?? cursor;
    return { lines: rows.map((row) => JSON.stringify(lineOf(row))), cursor: String(last), done: rows.length < ROWS };
  };
}

/** Neither keys nor credentials, nor what they are checked with. */
const AGENTS = `SELECT number AS cursor, id, name, token, groups, version, address, enrolled_at, quarantined_at,
    quarantine_reason FROM agents WHERE number > ? ORDER BY number LIMIT ?`;

function agentLine({ cursor: _, token, groups, ...row }: Row): object {
  const times = { enrolled_at: timeOf(row.enrolled_at), quarantined_at: timeOf(row.quarantined_at) };
  return { ...row, token: token || null, groups: JSON.parse(String(groups)), ...times };
}

/** Neither secrets nor their hashes. */
const TOKENS = `SELECT rowid AS cursor, id, name, expires_at, max_uses, uses, groups, labels, names, revoked_at, last_used_at
    FROM tokens WHERE rowid > ? ORDER BY rowid LIMIT ?`;

function tokenLine({ cursor: _, groups, labels, names, ...row }: Row): object {
  const lists = {
    groups: JSON.parse(String(groups)),
    labels: JSON.parse(String(labels)),
    names: JSON.parse(String(names)),
  };
  const { expires_at, revoked_at, last_used_at } = row;
  const times = { expires_at: timeOf(expires_at), revoked_at: timeOf(revoked_at), last_used_at: timeOf(last_used_at) };
  return { ...row, ...lists, ...times };
}

const timeOf = (ms: SqlStorageValue | undefined) => (typeof ms === "number" ? new Date(ms).toISOString() : null);

/** The event log from its oldest event to the newest at this section's beginning; the audit trail's records are in it. */
async function readEvents(ctx: TenantContext, row: ExportRow): Promise<Slice> {
  const stream = ctx.env.WAZUH_EVENTS.getByName(ctx.id);
  if (row.until < 0) row.until = (await stream.position()).seq;
  const after = Number(row.cursor || 0);
  const limit = Math.min(MAX_PAGE_EVENTS, row.until - after);
  if (limit <= 0) return { lines: [], cursor: row.cursor, done: true };
  const page = JSON.parse(await stream.replay(after, limit)) as Page;
  const events = page.events.filter(({ seq }) => seq <= row.until);
  noteGaps(
    row,
    after,
    page.oldest,
    events.map(({ seq }) => seq),
  );
  const lines = events.map((event) => JSON.stringify(event));
  return { lines, cursor: String(page.next), done: page.next >= row.until || !page.more };
}

/** Numbers have no gaps; what the archive lost is named instead of left out in silence. */
function noteGaps(row: ExportRow, after: number, oldest: number, seqs: number[]): void {
  let expected = Math.max(after + 1, oldest);
  for (const seq of seqs) {
    if (seq > expected) leaveOut(row, `Events ${expected} to ${seq - 1}`, "Their archive is lost.");
    expected = seq + 1;
  }
}

/** In this order. Several sections may be one step to people. */
export const SECTIONS: readonly Section[] = [
  { step: "tenant", folder: "tenant", read: readTenant },
  { step: "tenant", folder: "content", read: readContent },
  { step: "agents", folder: "agents", read: tableOf(AGENTS, agentLine) },
  { step: "agents", folder: "tokens", read: tableOf(TOKENS, tokenLine) },
  { step: "events", folder: "events", read: readEvents },
  { step: "alerts", folder: "alerts", read: readSearched },
  { step: "archive", folder: "archived-alerts", read: readArchive },
];
