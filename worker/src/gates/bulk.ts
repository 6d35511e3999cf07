import { createHash } from "node:crypto";

/** One document of a bulk request that goes to the journal. */
export interface BulkItem {
  /** The action's name as it was sent; the answer repeats it. */
  action: "index" | "create";
  index: string;
  id: string;
  /** The two lines that go to the indexer. */
  lines: string;
}

/** One document that will never be taken: its sender is told so and goes on with the rest. */
export interface RefusedItem {
  action: BulkItem["action"];
  index: string;
  status: 400 | 413;
  reason: string;
}

export type BulkEntry = BulkItem | RefusedItem;

/** A body that is not taken at all; the message says which line and why. */
export class BulkRefused extends Error {
  constructor(
    readonly status: 400 | 413,
    message: string,
  ) {
    super(message);
  }
}

/**
 * Larger documents are refused: a batch of the journal is one row. An agent's longest event, 64 KiB of control characters
 * that JSON writes as six each, and twice over (as log line and as decoded field), is still below it.
 */
export const MAX_DOCUMENT_BYTES = 1024 * 1024;

/** Each document grows by its action line and its id, so that a body of tiny ones would outgrow a call between objects. */
export const MAX_BULK_ITEMS = 5000;

const INDEX = /^wazuh-(alerts|archives|monitoring|statistics)-[a-z0-9._-]{1,100}$/;
const MAX_INDEX_CHARACTERS = 128;
const PIPELINE = /^[A-Za-z0-9._-]{1,100}$/;

/**
 * The id of an alert's document: the same for every copy of it, and out of reach of other tenants and managers.
 *
 * @param manager the number of the manager node it came from, taken from the gate's props.
 */
export function documentId(tenant: string, manager: number, alertId: string): string {
  return createHash("sha256").update(`${tenant}|${manager}|${alertId}`, "utf8").digest("hex");
}

/**
 * Reads a `_bulk` body and gives every document its own id.
 *
 * A manager is hostile ground: only `index` and `create` into Wazuh's own indices pass, whatever `_id`, routing or
 * version came with them is dropped, and `create` becomes `index`, so that sending a batch again changes nothing.
 *
 * A document that nobody would take is an entry of its own: an agent that can send one must not hold up all the others.
 *
 * @throws BulkRefused
 */
export function readBulk(tenant: string, manager: number, body: string): BulkEntry[] {
  const entries: BulkEntry[] = [];
  let action: Action | null = null;
  for (const line of linesOf(body)) {
    if (entries.length >= MAX_BULK_ITEMS) throw new BulkRefused(413, `more than ${MAX_BULK_ITEMS} documents`);
    if (action) entries.push(readDocument(tenant, manager, action, line));
    action = action ? null : readAction(line, 2 * entries.length + 1);
  }
  if (action) throw new BulkRefused(400, "a bulk body is pairs of lines: an action, then its document");
  return entries;
}

/** The lines that hold something, one at a time: a body of nothing but line ends would be a huge array. */
function* linesOf(body: string): Generator<string> {
  for (let at = 0; at < body.length; ) {
    const found = body.indexOf("\n", at);
    const end = found < 0 ? body.length : found;
    const line = body.slice(at, end);
    if (line.trim() !== "") yield line;
    at = end + 1;
  }
}

interface Action {
  action: BulkItem["action"];
  index: string;
  pipeline?: string;
}

function readDocument(tenant: string, manager: number, { action, index, pipeline }: Action, source: string): BulkEntry {
  const refused = (status: 400 | 413, reason: string): RefusedItem => ({ action, index, status, reason });
  if (!INDEX.test(index)) return refused(400, "not one of Wazuh's indices");
  if (Buffer.byteLength(source) > MAX_DOCUMENT_BYTES) return refused(413, `larger than ${MAX_DOCUMENT_BYTES} bytes`);
  const document = objectOf(source);
  if (!document) return refused(400, "not a JSON object");
  // Not an alert (no id of its own): its content names it, so that a copy is still the same document.
  const alertId = typeof document.id === "string" ? document.id : `content:${source}`;
  const id = documentId(tenant, manager, alertId);
  const meta = { _index: index, _id: id, ...(pipeline === undefined ? {} : { pipeline }) };
  return { action, index, id, lines: `${JSON.stringify({ index: meta })}\n${source.trim()}\n` };
}

function readAction(text: string, line: number): Action {
  const parsed = objectOf(text);
  const [action] = Object.keys(parsed ?? {});
  if (!parsed || (action !== "index" && action !== "create"))
    throw new BulkRefused(400, `line ${line}: not an index or create action`);
  const meta = parsed[action] as Record<string, unknown> | null;
  const index = typeof meta?._index === "string" ? meta._index : "";
  const pipeline = meta?.pipeline;
  return typeof pipeline === "string" && PIPELINE.test(pipeline) ? { action, index, pipeline } : { action, index };
}

function objectOf(text: string): Record<string, unknown> | null {
  try {
    const parsed: unknown = JSON.parse(text);
    return typeof parsed === "object" && !Array.isArray(parsed) ? (parsed as Record<string, unknown> | null) : null;
  } catch {
    return null;
  }
}

export const isTaken = (entry: BulkEntry): entry is BulkItem => "lines" in entry;

/** The answer OpenSearch gives, an item for each document; true from the moment the journal holds the ones it takes. */
export function bulkAnswer(entries: BulkEntry[]): object {
  const items = entries.map((entry) => ({ [entry.action]: isTaken(entry) ? createdOf(entry) : refusalOf(entry) }));
  return { took: 0, errors: !entries.every(isTaken), items };
}

function createdOf({ index, id }: BulkItem): object {
  const _shards = { total: 1, successful: 1, failed: 0 };
  return { _index: index, _id: id, _version: 1, result: "created", _shards, status: 201 };
}

const ERROR_TYPES = { 400: "mapper_parsing_exception", 413: "content_too_long_exception" } as const;

/** As OpenSearch names what it refused; the index is the sender's own text and may be long. */
function refusalOf({ index, status, reason }: RefusedItem): object {
  return {
    _index: index.slice(0, MAX_INDEX_CHARACTERS),
    _id: null,
    status,
    error: { type: ERROR_TYPES[status], reason },
  };
}
