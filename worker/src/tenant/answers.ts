import { EdgeError } from "../errors";
import { digest } from "../ids";
import type { TenantContext } from "./context";

const HOUR_MS = 3600 * 1000;
const REMEMBERED_MS = 24 * HOUR_MS;

/**
 * Does a call that carries an idempotency key once: the same key and request again gets the same answer.
 *
 * Answers may hold a secret, so they lie sealed. `work` itself must bear to run twice, for a crash between it and its
 * remembered answer.
 *
 * @throws EdgeError IDEMPOTENCY_CONFLICT for the same key with another request
 */
export async function once<Answer>(
  ctx: TenantContext,
  key: string,
  request: unknown,
  work: () => Promise<Answer> | Answer,
): Promise<Answer> {
  const fingerprint = digest(JSON.stringify(request));
  // Calls that race under one key take turns, so that the second finds the answer of the first.
  const turn = (turns.get(ctx) ?? new Map<string, Promise<unknown>>()) as Map<string, Promise<Answer>>;
  turns.set(ctx, turn);
  const before = turn.get(key) ?? Promise.resolve();
  const mine = before.then(ignore, ignore).then(() => answerOnce(ctx, key, fingerprint, work));
  turn.set(key, mine);
  return mine.finally(() => {
    if (turn.get(key) === mine) turn.delete(key);
  });
}

const turns = new WeakMap<TenantContext, Map<string, Promise<unknown>>>();

/** Whoever waits for its turn does not care how the one before it ended. */
function ignore(): void {}

async function answerOnce<Answer>(
  ctx: TenantContext,
  key: string,
  fingerprint: string,
  work: () => Promise<Answer> | Answer,
): Promise<Answer> {
  const query = "SELECT request_sha256, answer FROM answers WHERE key = ?";
  const known = ctx.sql.exec<{ request_sha256: string; answer: string }>(query, key).toArray()[0];
  if (known && known.request_sha256 !== fingerprint) {
    throw new EdgeError("IDEMPOTENCY_CONFLICT", "this idempotency key was used for another request");
  }
  if (known) return JSON.parse(await ctx.open(purpose(key), known.answer)) as Answer;
  const answer = await work();
  const sealed = await ctx.seal(purpose(key), JSON.stringify(answer));
  const until = ctx.now() + REMEMBERED_MS;
  const values = [key, fingerprint, sealed, until] as const;
  ctx.sql.exec("INSERT INTO answers (key, request_sha256, answer, until) VALUES (?, ?, ?, ?)", ...values);
  schedulePrune(ctx, until);
  return answer;
}

/**
 * Has expired rows removed within two hours after `at`; one row of the due table an hour, however many ask. Each tenant has
 * its own minute, so that they do not all wake at the full hour.
 */
export function schedulePrune(ctx: TenantContext, at: number): void {
  const hour = Math.ceil(at / HOUR_MS);
  const minute = Number.parseInt(digest(ctx.id).slice(0, 8), 16) % HOUR_MS;
  ctx.schedule("prune_access", hour * HOUR_MS + minute, String(hour));
}

const purpose = (key: string) => `answer:${key}`;
