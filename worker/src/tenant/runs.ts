/** Runs: what became of each operation, step by step. */
import type { ErrorBody } from "../errors";
import { EdgeError } from "../errors";
import { type Run, type RunKind, STEPS, type Step, type StepName } from "../schemas/runs";
import type { TenantContext } from "./context";
import type { Decision } from "./facts";

interface RunRow extends Record<string, SqlStorageValue> {
  operation_id: string;
  kind: string;
  state: string;
}

interface StepRow extends Record<string, SqlStorageValue> {
  name: string;
  state: string;
  attempts: number;
  started_at: number | null;
  finished_at: number | null;
  error: string | null;
}

/**
 * Begins the run of an operation; the same operation again (a Retry) goes on where it was, its attempts counting on.
 * A run still under way for another operation is cancelled: the newest intent is the only one.
 * @throws EdgeError GENERATION_CONFLICT where the operation was of another kind
 */
export function beginRun(ctx: TenantContext, operationId: string, kind: RunKind, generation: number): void {
  const { sql } = ctx;
  sql.exec("UPDATE runs SET state = 'cancelled' WHERE state = 'running' AND operation_id <> ?", operationId);
  const [known] = sql.exec<RunRow>("SELECT * FROM runs WHERE operation_id = ?", operationId).toArray();
  if (known && known.kind !== kind) {
    throw new EdgeError("GENERATION_CONFLICT", `Operation ${operationId} was a ${known.kind} before.`);
  }
  sql.exec(
    `INSERT OR REPLACE INTO runs (operation_id, position, kind, generation, state)
     VALUES (?, (SELECT coalesce(max(position), 0) + 1 FROM runs), ?, ?, 'running')`,
    ...[operationId, kind, generation],
  );
  if (known) reopenSteps(ctx, operationId);
  else addSteps(ctx, operationId, STEPS[kind]);
}

function reopenSteps({ sql }: TenantContext, operationId: string): void {
  const failed = "UPDATE steps SET state = 'pending', finished_at = NULL WHERE operation_id = ? AND state = 'failed'";
  sql.exec(failed, operationId);
}

function addSteps({ sql }: TenantContext, operationId: string, names: readonly StepName[]): void {
  const insert = "INSERT INTO steps (operation_id, position, name, state, attempts) VALUES (?, ?, ?, 'pending', 0)";
  for (const [position, name] of names.entries()) sql.exec(insert, operationId, position, name);
}

/** What an operation was at this tenant; null for one that it does not know. */
export function kindOfRun({ sql }: TenantContext, operationId: string): RunKind | null {
  const query = "SELECT kind FROM runs WHERE operation_id = ?";
  return sql.exec<{ kind: RunKind }>(query, operationId).toArray()[0]?.kind ?? null;
}

/** What begins in a tenant that has been set up. */
const IN_ONE_THAT_RUNS: RunKind[] = ["upgrade", "resize", "content"];

/** What changes no plan, and so says nothing of whether the newest one was reached. */
const BESIDE_THE_PLAN: RunKind[] = ["rotate", "rotate_credentials", "sleep", "wake"];

/**
 * Whether the newest plan was fully reached once, so that what fails now is healed. A restore changes no plan either: it
 * leaves the tenant as set up as it was, whatever becomes of it.
 */
export function hasSettled({ sql }: TenantContext): boolean {
  const beside = BESIDE_THE_PLAN.map((kind) => `'${kind}'`).join(", ");
  const query = `SELECT kind, state FROM runs WHERE kind NOT IN (${beside}) AND (kind <> 'restore' OR state = 'running')
    ORDER BY position DESC LIMIT 1`;
  const [run] = sql.exec<{ kind: string; state: string }>(query).toArray();
  if (run && IN_ONE_THAT_RUNS.includes(run.kind as RunKind)) return true;
  return (run?.kind === "start" || run?.kind === "clone") && run.state === "succeeded";
}

/** Whether the tenant ever served, so that its nodes hold data. */
export function hasServed({ sql }: TenantContext): boolean {
  const query = "SELECT 1 FROM runs WHERE kind IN ('start', 'clone') AND state = 'succeeded' LIMIT 1";
  return sql.exec(query).toArray().length > 0;
}

/** Adds a step behind the others of a run. */
export function addStep({ sql }: TenantContext, operationId: string, name: StepName): void {
  sql.exec(
    `INSERT INTO steps (operation_id, position, name, state, attempts)
     SELECT operation_id, max(position) + 1, ?, 'pending', 1 FROM steps WHERE operation_id = ? GROUP BY operation_id`,
    ...[name, operationId],
  );
}

/** Ends a step for good while its run goes on with something else. */
export function failStep(ctx: TenantContext, operationId: string, name: StepName, error: ErrorBody): void {
  ctx.sql.exec(
    "UPDATE steps SET state = 'failed', finished_at = ?, error = ? WHERE operation_id = ? AND name = ?",
    ...[ctx.now(), JSON.stringify(error), operationId, name],
  );
}

/** The newest run, or null. */
export function latestRun(ctx: TenantContext): Run | null {
  const [run] = ctx.sql.exec<RunRow>("SELECT * FROM runs ORDER BY position DESC LIMIT 1").toArray();
  if (!run) return null;
  const steps = ctx.sql
    .exec<StepRow>("SELECT * FROM steps WHERE operation_id = ? ORDER BY position", run.operation_id)
    .toArray();
  return {
    operation_id: run.operation_id,
    kind: run.kind as RunKind,
    state: run.state as Run["state"],
    steps: steps.map(stepOf),
  };
}

const timeOf = (ms: number | null) => (ms === null ? null : new Date(ms).toISOString());

function stepOf(row: StepRow): Step {
  return {
    name: row.name as StepName,
    state: row.state as Step["state"],
    attempts: row.attempts,
    started_at: timeOf(row.started_at),
    finished_at: timeOf(row.finished_at),
    error: row.error ? (JSON.parse(row.error) as ErrorBody) : null,
  };
}

/** Writes a decision into the run under way. A finished run keeps what it was; healing is no part of it. */
export function recordDecision(ctx: TenantContext, decision: Decision): void {
  const run = latestRun(ctx);
  if (run?.state !== "running") return;
  // On the way back the steps that led forward stay as they ended.
  const back = run.steps.filter(({ name }) => name === "rollback");
  for (const step of back.length > 0 ? back : run.steps) recordStep(ctx, run.operation_id, step, decision);
  const finished = { going: null, reached: "succeeded", gave_up: "failed", rolled_back: "failed" }[decision.outcome];
  if (finished) ctx.sql.exec("UPDATE runs SET state = ? WHERE operation_id = ?", finished, run.operation_id);
}

function recordStep(ctx: TenantContext, operationId: string, step: Step, decision: Decision): void {
  const state = stateOf(step.name, decision);
  const current = step.name === decision.step;
  const ended = state === "succeeded" || state === "failed";
  ctx.sql.exec(
    `UPDATE steps SET state = ?, started_at = CASE WHEN ? THEN coalesce(started_at, ?) ELSE started_at END,
       finished_at = CASE WHEN ? THEN coalesce(finished_at, ?) END,
       error = CASE WHEN ? THEN ? WHEN ? THEN NULL ELSE error END
     WHERE operation_id = ? AND name = ?`,
    state,
    Number(current || ended),
    ctx.now(),
    Number(ended),
    ctx.now(),
    Number(current),
    decision.error ? JSON.stringify(decision.error) : null,
    Number(state === "succeeded"),
    operationId,
    step.name,
  );
}

function stateOf(name: StepName, decision: Decision): Step["state"] {
  if (name === decision.step) return decision.outcome === "gave_up" ? "failed" : "running";
  return decision.holding.includes(name) ? "succeeded" : "pending";
}

/** Counts an attempt of a step in the run under way. The way back counts as one, however many nodes it restarts. */
export function countAttempt(ctx: TenantContext, step: StepName): void {
  ctx.sql.exec(
    `UPDATE steps SET attempts = attempts + 1 WHERE name = ? AND name <> 'rollback'
       AND operation_id = (SELECT operation_id FROM runs WHERE state = 'running' ORDER BY position DESC LIMIT 1)`,
    step,
  );
}
