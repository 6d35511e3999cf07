/** Proofs of control writes that were used up; a second use is a replay. */
import type { TenantContext } from "./context";

/** A proof is refused by its time this long after it ended; until then its id is remembered. */
const KEPT_AFTER_END_MS = 60_000;

/**
 * Marks a proof as used.
 * @param expiresAt when the proof ends by itself, in milliseconds since 1970
 * @returns false where it was used before
 */
export function spendProof(ctx: TenantContext, jti: string, expiresAt: number): boolean {
  ctx.sql.exec("DELETE FROM spent_proofs WHERE expires_at < ?", ctx.now() - KEPT_AFTER_END_MS);
  const spent = ctx.sql.exec("INSERT OR IGNORE INTO spent_proofs (jti, expires_at) VALUES (?, ?)", jti, expiresAt);
  return spent.rowsWritten > 0;
}
