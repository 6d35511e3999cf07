/** Certificate bundles of a tenant, by generation. What each is for at a time is in bundles.ts. */
import { digest } from "../ids";
import type { Plan } from "../schemas/plan";
import type { CertificateView } from "../schemas/tenant";
import { type Bundle, type BundleState, type Move, moved } from "./bundles";
import type { TenantContext } from "./context";
import { mintRequest } from "./node_env";
import type { Minted } from "./nodes/certs";
import { renewalAt } from "./renewal";

/** File name → PEM. */
export type CertificateFiles = Record<string, string>;

interface CertificateRow extends Record<string, SqlStorageValue> {
  generation: number;
  fit: string;
  minted_at: number;
  not_after: number;
  /** SHA-256 over every certificate of the bundle. */
  fingerprint: string;
  /** SHA-256 of the authority that signed them. */
  ca_fingerprint: string;
  state: BundleState;
  /** The state that the changes feed was told last. */
  told: string;
  /** The certificate (PEM) of the authority that signed it, sealed; empty where an earlier version kept the bundle. */
  authority: string;
  /** Empty once it is destroyed. */
  sealed: string;
}

/** Each bundle has an authority of its own, which signs nothing afterwards: its key is not kept. */
const KEY_OF_AUTHORITY = "root-ca.key";

/** What a bundle has to match: the names and the lifetime that the plan asks for. */
const fitOf = (plan: Plan) => digest(JSON.stringify(mintRequest(plan)));
const purposeOf = (generation: number) => `certificates:${generation}`;
const authorityPurpose = (generation: number) => `authority:${generation}`;

function ofState(ctx: TenantContext, state: BundleState): CertificateRow | null {
  return ctx.sql.exec<CertificateRow>("SELECT * FROM certificates WHERE state = ?", state).toArray()[0] ?? null;
}

/** Generation of the active bundle; 0 = none yet. */
export const activeGeneration = (ctx: TenantContext) => ofState(ctx, "active")?.generation ?? 0;

/** Whether a bundle is minted that is not active yet. */
export const hasPending = (ctx: TenantContext) => ofState(ctx, "pending") !== null;

/** Whether the active bundle is of this plan and still valid. */
export function certificateFits(ctx: TenantContext, plan: Plan): boolean {
  const row = ofState(ctx, "active");
  return row !== null && row.fit === fitOf(plan) && row.not_after > ctx.now();
}

/** When the active bundle is to be renewed, in milliseconds since 1970; in the past where it does not fit the plan. */
export function renewalDue(ctx: TenantContext, plan: Plan): number {
  const row = ofState(ctx, "active");
  return row?.fit === fitOf(plan) ? renewalAt(row.minted_at, row.not_after) : 0;
}

/**
 * Keeps a minted bundle, sealed, as the next generation. It is active at once unless it waits for its switch.
 * @param wanted asked when it is stored, for what was wanted when it was ordered may have gone meanwhile
 */
export async function keepCertificates(
  ctx: TenantContext,
  plan: Plan,
  minted: Minted,
  wanted: () => "pending" | "active" | null,
): Promise<void> {
  const generation = newest(ctx) + 1;
  const { [KEY_OF_AUTHORITY]: _key, ...files } = minted.files;
  const sealed = await ctx.seal(purposeOf(generation), JSON.stringify(files));
  const authority = await ctx.seal(authorityPurpose(generation), files["root-ca.pem"] ?? "");
  ctx.transaction(() => {
    const state = wanted();
    if (!state) return;
    ctx.sql.exec(
      `INSERT INTO certificates (generation, fit, minted_at, not_after, fingerprint, ca_fingerprint, state, told, authority, sealed)
       VALUES (?, ?, ?, ?, ?, ?, 'pending', '', ?, ?)`,
      ...[generation, fitOf(plan), ctx.now(), Date.parse(minted.not_after), fingerprintOf(files), minted.fingerprint],
      ...[authority, sealed],
    );
    // Nodes that a plan's change restarts come up with the new bundle: there is no way back to keep more than one for.
    if (state === "active") for (const move of ["switch", "finish"] as const) moveCertificates(ctx, move);
  });
}

const newest = (ctx: TenantContext) =>
  ctx.sql.exec<{ n: number }>("SELECT coalesce(max(generation), 0) AS n FROM certificates").one().n;

function fingerprintOf(files: CertificateFiles): string {
  const certificates = Object.entries(files).filter(([name]) => name.endsWith(".pem") && !name.endsWith("-key.pem"));
  return digest(JSON.stringify(certificates.sort(([a], [b]) => (a < b ? -1 : 1))));
}

/** Call inside a transaction. A bundle that is destroyed leaves its description. */
export function moveCertificates(ctx: TenantContext, move: Move): void {
  const before = ctx.sql.exec<Bundle & Record<string, SqlStorageValue>>("SELECT generation, state FROM certificates");
  for (const { generation, state } of moved(before.toArray(), move)) {
    ctx.sql.exec("UPDATE certificates SET state = ? WHERE generation = ?", state, generation);
  }
  ctx.sql.exec("UPDATE certificates SET sealed = '' WHERE state = 'destroyed'");
  // Nodes may still show certificates of a bundle that was just turned back from.
  ctx.sql.exec(
    "UPDATE certificates SET authority = '' WHERE state = 'destroyed' AND generation < (SELECT max(generation) FROM certificates)",
  );
}

/**
 * Certificates of every authority that signed a bundle which a node may have: while an exchange or its way back is under way,
 * nodes of one cluster show certificates of two. An authority's key is thrown away when its bundle is minted.
 */
export async function authoritiesOf(ctx: TenantContext): Promise<string> {
  const query = `SELECT * FROM certificates WHERE state <> 'destroyed'
    OR generation = (SELECT max(generation) FROM certificates) ORDER BY generation DESC`;
  const rows = ctx.sql.exec<CertificateRow>(query).toArray();
  const authorities = await Promise.all(
    rows.map(async ({ generation, state, authority }) => {
      if (authority !== "") return ctx.open(authorityPurpose(generation), authority);
      return state === "destroyed" ? "" : ((await filesOf(ctx, generation))["root-ca.pem"] ?? "");
    }),
  );
  return authorities.join("");
}

/** The generation of a bundle that is to take over, or null. */
export const pendingGeneration = (ctx: TenantContext) => ofState(ctx, "pending")?.generation ?? null;

/** @throws Error for a generation that was never there or is destroyed */
export async function filesOf(ctx: TenantContext, generation: number): Promise<CertificateFiles> {
  const query = "SELECT sealed FROM certificates WHERE generation = ? AND state <> 'destroyed'";
  const row = ctx.sql.exec<{ sealed: string }>(query, generation).toArray()[0];
  if (!row) throw new Error(`there is no certificate bundle ${generation}`);
  return JSON.parse(await ctx.open(purposeOf(generation), row.sealed)) as CertificateFiles;
}

/** Tells the feed, and by it D1's registry, of every bundle whose state it does not know. Call inside a transaction. */
export function publishCertificates(ctx: TenantContext): void {
  const news = ctx.sql.exec<CertificateRow>("SELECT * FROM certificates WHERE told <> state ORDER BY generation");
  for (const { generation, state, fingerprint, ca_fingerprint, minted_at, not_after } of news.toArray()) {
    ctx.publish("certificate", { generation, state, fingerprint, ca_fingerprint, minted_at, not_after });
    ctx.sql.exec("UPDATE certificates SET told = state WHERE generation = ?", generation);
  }
}

export function certificateView(ctx: TenantContext): CertificateView | null {
  const row = ofState(ctx, "active");
  if (!row) return null;
  const { generation, fingerprint, ca_fingerprint, minted_at, not_after } = row;
  return {
    generation,
    fingerprint,
    ca_fingerprint,
    not_after: iso(not_after),
    renew_at: iso(renewalAt(minted_at, not_after)),
  };
}

const iso = (ms: number) => new Date(ms).toISOString();
