/**
 * The tenant's audit trail: what people, the portal and the edge itself did to it, as a chain.
 *
 * Each record names the hash of the one before. The records travel to the event stream; the chain's end stays here, with
 * the owner of what they tell of: whoever can write the stream or its archive can neither change a record nor leave one
 * out without a break. What a container says never becomes one.
 */
import { contentHash } from "../canonical";
import type { AuditAction, AuditBy, AuditHead, AuditLink } from "../schemas/audit";
import type { TenantContext } from "./context";
import { migrate } from "./schema";

const MIGRATIONS = [
  "CREATE TABLE audit_head (one INTEGER PRIMARY KEY CHECK (one = 1), position INTEGER NOT NULL, hash TEXT NOT NULL) STRICT;",
];

export const migrateAudit = (storage: DurableObjectStorage) => migrate(storage, "audit", MIGRATIONS);

/** The end of the chain; what comes next has to name it. */
export function auditHead(sql: SqlStorage): AuditHead {
  const [row] = sql.exec<{ position: number; hash: string }>("SELECT position, hash FROM audit_head").toArray();
  return row ?? { position: 0, hash: "" };
}

/** What a record says, beside its action and who did it: text, whole numbers, lists and objects; never a secret. */
export type AuditData = Record<string, unknown>;

/**
 * The next record of the chain, whose end it becomes. Call in the transaction of the change that it tells of, and hand it
 * on to the stream in the same.
 */
export function chained(ctx: TenantContext, action: AuditAction, by: AuditBy, data: AuditData): AuditData {
  const { position, hash: previous } = auditHead(ctx.sql);
  const record = { action, by, ...data };
  const link = { position: position + 1, at: new Date(ctx.now()).toISOString(), previous };
  const hash = hashOfRecord(ctx.id, link, record);
  ctx.sql.exec("INSERT OR REPLACE INTO audit_head (one, position, hash) VALUES (1, ?, ?)", link.position, hash);
  return { ...record, chain: { ...link, hash } satisfies AuditLink };
}

export function hashOfRecord(tenant: string, { position, at, previous }: Omit<AuditLink, "hash">, record: AuditData) {
  return contentHash([tenant, position, at, record, previous]);
}
