import { type DashboardRole, type DashboardVariant, variantOf } from "../auth/claims";
import { cookieMark, markedCookie, upstreamCookies } from "../auth/session";
import type { SessionClaims } from "../tenant/sessions";

/**
 * What the role mappings of the indexer and of the manager's API know, by variant: whoever only looks has the role that
 * only reads, whatever else they are. None of them is an administrator of the cluster itself.
 */
export const UPSTREAM_ROLES: Record<DashboardVariant, Record<DashboardRole, string>> = {
  full: { admin: "tenant_admin", operator: "tenant_operator", viewer: "tenant_readonly" },
  read_only: { admin: "tenant_readonly", operator: "tenant_readonly", viewer: "tenant_readonly" },
};

/** What a browser may say to a dashboard. Everything else, identity first of all, stays out. */
const REQUEST_HEADERS = [
  "accept",
  "accept-language",
  "content-type",
  "content-length",
  "if-modified-since",
  "if-none-match",
  "osd-version",
  "osd-xsrf",
  "range",
  "securitytenant",
  "sec-websocket-protocol",
  "user-agent",
  "x-requested-with",
];

/**
 * What a dashboard may not say to a browser: a service worker outside its path, wiping the origin's storage, opening the
 * origin to others, or steering where reports and later connections go.
 */
const REFUSED_ANSWERS =
  /^(service-worker-allowed|clear-site-data|access-control-.*|alt-svc|report-to|reporting-endpoints|nel|set-cookie|strict-transport-security|origin-agent-cluster|x-edge-.*|cross-origin-.*)$/;

/** What keeps pages of other origins, other tenants' dashboards first of all, from framing or embedding this one. */
const PROTECTION = {
  "x-content-type-options": "nosniff",
  "referrer-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "cross-origin-opener-policy": "same-origin",
} as const;

export interface Visitor {
  claims: SessionClaims;
  /** SHA-256 hex of the session's secret. */
  session: string;
  /** Address of the browser. */
  address: string;
  /** Host and scheme of the tenant's own origin. */
  origin: URL;
}

/** The headers of a request on its way to the dashboard: an allow list, and who is asking on every request. */
export function dashboardRequestHeaders(sent: Headers, visitor: Visitor): Headers {
  const headers = new Headers();
  for (const name of REQUEST_HEADERS) {
    const value = sent.get(name);
    if (value !== null) headers.set(name, value);
  }
  const cookies = upstreamCookies(sent, cookieMark(visitor.session));
  if (cookies) headers.set("cookie", cookies);
  headers.set("x-proxy-user", visitor.claims.subject);
  headers.set("x-proxy-roles", UPSTREAM_ROLES[variantOf(visitor.claims)][visitor.claims.role]);
  headers.set("x-forwarded-for", visitor.address);
  headers.set("x-forwarded-host", visitor.origin.host);
  headers.set("x-forwarded-proto", visitor.origin.protocol.slice(0, -1));
  return headers;
}

/** The headers of an answer on its way to the browser. */
export function dashboardAnswerHeaders(
  answered: Headers,
  { session, origin }: Omit<Visitor, "claims" | "address">,
): Headers {
  const headers = new Headers();
  for (const [name, value] of answered) if (!REFUSED_ANSWERS.test(name.toLowerCase())) headers.append(name, value);
  for (const cookie of answered.getSetCookie()) {
    const marked = markedCookie(cookie, cookieMark(session));
    if (marked) headers.append("set-cookie", marked);
  }
  const location = answered.get("location");
  if (location) headers.set("location", localLocation(location, origin));
  for (const [name, value] of Object.entries(PROTECTION)) headers.set(name, value);
  // Beside the dashboard's own policy: a browser holds a page to all of them.
  headers.append("content-security-policy", "frame-ancestors 'self'");
  return headers;
}

/** A redirect stays on the tenant's own origin, wherever the node says it lives; one that says nothing leads home. */
function localLocation(location: string, origin: URL): string {
  const home = `${origin.origin}/dashboard/`;
  const { pathname, search, hash } = URL.parse(location, home) ?? new URL(home);
  return `${pathname.replace(/^\/+/, "/")}${search}${hash}`;
}
