/** Certificate bundles of a tenant, by generation. */
import { digest } from "../ids";
import type { CertificateView, Plan } from "../schemas";
import type { TenantContext } from "./context";
import { mintRequest } from "./node_env";
import type { Minted } from "./nodes/certs";

/** File name → PEM. */
export type CertificateFiles = Record<string, string>;

interface CertificateRow extends Record<string, SqlStorageValue> {
  generation: number;
  fit: string;
  not_after: number;
  fingerprint: string;
  sealed: string;
}

/** What a bundle has to match: the names and the lifetime that the plan asks for. */
const fitOf = (plan: Plan) => digest(JSON.stringify(mintRequest(plan)));
const purposeOf = (generation: number) => `certificates:${generation}`;

function newest(ctx: TenantContext): CertificateRow | null {
  return (
    ctx.sql.exec<CertificateRow>("SELECT * FROM certificates ORDER BY generation DESC LIMIT 1").toArray()[0] ?? null
  );
}

/** Generation of the active bundle; 0 = none yet. */
export const activeGeneration = (ctx: TenantContext) => newest(ctx)?.generation ?? 0;

/** Whether the active bundle is of this plan and still valid. */
export function certificateFits(ctx: TenantContext, plan: Plan): boolean {
  const row = newest(ctx);
  return row !== null && row.fit === fitOf(plan) && row.not_after > ctx.now();
}

/** Keeps a minted bundle, sealed, as the next generation. */
export async function keepCertificates(ctx: TenantContext, plan: Plan, minted: Minted): Promise<void> {
  const generation = activeGeneration(ctx) + 1;
  const sealed = await ctx.seal(purposeOf(generation), JSON.stringify(minted.files));
  ctx.sql.exec(
    "INSERT INTO certificates (generation, fit, not_after, fingerprint, sealed) VALUES (?, ?, ?, ?, ?)",
    generation,
    fitOf(plan),
    Date.parse(minted.not_after),
    minted.fingerprint,
    sealed,
  );
}

export async function activeFiles(ctx: TenantContext): Promise<CertificateFiles | null> {
  const row = newest(ctx);
  if (!row) return null;
  return JSON.parse(await ctx.open(purposeOf(row.generation), row.sealed)) as CertificateFiles;
}

export function certificateView(ctx: TenantContext): CertificateView | null {
  const row = newest(ctx);
  if (!row) return null;
  const { generation, fingerprint } = row;
  return { generation, fingerprint, not_after: new Date(row.not_after).toISOString() };
}
