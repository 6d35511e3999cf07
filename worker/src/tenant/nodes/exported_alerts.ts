/** Alerts for an export: what an indexer holds, page by page, and what the journal holds besides. */
import { boundedBytes } from "../../body";
import { EdgeError } from "../../errors";
import type { Batch } from "../../events/blob_log";
import type { Journal } from "../../gates/journal";
import type { Caller } from "./ingest_probe";

const PATTERN = "wazuh-alerts-*,wazuh-archives-*";
const EXPORTED = /^wazuh-(alerts|archives)-/;
/** The largest document has 1 MiB; a page of them has to fit into memory. */
const PAGE_DOCUMENTS = 50;
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;
const JOURNAL_BYTES = 1024 * 1024;

/** Where a search goes on: what the last document was sorted by. */
export type SearchAfter = (string | number | null)[];

/**
 * By time, then by the alert's own id, and by the document's place in its shard, which makes it unique: so each page
 * begins behind the one before, whoever restarted meanwhile, and nothing has to be kept open in the indexer. What is
 * indexed during the export may be in it or not.
 */
const SORT = [
  { timestamp: { order: "asc", unmapped_type: "date" } },
  { id: { order: "asc", unmapped_type: "keyword" } },
  { _seq_no: { order: "asc" } },
];

export interface ExportedPage {
  lines: string[];
  /** Null at the end of the index. */
  next: SearchAfter | null;
}

export interface ExportedDocument {
  id: string;
  line: string;
}

export interface JournalPage {
  documents: ExportedDocument[];
  position: number;
  done: boolean;
  /** Ranges that can't be read any more. */
  lost: { first: number; last: number }[];
}

/** The indices that can be read, everything that was written to them findable. @throws EdgeError NODE_NOT_RUNNING */
export async function exportedIndices(ask: Caller): Promise<string[]> {
  const rows = (await told(ask, "GET", `/_cat/indices/${PATTERN}?format=json`)) as { index: string; status?: string }[];
  const names = rows
    .filter(({ index, status }) => EXPORTED.test(index) && status !== "close")
    .map(({ index }) => index);
  for (const name of names) await told(ask, "POST", `/${name}/_refresh`);
  return names.sort();
}

/** @throws EdgeError NODE_NOT_RUNNING where the indexer does not answer */
export async function exportPage(ask: Caller, index: string, after: SearchAfter | null): Promise<ExportedPage> {
  const search = { size: PAGE_DOCUMENTS, sort: SORT, track_total_hits: false, ...(after && { search_after: after }) };
  type Hit = { _index: string; _id: string; _source: unknown; sort: SearchAfter };
  const { hits, timed_out, _shards } = (await told(ask, "POST", `/${index}/_search`, search)) as {
    hits: { hits: Hit[] };
    timed_out?: boolean;
    _shards?: { failed: number };
  };
  // A partial answer would be taken for the whole one.
  if (timed_out || (_shards?.failed ?? 0) > 0)
    throw new EdgeError("NODE_NOT_RUNNING", `A part of ${index} did not answer.`);
  const lines = hits.hits.map((hit) => lineOf(hit._index, hit._id, JSON.stringify(hit._source)));
  return { lines, next: hits.hits.length < PAGE_DOCUMENTS ? null : (hits.hits.at(-1)?.sort ?? null) };
}

/**
 * What the journal holds after a position and up to another one, about {@link JOURNAL_BYTES} of it.
 * @param searched indices that the indexer gave: of these only what it never took
 */
export async function exportJournal(
  journal: Journal,
  ask: () => Promise<Caller>,
  after: number,
  until: number,
  searched: string[],
): Promise<JournalPage> {
  const position = Math.max(after, journal.state().oldest - 1);
  const page: JournalPage = { documents: [], position, done: true, lost: [] };
  let bytes = 0;
  for await (const batch of journal.between(after, until)) {
    if (bytes > JOURNAL_BYTES) return { ...page, done: false };
    if (batch.first > page.position + 1) page.lost.push({ first: page.position + 1, last: batch.first - 1 });
    page.documents.push(...(await besides(documentsOf(batch), ask, new Set(searched))));
    page.position = batch.last;
    bytes += batch.body.byteLength;
  }
  return page;
}

interface JournalDocument extends ExportedDocument {
  index: string;
}

/** The journal wrote these pairs of lines itself; see bulk.ts. */
function documentsOf({ body }: Batch): JournalDocument[] {
  const lines = new TextDecoder().decode(body).split("\n");
  const found: JournalDocument[] = [];
  for (let at = 0; at + 1 < lines.length; at += 2) {
    const { index: action } = JSON.parse(lines[at] ?? "") as { index: { _index: string; _id: string } };
    if (!EXPORTED.test(action._index)) continue;
    found.push({
      index: action._index,
      id: action._id,
      line: lineOf(action._index, action._id, lines[at + 1] ?? "null"),
    });
  }
  return found;
}

async function besides(
  documents: JournalDocument[],
  ask: () => Promise<Caller>,
  searched: Set<string>,
): Promise<ExportedDocument[]> {
  const given = documents.filter(({ index }) => searched.has(index));
  const refused = new Set(given.length > 0 ? await missing(await ask(), given) : []);
  return documents
    .filter(({ index, id }) => !searched.has(index) || refused.has(id))
    .map(({ id, line }) => ({ id, line }));
}

/** Which of them the indexer does not hold. One whose index has left since was there when it was read. */
async function missing(ask: Caller, documents: JournalDocument[]): Promise<string[]> {
  const docs = documents.map(({ index, id }) => ({ _index: index, _id: id }));
  type Found = { _id: string; found?: boolean; error?: { type: string } };
  const answer = (await told(ask, "POST", "/_mget?_source=false", { docs })) as { docs: Found[] };
  const failed = answer.docs.find(({ error }) => error && error.type !== "index_not_found_exception");
  if (failed)
    throw new EdgeError("NODE_NOT_RUNNING", `The indexer did not look up a document (${failed.error?.type}).`);
  return answer.docs.filter(({ found, error }) => !error && found === false).map(({ _id }) => _id);
}

const lineOf = (index: string, id: string, source: string) =>
  `{"_index":${JSON.stringify(index)},"_id":${JSON.stringify(id)},"_source":${source}}`;

async function told(ask: Caller, method: string, path: string, body?: object): Promise<unknown> {
  const answer = await ask(method, path, body && JSON.stringify(body));
  const bytes = await boundedBytes(answer.body, MAX_ANSWER_BYTES);
  if (!answer.ok || !bytes)
    throw new EdgeError("NODE_NOT_RUNNING", `The indexer answered ${answer.status} to ${path.split("?")[0]}.`);
  return JSON.parse(new TextDecoder().decode(bytes));
}
