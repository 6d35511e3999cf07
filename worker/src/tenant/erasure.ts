/**
 * The certificate of an erasure: what there was is counted before anything of it goes, and signed once nothing is left.
 *
 * Counting once keeps the certificate true over a crash in the middle: a second try would find less. What is signed is
 * stored in the transaction that destroys the keys, and stays with the tombstone.
 */
import { signReceipt } from "../auth/receipt_keys";
import { EdgeError } from "../errors";
import { idFrom } from "../ids";
import type { SignedReceipt } from "../schemas/receipts";
import { archived, certificates, counted, dataKeys, objectIds, prefixes } from "./apart";
import type { TenantContext } from "./context";
import { nodeRows } from "./node_records";
import { portalTrail } from "./portal_trail";
import { migrate } from "./schema";

const MIGRATIONS = [
  "CREATE TABLE erasure (one INTEGER PRIMARY KEY CHECK (one = 1), inventory TEXT NOT NULL, receipt TEXT) STRICT;",
];

export const migrateErasure = (storage: DurableObjectStorage) => migrate(storage, "erasure", MIGRATIONS);

const DAY_MS = 24 * 3600 * 1000;
/** For so long Cloudflare can set an object's storage and D1 back for whoever operates the account. */
const POINT_IN_TIME_DAYS = 30;
const CHANGES_DAYS = 14;

type Row = { inventory: string; receipt: string | null };
const rowOf = (ctx: TenantContext) => ctx.sql.exec<Row>("SELECT inventory, receipt FROM erasure").toArray()[0] ?? null;

/** Counts what there is, unless that was done before. Call before anything is destroyed. */
export async function takeInventory(ctx: TenantContext): Promise<void> {
  if (rowOf(ctx)) return;
  const inventory = {
    organization: portalTrail(ctx.sql)?.organization ?? null,
    objects: objectIds(ctx),
    containers: nodeRows(ctx).map(({ role, n, image, start }) => ({ role, n, image, starts: start })),
    data_keys: dataKeys(ctx),
    sealed_secrets: counted(ctx, "secrets"),
    certificates: certificates(ctx),
    agents: counted(ctx, "agents"),
    enrollment_tokens: counted(ctx, "tokens"),
    backups: counted(ctx, "backups"),
    archive: { ...prefixes(ctx.id), ...(await archived(ctx)) },
  };
  ctx.sql.exec("INSERT OR IGNORE INTO erasure (one, inventory) VALUES (1, ?)", JSON.stringify(inventory));
}

/** Signs what was destroyed. @throws Error while something is left in the archive */
export async function certify(ctx: TenantContext): Promise<string> {
  const left = await archived(ctx);
  if (left.objects > 0) throw new Error(`${left.objects} objects are left under ${prefixes(ctx.id).r2}`);
  const record = ctx.record();
  const { organization, ...destroyed } = JSON.parse(rowOf(ctx)?.inventory ?? "{}") as Record<string, unknown>;
  const at = ctx.now();
  const statement = {
    ...{ jti: idFrom("rcp", `erasure ${ctx.id}`), kind: "erasure", tenant: ctx.id, organization },
    ordered_by: { operation: record?.operationId, epoch: record?.epoch, generation: record?.generation },
    ...{ erased_at: new Date(at).toISOString(), cell: ctx.settings.cellId, runtime: ctx.settings.runtime },
    ...{ destroyed, left_in_archive: left.objects, remains: remains(at) },
  };
  return signReceipt(ctx.settings, statement, at);
}

/** Call in the transaction of the erasure. */
export function keepCertificate(ctx: TenantContext, receipt: string): void {
  ctx.sql.exec("UPDATE erasure SET receipt = ?", receipt);
}

/** @throws EdgeError NOT_ERASED; TENANT_UNKNOWN where nothing was ever stored */
export function erasureCertificate(ctx: TenantContext): SignedReceipt {
  if (!ctx.record()) throw new EdgeError("TENANT_UNKNOWN", "No tenant has this id.");
  const receipt = rowOf(ctx)?.receipt;
  if (!receipt) throw new EdgeError("NOT_ERASED", "This tenant is not erased, or was before erasures were certified.");
  return { receipt };
}

/** What is left of an erased tenant, and until when; null: for good. */
function remains(at: number): { what: string; until: string | null }[] {
  const until = (days: number) => new Date(at + days * DAY_MS).toISOString();
  return [
    {
      what: "The tombstone in the tenant's object: its id, fence, last operation, this certificate and where the audit trails end.",
      until: null,
    },
    {
      what: "The edge's registry: its last view, fingerprints of destroyed certificates, and hours of use for billing.",
      until: null,
    },
    { what: "The feed of changes, by which the portal learned of it.", until: until(CHANGES_DAYS) },
    {
      what: "Cloudflare's point-in-time recovery of this object and of D1, which only the account's operator can use. Until then the wrapped data key could be brought back; the archive that it opened could not.",
      until: until(POINT_IN_TIME_DAYS),
    },
    {
      what: "The portal's record of the tenant, its operations, its audit trail and billing, and this receipt.",
      until: null,
    },
  ];
}
