/** Certificates that agents may show in place of their connector's credential. Whose it is was named at the enrollment. */
import type { TenantContext } from "./context";
import { migrate } from "./schema";

const MIGRATIONS = ["CREATE TABLE pins (sha256 TEXT PRIMARY KEY, agent TEXT NOT NULL UNIQUE) STRICT, WITHOUT ROWID;"];

/** Brings the tables up to date; runs in the object's constructor. */
export const migratePins = (storage: DurableObjectStorage) => migrate(storage, "pins", MIGRATIONS);

/** Call in the transaction that makes the agent. @param sha256 of the certificate, in hex */
export function pin(ctx: TenantContext, sha256: string, agent: string): void {
  ctx.sql.exec("INSERT INTO pins (sha256, agent) VALUES (?, ?)", sha256, agent);
}

/** The agent that a certificate stands for. */
export function agentPinnedTo(ctx: TenantContext, sha256: string): string | null {
  const query = "SELECT agent FROM pins WHERE sha256 = ?";
  return ctx.sql.exec<{ agent: string }>(query, sha256).toArray()[0]?.agent ?? null;
}

export function pinOf(ctx: TenantContext, agent: string): string | null {
  const query = "SELECT sha256 FROM pins WHERE agent = ?";
  return ctx.sql.exec<{ sha256: string }>(query, agent).toArray()[0]?.sha256 ?? null;
}
