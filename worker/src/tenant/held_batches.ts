/**
 * What Wazuh 5 agents sent while their manager was away, until it has it. A row is written before the agent hears that its
 * batch was taken, and removed once the manager took it: kept in order, and each batch once.
 */
import { EdgeError } from "../errors";
import { MAX_BATCH_BYTES } from "../events/blob_log";
import type { TenantContext } from "./context";
import { migrate } from "./schema";

/** One batch of events, as its agent sent it. */
export interface Batch {
  /** SHA-256 hex over agent, encoding and body: the same batch sent again is the same one. */
  id: string;
  agent: string;
  /** Its `content-encoding`; empty for none. */
  encoding: string;
  body: Uint8Array<ArrayBuffer>;
}

export interface HeldBatch extends Batch {
  seq: number;
  attempts: number;
}

const MIGRATIONS = [
  `CREATE TABLE held_batches (
     seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, agent TEXT NOT NULL, bytes INTEGER NOT NULL,
     encoding TEXT NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, body BLOB NOT NULL) STRICT;
   CREATE INDEX held_batches_of_agent ON held_batches (agent);
   CREATE TABLE delay (
     one INTEGER PRIMARY KEY CHECK (one = 1), since INTEGER NOT NULL, taken INTEGER NOT NULL DEFAULT 0,
     refused INTEGER NOT NULL DEFAULT 0) STRICT;`,
];

/** Brings the tables up to date; runs in the object's constructor. */
export const migrateHeld = (storage: DurableObjectStorage) => migrate(storage, "held", MIGRATIONS);

/** What is larger is not held: an agent's batch is far smaller, and SQLite takes no row of 2 MB. */
export const MAX_HELD_BATCH_BYTES = MAX_BATCH_BYTES;
/** How much of one tenant may wait. More stays with the agents, which send it again. */
const MAX_HELD_BYTES = 64 * 1024 * 1024;
/** A batch of a few bytes costs more than them. */
const ROW_BYTES = 512;

const notHeld = (why: string) => new EdgeError("BATCH_NOT_HELD", why);

/**
 * Keeps a batch; the same one again changes nothing.
 * @param most bytes of all that may wait
 * @throws EdgeError BATCH_NOT_HELD where it is too large, or too much waits already
 */
export function hold(ctx: TenantContext, batch: Batch, most = MAX_HELD_BYTES): void {
  const { id, agent, encoding, body } = batch;
  const bytes = body.byteLength + ROW_BYTES;
  if (body.byteLength > MAX_HELD_BATCH_BYTES)
    throw notHeld("A batch of this size is not held for a manager that is away.");
  ctx.transaction(() => {
    if (ctx.sql.exec("SELECT 1 FROM held_batches WHERE id = ?", id).toArray().length > 0) return;
    const query = "SELECT coalesce(sum(bytes), 0) AS sum FROM held_batches";
    if (ctx.sql.exec<{ sum: number }>(query).one().sum + bytes > most)
      throw notHeld("As much waits for the manager as is held.");
    ctx.sql.exec(
      "INSERT INTO held_batches (id, agent, bytes, encoding, body) VALUES (?, ?, ?, ?, ?)",
      ...[id, agent, bytes, encoding, body],
    );
    beginDelay(ctx);
    scheduleReplay(ctx);
  });
}

/** A time that is set already stays. */
function scheduleReplay(ctx: TenantContext): void {
  const planned = ctx.sql.exec("SELECT 1 FROM due WHERE kind = 'replay'").toArray().length > 0;
  if (!planned) ctx.schedule("replay", ctx.now());
}

/** Whether something of this agent waits: what it sends later has to wait behind it. */
export const holdsFrom = (ctx: TenantContext, agent: string) =>
  ctx.sql.exec("SELECT 1 FROM held_batches WHERE agent = ? LIMIT 1", agent).toArray().length > 0;

export function oldestHeld({ sql }: TenantContext): HeldBatch | null {
  type Row = { seq: number; id: string; agent: string; encoding: string; attempts: number; body: ArrayBuffer };
  const query = "SELECT seq, id, agent, encoding, attempts, body FROM held_batches ORDER BY seq LIMIT 1";
  const [row] = sql.exec<Row>(query).toArray();
  return row ? { ...row, body: new Uint8Array(row.body) } : null;
}

/** One more try at a batch came to nothing. */
export const countAttempt = ({ sql }: TenantContext, seq: number) =>
  sql.exec("UPDATE held_batches SET attempts = attempts + 1 WHERE seq = ?", seq);

/** Lets go of a batch: the manager took it, or will never take it. The last one ends the delay. */
export function settle(ctx: TenantContext, seq: number, as: "taken" | "refused"): void {
  ctx.transaction(() => {
    if (ctx.sql.exec("DELETE FROM held_batches WHERE seq = ?", seq).rowsWritten === 0) return;
    ctx.sql.exec(`UPDATE delay SET ${as} = ${as} + 1`);
    if (!oldestHeld(ctx)) endDelay(ctx);
  });
}

/** Since when what agents send is not analysed at once (milliseconds since 1970); null where it is. */
export const delayedSince = (sql: SqlStorage) =>
  sql.exec<{ since: number }>("SELECT since FROM delay").toArray()[0]?.since ?? null;

const iso = (ms: number) => new Date(ms).toISOString();

function beginDelay(ctx: TenantContext): void {
  const since = ctx.now();
  const begun = ctx.sql.exec("INSERT OR IGNORE INTO delay (one, since) VALUES (1, ?)", since);
  if (begun.rowsWritten === 0) return;
  ctx.emit("lifecycle", { detection: "delayed", since: iso(since) });
  ctx.viewChanged();
}

function endDelay(ctx: TenantContext): void {
  const { since, ...batches } = ctx.sql
    .exec<{ since: number; taken: number; refused: number }>("DELETE FROM delay RETURNING since, taken, refused")
    .one();
  ctx.emit("lifecycle", { detection: "caught_up", since: iso(since), batches });
  ctx.viewChanged();
}
