/**
 * The tenant's generated credentials, by generation: all of them are exchanged together, and each node is started with one
 * generation of them. What a generation is for at a time is in bundles.ts; values lie sealed in `secrets`.
 */
import type { Role } from "../schemas/plan";
import type { CredentialsView } from "../schemas/tenant";
import { type Bundle, type BundleState, type Move, moved } from "./bundles";
import type { TenantContext } from "./context";
import { migrate } from "./schema";

const MIGRATIONS = [
  `CREATE TABLE credentials (generation INTEGER PRIMARY KEY, state TEXT NOT NULL, since INTEGER NOT NULL) STRICT;
   INSERT INTO credentials VALUES (1, 'active', 0);
   ALTER TABLE secrets RENAME TO first_secrets;
   CREATE TABLE secrets (
     name TEXT NOT NULL, generation INTEGER NOT NULL, sealed TEXT NOT NULL, PRIMARY KEY (name, generation)
   ) STRICT, WITHOUT ROWID;
   INSERT INTO secrets SELECT name, 1, sealed FROM first_secrets;
   DROP TABLE first_secrets;
   ALTER TABLE nodes ADD COLUMN credentials INTEGER NOT NULL DEFAULT 1;`,
];

export const migrateCredentials = (storage: DurableObjectStorage) => migrate(storage, "credentials", MIGRATIONS);

function generationOf(ctx: TenantContext, state: BundleState): number | null {
  const query = "SELECT generation FROM credentials WHERE state = ?";
  return ctx.sql.exec<{ generation: number }>(query, state).toArray()[0]?.generation ?? null;
}

/** The generation that nodes are started with; 0 once the tenant is erased. */
export const activeCredentials = (ctx: TenantContext) => generationOf(ctx, "active") ?? 0;
export const hasPendingCredentials = (ctx: TenantContext) => generationOf(ctx, "pending") !== null;
/** While one is exchanged for the other: the generation that must not open anything. */
export const formerCredentials = (ctx: TenantContext) => generationOf(ctx, "previous");

/** The generation that a node was started with, and so what it lets in; the active one where that is gone. */
export function credentialsAt(ctx: TenantContext, role: Role, n = 0): number {
  const query = `SELECT generation FROM nodes JOIN credentials ON generation = credentials
    WHERE role = ? AND n = ? AND credentials.state IN ('active', 'previous')`;
  return ctx.sql.exec<{ generation: number }>(query, role, n).toArray()[0]?.generation ?? activeCredentials(ctx);
}

/** Keeps a new value of every credential, sealed, as the next generation. @param wanted asked when they are stored */
export async function generateCredentials(ctx: TenantContext, wanted: () => boolean): Promise<void> {
  const { n } = ctx.sql.exec<{ n: number }>("SELECT max(generation) AS n FROM credentials").one();
  const generation = n + 1;
  const made = await ctx.newSecrets(generation);
  ctx.transaction(() => {
    if (hasPendingCredentials(ctx) || !wanted()) return;
    ctx.sql.exec("INSERT INTO credentials (generation, state, since) VALUES (?, 'pending', ?)", generation, ctx.now());
    for (const [name, sealed] of made)
      ctx.sql.exec("INSERT INTO secrets (name, generation, sealed) VALUES (?, ?, ?)", name, generation, sealed);
  });
}

/** Call inside a transaction. Of a generation that is destroyed no value is left. */
export function moveCredentials(ctx: TenantContext, move: Move): void {
  const before = ctx.sql.exec<Bundle & Record<string, SqlStorageValue>>("SELECT generation, state FROM credentials");
  for (const { generation, state } of moved(before.toArray(), move)) {
    ctx.sql.exec("UPDATE credentials SET state = ? WHERE generation = ?", state, generation);
  }
  ctx.sql.exec(
    "DELETE FROM secrets WHERE generation IN (SELECT generation FROM credentials WHERE state = 'destroyed')",
  );
}

/** Never a value. */
export function credentialsView(ctx: TenantContext): CredentialsView | null {
  const query = "SELECT generation, since FROM credentials WHERE state = 'active'";
  const [row] = ctx.sql.exec<{ generation: number; since: number }>(query).toArray();
  if (!row) return null;
  // The first generation is as old as the tenant.
  return { generation: row.generation, rotated_at: row.since === 0 ? null : new Date(row.since).toISOString() };
}
