/**
 * The recycle bin: a tenant that was deleted, is stopped and keeps everything until it is erased or undeleted. Its event
 * log can be read; nobody else comes in meanwhile, and whoever proves to belong to it is told why.
 */
import { EdgeError } from "../errors";
import type { PutTenant } from "../schemas/orders";
import type { TenantContext } from "./context";
import { migrate } from "./schema";

const MIGRATIONS = ["CREATE TABLE bin (one INTEGER PRIMARY KEY CHECK (one = 1), erases_at TEXT NOT NULL) STRICT;"];

export const migrateBin = (storage: DurableObjectStorage) => migrate(storage, "bin", MIGRATIONS);

/** Puts the tenant into the bin, or out of it. Call in the intent's transaction. */
export function noteBin(ctx: TenantContext, bin: PutTenant["bin"]): void {
  ctx.sql.exec("DELETE FROM bin");
  if (bin) ctx.sql.exec("INSERT INTO bin (one, erases_at) VALUES (1, ?)", bin.erases_at);
}

const erasesAt = (ctx: TenantContext) =>
  ctx.sql.exec<{ erases_at: string }>("SELECT erases_at FROM bin").toArray()[0]?.erases_at ?? null;

export const isBinned = (ctx: TenantContext) => erasesAt(ctx) !== null;

/** Call once it is proven who asks: a stranger is not told what becomes of a tenant. @throws EdgeError TENANT_BINNED */
export function refuseBinned(ctx: TenantContext): void {
  const until = erasesAt(ctx);
  if (until === null) return;
  throw new EdgeError("TENANT_BINNED", `This tenant was deleted; it lies in the recycle bin until ${until}.`);
}
