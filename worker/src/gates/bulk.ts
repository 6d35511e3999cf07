import { createHash } from "node:crypto";

/** One document of a bulk request. */
export interface BulkItem {
  /** The action's name as it was sent; the answer repeats it. */
  action: "index" | "create";
  index: string;
  id: string;
  /** The two lines that go to the indexer. */
  lines: string;
}

/** A bulk body that nobody may send; the message says which line and why. */
export class BulkRefused extends Error {}

/** Larger documents are refused: a batch of the journal is one row. */
export const MAX_DOCUMENT_CHARACTERS = 256 * 1024;

const INDEX = /^wazuh-(alerts|archives|monitoring|statistics)-[a-z0-9._-]{1,100}$/;
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
 * @throws BulkRefused
 */
export function readBulk(tenant: string, manager: number, body: string): BulkItem[] {
  const lines = body.split("\n").filter((line) => line.trim() !== "");
  if (lines.length % 2 !== 0) throw new BulkRefused("a bulk body is pairs of lines: an action, then its document");
  const items: BulkItem[] = [];
  for (let at = 0; at < lines.length; at += 2) {
    items.push(readItem(tenant, manager, lines[at] as string, lines[at + 1] as string, at + 1));
  }
  return items;
}

function readItem(tenant: string, manager: number, actionLine: string, source: string, line: number): BulkItem {
  if (source.length > MAX_DOCUMENT_CHARACTERS) throw new BulkRefused(`line ${line + 1}: the document is too large`);
  const { action, index, pipeline } = readAction(actionLine, line);
  const document = readObject(source, line + 1);
  // Not an alert (no id of its own): its content names it, so that a copy is still the same document.
  const alertId = typeof document.id === "string" ? document.id : `content:${source}`;
  const id = documentId(tenant, manager, alertId);
  const meta = { _index: index, _id: id, ...(pipeline === undefined ? {} : { pipeline }) };
  return { action, index, id, lines: `${JSON.stringify({ index: meta })}\n${source.trim()}\n` };
}

function readAction(text: string, line: number): { action: BulkItem["action"]; index: string; pipeline?: string } {
  const parsed = readObject(text, line);
  const [action] = Object.keys(parsed);
  if (action !== "index" && action !== "create")
    throw new BulkRefused(`line ${line}: only index and create are allowed`);
  const meta = parsed[action] as Record<string, unknown> | null;
  const index = meta?._index;
  if (typeof index !== "string" || !INDEX.test(index)) {
    throw new BulkRefused(`line ${line}: _index is not one of Wazuh's indices`);
  }
  const pipeline = meta?.pipeline;
  return typeof pipeline === "string" && PIPELINE.test(pipeline) ? { action, index, pipeline } : { action, index };
}

function readObject(text: string, line: number): Record<string, unknown> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw new BulkRefused(`line ${line}: not JSON`);
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) {
    throw new BulkRefused(`line ${line}: not a JSON object`);
  }
  return parsed as Record<string, unknown>;
}

/** The answer OpenSearch gives when every document was taken; true from the moment the journal holds them. */
export function acceptedAnswer(items: BulkItem[]): object {
  return {
    took: 0,
    errors: false,
    items: items.map(({ action, index, id }) => ({
      [action]: {
        _index: index,
        _id: id,
        _version: 1,
        result: "created",
        _shards: { total: 1, successful: 1, failed: 0 },
        status: 201,
      },
    })),
  };
}
