/** Days that have left the indexer and lie in the journal's archive: what they hold, and how they are searched again. */
import { EdgeError } from "../../errors";
import type { Journal } from "../../gates/journal";
import type { Caller } from "./ingest_probe";
import { jsonAnswer } from "./json";

export const BULK = "/_bulk";
/** As long as one call may take. */
const LOAD_FOR_MS = 20_000;

/** What a day in the archive holds, and what the indexer's disk holds already, in bytes. */
export interface MeasuredDay {
  documents: number;
  bytes: number;
  used: number;
}

/** How far a day was loaded. */
export interface LoadedPart {
  position: number;
  documents: number;
  done: boolean;
}

/** @throws EdgeError NODE_NOT_RUNNING where the indexer does not say what its disk holds */
export async function measureDay(journal: Journal, ask: Caller, day: string): Promise<MeasuredDay> {
  const used = await usedBytes(ask);
  let [documents, bytes] = [0, 0];
  for await (const part of journal.ofDay(day, 0)) {
    documents += part.documents;
    bytes += part.body.byteLength;
  }
  return { documents, bytes, used };
}

/**
 * Writes a day's documents into the indices they came from, for as long as one call may take.
 * @param after where the call before ended
 * @throws EdgeError NODE_NOT_RUNNING where the indexer does not take them now
 */
export async function loadDay(journal: Journal, ask: Caller, day: string, after: number): Promise<LoadedPart> {
  const end = Date.now() + LOAD_FOR_MS;
  let [position, documents] = [after, 0];
  for await (const part of journal.ofDay(day, after)) {
    const answer = await ask("POST", BULK, part.body);
    const { errors } = (answer.ok ? await answer.json() : { errors: true }) as { errors?: boolean };
    if (errors !== false)
      throw new EdgeError("NODE_NOT_RUNNING", `The indexer did not take ${day} (${answer.status}).`);
    position = part.last;
    documents += part.documents;
    if (Date.now() > end) return { position, documents, done: false };
  }
  return { position, documents, done: true };
}

async function usedBytes(ask: Caller): Promise<number> {
  const answer = await ask("GET", "/_cat/indices?format=json&bytes=b");
  const rows = (answer.ok ? await jsonAnswer(answer) : undefined) as { "store.size"?: string }[] | undefined;
  if (!Array.isArray(rows)) throw new EdgeError("NODE_NOT_RUNNING", "The indexer does not say what its disk holds.");
  return rows.reduce((sum, row) => sum + (Number.parseInt(row["store.size"] ?? "0", 10) || 0), 0);
}
