/** Failures in a row of each piece of work, with the time of its next attempt. */
import { asEdgeError, type ErrorBody, type ErrorCode, errorBody, messageOf } from "../errors";
import { pauseAfter } from "./backoff";
import type { TenantContext } from "./context";
import type { Effort } from "./facts";

const NONE: Effort = { failures: 0, retryAt: 0, error: null };

export function effortOf(ctx: TenantContext, subject: string): Effort {
  const [row] = ctx.sql
    .exec<{ failures: number; retry_at: number; error: string | null }>(
      "SELECT failures, retry_at, error FROM efforts WHERE subject = ?",
      subject,
    )
    .toArray();
  if (!row) return NONE;
  return {
    failures: row.failures,
    retryAt: row.retry_at,
    error: row.error ? (JSON.parse(row.error) as ErrorBody) : null,
  };
}

/** Counts a failure and sets the pause before the next attempt. */
export function countFailure(ctx: TenantContext, subject: string, error: ErrorBody): void {
  const failures = effortOf(ctx, subject).failures + 1;
  keep(ctx, subject, { failures, retryAt: ctx.now() + pauseAfter(failures, Math.random()), error });
}

/** Has the next attempt wait without counting a failure. */
export function postpone(ctx: TenantContext, subject: string, ms: number, error: ErrorBody): void {
  keep(ctx, subject, { failures: effortOf(ctx, subject).failures, retryAt: ctx.now() + ms, error });
}

function keep(ctx: TenantContext, subject: string, { failures, retryAt, error }: Effort): void {
  ctx.sql.exec(
    "INSERT OR REPLACE INTO efforts (subject, failures, retry_at, error) VALUES (?, ?, ?, ?)",
    ...[subject, failures, retryAt, JSON.stringify(error)],
  );
}

/** The work succeeded: its failures no longer count. */
export function clearEffort(ctx: TenantContext, subject: string): void {
  ctx.sql.exec("DELETE FROM efforts WHERE subject = ?", subject);
}

export function clearEfforts(ctx: TenantContext): void {
  ctx.sql.exec("DELETE FROM efforts");
}

/** An error as a step shows it; what nobody expected gets the code of the work that met it. */
export function stepError(error: unknown, otherwise: ErrorCode): ErrorBody {
  const known = asEdgeError(error);
  return errorBody(known?.code ?? otherwise, messageOf(error), known?.details);
}
