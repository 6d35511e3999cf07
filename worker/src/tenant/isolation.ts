/** The isolation receipt: which objects, keys, certificates and places are this tenant's alone, and whether it is in step. */
import { X509Certificate } from "node:crypto";
import { signReceipt } from "../auth/receipt_keys";
import { newId } from "../ids";
import type { SignedReceipt } from "../schemas/receipts";
import { dataKeys, objectIds, prefixes } from "./apart";
import { activeGeneration, type CertificateFiles, certificateView, filesOf } from "./certificates";
import type { TenantContext } from "./context";
import { whatIsNext } from "./driver";
import { nodeRows } from "./node_records";
import { portalTrail } from "./portal_trail";

/** Looks at the tenant as it is now, and signs that. @throws EdgeError TENANT_UNKNOWN, TENANT_DELETED */
export async function isolationReceipt(ctx: TenantContext): Promise<SignedReceipt> {
  const { operationId, epoch, generation, requested, observed } = ctx.requireLive();
  const { settings } = ctx;
  const statement = {
    ...{ jti: newId("rcp"), kind: "isolation", tenant: ctx.id, cell: settings.cellId, runtime: settings.runtime },
    organization: portalTrail(ctx.sql)?.organization ?? null,
    jurisdiction: ctx.env.TENANT.getByName(ctx.id).id.jurisdiction ?? null,
    ...{ plan: { operation: operationId, epoch, generation, requested, observed, sha256: planHash(ctx) } },
    objects: objectIds(ctx),
    nodes: nodeRows(ctx).map(({ role, n, state, image, instance }) => ({ role, n, state, image, instance })),
    certificates: { ...certificateView(ctx), shown: await shownCertificates(ctx) },
    data_keys: dataKeys(ctx),
    archive: prefixes(ctx.id),
    drift: drift(ctx),
  };
  return { receipt: await signReceipt(settings, statement, ctx.now()) };
}

const planHash = (ctx: TenantContext) =>
  ctx.sql.exec<{ body_hash: string }>("SELECT body_hash FROM tenant").one().body_hash;

async function shownCertificates(ctx: TenantContext) {
  const generation = activeGeneration(ctx);
  return generation === 0 ? [] : described(await filesOf(ctx, generation));
}

/** Each certificate of a bundle by file, serial and end; of a key nothing is told. */
export function described(files: CertificateFiles) {
  return Object.entries(files)
    .filter(([, pem]) => pem.startsWith("-----BEGIN CERTIFICATE-----"))
    .map(([file, pem]) => {
      const { serialNumber: serial, validTo, fingerprint256: fingerprint } = new X509Certificate(pem);
      return { file, serial, not_after: new Date(validTo).toISOString(), fingerprint };
    });
}

/** What the tenant would need next, decided now: nothing is the sign that desired and actual are the same. */
function drift(ctx: TenantContext) {
  const { action, because, observed, outcome } = whatIsNext(ctx);
  const seen = nodeRows(ctx).map(({ checked_at }) => checked_at);
  return {
    in_step: action === null && outcome === "reached",
    ...{ observed, because, next: action?.do ?? null, checked_at: new Date(ctx.now()).toISOString() },
    nodes_seen_at: seen.length > 0 ? new Date(Math.min(...seen)).toISOString() : null,
  };
}
