/**
 * Where the portal's trail of the tenant's organization ended, as the portal told it.
 *
 * Each end becomes a record of this tenant's own trail: whoever cuts the portal's trail off later, or writes it anew,
 * can't take back what stands here.
 */
import { EdgeError } from "../errors";
import type { PortalTrail, TellTrail, TrailEnds } from "../schemas/audit";
import { auditHead } from "./audit";
import type { TenantContext } from "./context";
import { migrate } from "./schema";

const MIGRATIONS = [
  `CREATE TABLE portal_trail (
     one INTEGER PRIMARY KEY CHECK (one = 1), organization TEXT NOT NULL, position INTEGER NOT NULL, hash TEXT NOT NULL
   ) STRICT;`,
];

export const migratePortalTrail = (storage: DurableObjectStorage) => migrate(storage, "portal_trail", MIGRATIONS);

/** The farthest end that was told; null before the first. */
export function portalTrail(sql: SqlStorage): PortalTrail | null {
  return (
    sql
      .exec<PortalTrail & Record<string, SqlStorageValue>>("SELECT organization, position, hash FROM portal_trail")
      .toArray()[0] ?? null
  );
}

/**
 * Keeps an end that is farther than what is known. An earlier one changes nothing: the answer shows that it is behind.
 * @throws EdgeError TRAIL_FORKED where the same entry has another hash, TENANT_UNKNOWN, TENANT_DELETED, STALE_EPOCH
 */
export function notePortalTrail(ctx: TenantContext, { epoch, ...told }: TellTrail): TrailEnds {
  ctx.requireLive(epoch);
  const known = portalTrail(ctx.sql);
  if (known && isAnother(known, told))
    throw new EdgeError("TRAIL_FORKED", `Entry ${known.position} of ${known.organization} was told with another hash.`);
  if (!known || told.position > known.position) keep(ctx, told);
  return { portal_trail: known && known.position > told.position ? known : told, audit: auditHead(ctx.sql) };
}

const isAnother = (known: PortalTrail, told: PortalTrail) =>
  known.organization !== told.organization || (known.position === told.position && known.hash !== told.hash);

function keep(ctx: TenantContext, { organization, position, hash }: PortalTrail): void {
  ctx.transaction(() => {
    ctx.sql.exec(
      "INSERT OR REPLACE INTO portal_trail (one, organization, position, hash) VALUES (1, ?, ?, ?)",
      ...[organization, position, hash],
    );
    ctx.audit("trail.noted", "portal", { organization, portal_position: position, portal_hash: hash });
  });
}
