import { sourceOf } from "../auth/address";
import { type AccessClaims, type DashboardRole, type DashboardVariant, MAX_ACCESS_MS, variantOf } from "../auth/claims";
import { type Networks, requireFrom } from "../auth/networks";
import { dashboardOrigin } from "../bindings";
import { EdgeError } from "../errors";
import { digest, makeToken, randomBase32, randomBase62 } from "../ids";
import { once, schedulePrune } from "./answers";
import { refuseBinned } from "./bin";
import type { TenantContext } from "./context";
import { noteComing } from "./idle";
import { noteGuess, refuseGuesser, spend } from "./rates";
import { isRevoked } from "./revocations";
import { mustWait, rouse, type Waking, wakingView } from "./sleep";

/** Who is to get into the dashboard, as the portal vouches for it. */
export interface CodeRequest {
  epoch: number;
  idempotency_key: string;
  user: { id: string; email: string };
  role: DashboardRole;
  /** Missing: what the role gets by itself. */
  variant?: DashboardVariant | undefined;
  organization: string;
  grant: string | null;
  connection: string | null;
  /** The portal's session; when that ends, so does this. */
  session: string;
  /** ISO time after which the right ends whatever happens. */
  ends_at: string;
  networks: Networks;
  /** Where in the dashboard it opens; missing: at its first page. */
  path?: string | undefined;
}

export interface CodeAnswer {
  code: string;
  post_to: string;
  expires_at: string;
}

/** What a dashboard session knows. */
export interface SessionClaims extends AccessClaims {
  email: string;
  role: DashboardRole;
  /** Missing in sessions of the version before. */
  variant?: DashboardVariant;
}

/** What the dashboard door needs for one request. */
export interface SessionView {
  claims: SessionClaims;
  /** How many dashboard nodes there are. */
  dashboards: number;
  /** The tenant slept and is not back yet; missing from objects of the version before. */
  away?: boolean;
}

/** `path` is where in the dashboard it opens, and missing where that was not said. */
export type Redeemed = { secret: string; endsAt: number; path?: string } | { refused: "unknown" | "expired" | "used" };

export const CODE_LIFE_MS = 30_000;

/**
 * Makes a one-time code for the tenant's dashboard. Only its hash is kept.
 * @returns the code, and the address on the tenant's own origin that it is posted to
 * @throws EdgeError ACCESS_ENDED, IDEMPOTENCY_CONFLICT, RATE_LIMITED, TENANT_BINNED
 */
export function makeCode(ctx: TenantContext, request: CodeRequest): Promise<CodeAnswer> {
  ctx.requireLive(request.epoch);
  refuseBinned(ctx);
  spend(ctx, "codes_per_tenant");
  return once(ctx, `code:${request.idempotency_key}`, request, () => {
    const now = ctx.now();
    const endsAt = Math.min(Date.parse(request.ends_at), now + MAX_ACCESS_MS);
    if (endsAt <= now) throw new EdgeError("ACCESS_ENDED", "the access that was asked for has ended already");
    const code = makeToken("code", ctx.id, randomBase32(10));
    ctx.sql.exec(
      "INSERT INTO codes (sha256, claims, expires_at) VALUES (?, ?, ?)",
      ...[digest(code), JSON.stringify({ ...claimsOf(request, now, endsAt), path: request.path }), now + CODE_LIFE_MS],
    );
    const { id: user } = request.user;
    const { role, organization, grant } = request;
    ctx.audit("dashboard.opening_asked", "portal", { user, role, variant: variantOf(request), organization, grant });
    schedulePrune(ctx, endsAt);
    const post_to = `${dashboardOrigin(ctx.settings, ctx.id)}/session`;
    return { code, post_to, expires_at: new Date(now + CODE_LIFE_MS).toISOString() };
  });
}

/**
 * Turns a code into a session, once.
 * @param codeDigest SHA-256 hex of the whole code
 * @param address where it was posted from
 * @returns the session's secret, or why there is none
 * @throws EdgeError RATE_LIMITED, ADDRESS_REFUSED, TENANT_BINNED
 */
export function redeemCode(ctx: TenantContext, codeDigest: string, address: string): Redeemed {
  ctx.requireLive();
  const source = sourceOf(address);
  refuseGuesser(ctx, "session_guesses", source);
  const redeemed = turnedIn(ctx, codeDigest, address);
  if ("refused" in redeemed && redeemed.refused === "unknown") noteGuess(ctx, "session_guesses", source);
  return redeemed;
}

function turnedIn(ctx: TenantContext, codeDigest: string, address: string): Redeemed {
  return ctx.transaction(() => {
    type Row = { claims: string; expires_at: number; used_at: number | null };
    const row = ctx.sql
      .exec<Row>("SELECT claims, expires_at, used_at FROM codes WHERE sha256 = ?", codeDigest)
      .toArray()[0];
    if (!row) return { refused: "unknown" };
    spend(ctx, "sessions_per_tenant");
    if (row.used_at !== null) return { refused: "used" };
    if (row.expires_at <= ctx.now()) return { refused: "expired" };
    const { path, ...claims } = JSON.parse(row.claims) as SessionClaims & { path?: string };
    requireFrom(claims.networks, address);
    refuseBinned(ctx);
    ctx.sql.exec("UPDATE codes SET used_at = ? WHERE sha256 = ?", ctx.now(), codeDigest);
    noteComing(ctx);
    rouse(ctx, OPENED);
    const opened = openSession(ctx, claims);
    return path === undefined || "refused" in opened ? opened : { ...opened, path };
  });
}

/** The same for a request that is to be carried: it wakes a tenant that sleeps. @throws EdgeError TENANT_BINNED */
export function useSession(ctx: TenantContext, secretDigest: string, address: string): SessionView | null {
  const session = findSession(ctx, secretDigest, address);
  if (!session) return null;
  refuseBinned(ctx);
  noteComing(ctx);
  rouse(ctx, OPENED);
  return { ...session, away: mustWait(ctx, "dashboard") };
}

const OPENED = "Somebody opened the dashboard.";

/** How far a tenant that slept is, for the session that waits for it; null for none. */
export const waitingSession = (ctx: TenantContext, secretDigest: string, address: string): Waking | null =>
  useSession(ctx, secretDigest, address) && wakingView(ctx);

/**
 * The session behind a cookie, or null when it is unknown, over, or withdrawn.
 * @param address where the cookie came from
 * @throws EdgeError ADDRESS_REFUSED
 */
function findSession(ctx: TenantContext, secretDigest: string, address: string): SessionView | null {
  const record = ctx.record();
  if (!record || record.deleted) return null;
  const query = "SELECT claims FROM sessions WHERE sha256 = ? AND ends_at > ?";
  const row = ctx.sql.exec<{ claims: string }>(query, secretDigest, ctx.now()).toArray()[0];
  if (!row) return null;
  const dashboards = record.plan?.roles.dashboard.count ?? 1;
  const claims = JSON.parse(row.claims) as SessionClaims;
  requireFrom(claims.networks, address);
  return { claims, dashboards };
}

/** Forgets what can no longer be used; runs from the due table. */
export function pruneAccess(ctx: TenantContext): void {
  const now = ctx.now();
  ctx.transaction(() => {
    ctx.sql.exec("DELETE FROM codes WHERE expires_at <= ?", now);
    ctx.sql.exec("DELETE FROM sessions WHERE ends_at <= ?", now);
    ctx.sql.exec("DELETE FROM revocations WHERE until <= ?", now);
    ctx.sql.exec("DELETE FROM answers WHERE until <= ?", now);
  });
}

function openSession(ctx: TenantContext, claims: SessionClaims): Redeemed {
  if (isRevoked(ctx, claims) || claims.endsAt <= ctx.now()) return { refused: "expired" };
  const secret = randomBase62(43);
  ctx.sql.exec(
    "INSERT INTO sessions (sha256, claims, ends_at) VALUES (?, ?, ?)",
    ...[digest(secret), JSON.stringify(claims), claims.endsAt],
  );
  const { subject, role, session, organization, grant } = claims;
  const variant = variantOf(claims);
  ctx.publish("dashboard", { user: subject, role, variant, session });
  ctx.audit("dashboard.opened", "person", { user: subject, role, variant, organization, grant });
  schedulePrune(ctx, claims.endsAt);
  return { secret, endsAt: claims.endsAt };
}

function claimsOf(request: CodeRequest, issuedAt: number, endsAt: number): SessionClaims {
  const { role, organization, grant, connection, session, networks } = request;
  const { id: subject, email } = request.user;
  const variant = variantOf(request);
  return { subject, email, role, variant, organization, grant, connection, session, issuedAt, endsAt, networks };
}
