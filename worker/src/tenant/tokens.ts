import { timingSafeEqual } from "node:crypto";
import { contentHash } from "../canonical";
import { EdgeError } from "../errors";
import type { TenantContext } from "./context";

/** A token as the control plane defines it; the secret itself never comes here. */
export interface TokenDefinition {
  name: string;
  secret_sha256: string;
  /** ISO time. */
  expires_at: string;
  max_uses: number;
  groups: string[];
  labels: Record<string, string>;
  /** Agents that it lets in, by name; empty: any. */
  names: string[];
  /** 32 bytes in hex, by which agents of Wazuh 5 prove the token without sending it; missing: they can't. */
  wazuh5_key?: string | undefined;
}

export type TokenState = "active" | "expired" | "used_up" | "revoked";

export interface TokenView {
  id: string;
  uses: number;
  max_uses: number;
  state: TokenState;
  expires_at: string;
  /** From when on it is refused, also where that lies ahead; null: not before it expires. */
  revoked_at: string | null;
}

/** Why a token is not good, as the changes feed names it. */
export type RefusalReason = "expired" | "used_up" | "revoked" | "unknown" | "clock";

export type TokenRow = {
  id: string;
  name: string;
  secret_sha256: string;
  expires_at: number;
  max_uses: number;
  uses: number;
  groups: string;
  labels: string;
  names: string;
  revoked_at: number | null;
  last_used_at: number | null;
  /** Sealed. */
  wazuh5_key: string | null;
};

/**
 * Stores a token. The same definition again changes nothing.
 * @throws EdgeError TOKEN_CONFLICT when the id already stands for another definition
 */
export async function putToken(
  ctx: TenantContext,
  id: string,
  epoch: number,
  definition: TokenDefinition,
): Promise<TokenView> {
  const { wazuh5_key, ...told } = definition;
  // Sealing waits, so it comes before anything is looked at.
  const sealed = wazuh5_key === undefined ? null : await ctx.seal(wazuh5Purpose(id), wazuh5_key);
  return store(ctx, id, epoch, told, sealed);
}

/** What a token's key for agents of Wazuh 5 is sealed for. */
export const wazuh5Purpose = (id: string) => `token:${id}`;

type Told = Omit<TokenDefinition, "wazuh5_key">;

function store(ctx: TenantContext, id: string, epoch: number, definition: Told, sealed: string | null): TokenView {
  // A token may be asked for in the moment between a tenant's birth in the control plane and its first spec here.
  if (ctx.record()) ctx.requireLive(epoch);
  else ctx.fence(epoch);
  const known = tokenRow(ctx, id);
  if (known && !sameDefinition(known, definition)) {
    throw new EdgeError("TOKEN_CONFLICT", `token ${id} exists with another definition`);
  }
  if (!known) ctx.transaction(() => register(ctx, id, definition, sealed));
  return tokenView(ctx, id);
}

/**
 * Withdraws a token; enrolled agents stay. Again changes nothing.
 * @param at ISO time from which on it is refused; missing or past: from now on. A moment once set can only come earlier.
 */
export function revokeToken(ctx: TenantContext, id: string, epoch: number, at?: string): TokenView {
  ctx.fence(epoch);
  tokenView(ctx, id);
  ctx.transaction(() => withdraw(ctx, id, Math.max(at === undefined ? 0 : Date.parse(at), ctx.now())));
  return tokenView(ctx, id);
}

/** Withdraws a token from a moment on. Call inside a transaction. */
export function withdraw(ctx: TenantContext, id: string, at = ctx.now()): void {
  const revoked = ctx.sql.exec(
    "UPDATE tokens SET revoked_at = ? WHERE id = ? AND (revoked_at IS NULL OR revoked_at > ?)",
    ...[at, id, at],
  );
  if (revoked.rowsWritten > 0) tellRevoked(ctx, id, at);
}

/** @throws EdgeError TOKEN_NOT_FOUND */
export function tokenView(ctx: TenantContext, id: string): TokenView {
  const row = tokenRow(ctx, id);
  if (!row) throw new EdgeError("TOKEN_NOT_FOUND", `there is no token ${id} in this tenant`);
  return asView(row, ctx.now());
}

export function tokenRow(ctx: TenantContext, id: string): TokenRow | null {
  return ctx.sql.exec<TokenRow>("SELECT * FROM tokens WHERE id = ?", id).toArray()[0] ?? null;
}

/**
 * Why a presented token is not good, or null.
 * @param secretDigest SHA-256 hex of the whole token text
 */
export function refusalOf(row: TokenRow | null, secretDigest: string, now: number): RefusalReason | null {
  // A wrong secret and a wrong id look the same, and take the same time.
  if (!row || !timingSafeEqual(Buffer.from(row.secret_sha256), Buffer.from(secretDigest))) return "unknown";
  const { state } = asView(row, now);
  return state === "active" ? null : state;
}

/** Whether a token is for an agent of this name. */
export function letsIn(row: TokenRow | null, name: string): boolean {
  const names = JSON.parse(row?.names ?? "[]") as string[];
  return names.length === 0 || names.includes(name);
}

/** Counts one use, if one is left at this moment. Call inside the transaction that gives something for it. */
export function spendUse(ctx: TenantContext, id: string): boolean {
  const now = ctx.now();
  const spent = ctx.sql.exec(
    `UPDATE tokens SET uses = uses + 1, last_used_at = ?
     WHERE id = ? AND uses < max_uses AND (revoked_at IS NULL OR revoked_at > ?) AND expires_at > ? RETURNING uses`,
    ...[now, id, now, now],
  );
  return spent.toArray().length === 1;
}

/** Tells the feed what a token is worth now. */
export function publishToken(ctx: TenantContext, id: string): void {
  const lastUsed = tokenRow(ctx, id)?.last_used_at ?? null;
  const last_used_at = lastUsed === null ? null : isoTime(lastUsed);
  ctx.publish("token", { ...tokenView(ctx, id), last_used_at });
}

/** A tenant that is being deleted tells its stream nothing more: it is erased. */
function tellRevoked(ctx: TenantContext, id: string, at: number): void {
  publishToken(ctx, id);
  if (ctx.isLive()) ctx.audit("token.revoked", "portal", { token: id, at: new Date(at).toISOString() });
}

function register(ctx: TenantContext, id: string, token: Told, sealed: string | null): void {
  insert(ctx, id, token, sealed);
  const { name, expires_at, max_uses, groups } = token;
  ctx.audit("token.registered", "portal", { token: id, name, expires_at, max_uses, groups });
}

function insert(ctx: TenantContext, id: string, token: Told, sealed: string | null): void {
  ctx.sql.exec(
    `INSERT INTO tokens (id, name, secret_sha256, expires_at, max_uses, groups, labels, names, wazuh5_key)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ...[id, token.name, token.secret_sha256, Date.parse(token.expires_at), token.max_uses],
    ...[JSON.stringify(token.groups), JSON.stringify(token.labels), JSON.stringify(token.names), sealed],
  );
}

/** All but the name, which people may change: nothing is judged by it. */
function sameDefinition(row: TokenRow, { name: _, ...token }: Told): boolean {
  const { secret_sha256, expires_at, max_uses } = row;
  const groups = JSON.parse(row.groups) as string[];
  const labels = JSON.parse(row.labels) as Record<string, string>;
  const names = JSON.parse(row.names) as string[];
  const stored = { secret_sha256, expires_at, max_uses, groups, labels, names };
  return contentHash(stored) === contentHash({ ...token, expires_at: Date.parse(token.expires_at) });
}

function asView(row: TokenRow, now: number): TokenView {
  const { id, uses, max_uses } = row;
  const [expires_at, revoked_at] = [isoTime(row.expires_at), row.revoked_at === null ? null : isoTime(row.revoked_at)];
  return { id, uses, max_uses, state: stateOf(row, now), expires_at, revoked_at };
}

const isoTime = (milliseconds: number) => new Date(milliseconds).toISOString();

function stateOf(row: TokenRow, now: number): TokenState {
  if (row.revoked_at !== null && row.revoked_at <= now) return "revoked";
  if (row.uses >= row.max_uses) return "used_up";
  return row.expires_at <= now ? "expired" : "active";
}
