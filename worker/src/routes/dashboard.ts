/** The door of browsers: one origin a tenant, a posted one-time code, a host-only session, and the dashboard behind it. */

import { clientAddress } from "../auth/address";
import { sessionCookie, sessionDigest } from "../auth/session";
import type { EdgeApp, EdgeContext } from "../edge_app";
import { asEdgeError, EdgeError, type ErrorCode } from "../errors";
import { dashboardAnswerHeaders, dashboardRequestHeaders } from "../gates/dashboard_headers";
import { digest, parseToken } from "../ids";
import { nodeStub } from "../tenant/nodes/names";
import type { Redeemed, SessionView } from "../tenant/sessions";
import { tenantStub } from "../tenants";
import { SESSION_HEADER } from "../tunnel/session_sockets";
import { errorPage } from "./dashboard_pages";

const DASHBOARD_PORT = 5601;
const READING = new Set(["GET", "HEAD", "OPTIONS"]);
/** The dashboard asks these by POST, though they change nothing. */
const READING_POSTS = /^\/dashboard\/(internal\/search\/[a-z0-9_-]+|api\/saved_objects\/_bulk_(get|resolve))$/;

const REFUSED_CODES: Record<Extract<Redeemed, { refused: string }>["refused"], [ErrorCode, string]> = {
  unknown: ["CODE_UNKNOWN", "The code that opens this dashboard is not known."],
  expired: ["CODE_EXPIRED", "The code that opens this dashboard has expired."],
  used: ["CODE_USED", "The code that opens this dashboard was used before."],
};

/** On the API host there is only a pointer to the tenant's own origin. */
export function mount(app: EdgeApp): void {
  app.get("/dashboard/:tenant", (c) => {
    const tenant = c.req.param("tenant");
    tenantStub(c, tenant);
    return c.redirect(`${originOf(c, tenant).origin}/dashboard/`, 302);
  });
}

/** On a tenant's own host, everything is this door. */
export function mountDashboardHost(app: EdgeApp): void {
  app.post("/session", (c) => answered(c, openSession));
  app.get("/", (c) => c.redirect("/dashboard/", 302));
  app.get("/dashboard", (c) => c.redirect("/dashboard/", 302));
  app.all("/dashboard/*", (c) => answered(c, proxy));
}

/** Shows errors as a page to browsers that navigate, as JSON to everything else. */
async function answered(c: EdgeContext, handler: (c: EdgeContext) => Promise<Response>): Promise<Response> {
  try {
    return await handler(c);
  } catch (reason) {
    const error = asEdgeError(reason);
    if (!error || !c.req.header("accept")?.includes("text/html")) throw reason;
    return errorPage(c.var.settings, c.var.dashboardTenant, error);
  }
}

async function openSession(c: EdgeContext): Promise<Response> {
  // Another site could post a code of its own and so sign a victim in as somebody else.
  if (c.req.header("origin") !== c.var.settings.portalOrigin) {
    throw new EdgeError("ORIGIN_REFUSED", "A dashboard is opened from the portal only.");
  }
  const code = (await c.req.parseBody()).code;
  const token = typeof code === "string" ? parseToken(code) : null;
  if (typeof code !== "string" || token?.prefix !== "code" || token.owner !== c.var.dashboardTenant) {
    throw new EdgeError(...REFUSED_CODES.unknown);
  }
  const redeemed = await c.env.TENANT.getByName(c.var.dashboardTenant).redeemCode(digest(code));
  if ("refused" in redeemed) throw new EdgeError(...REFUSED_CODES[redeemed.refused]);
  const headers = { location: "/dashboard/", "cache-control": "no-store", "referrer-policy": "no-referrer" };
  const cookie = sessionCookie(redeemed.secret, redeemed.endsAt);
  return new Response(null, { status: 303, headers: { ...headers, "set-cookie": cookie } });
}

async function proxy(c: EdgeContext): Promise<Response> {
  const tenant = c.var.dashboardTenant;
  const secret = sessionDigest(c.req.raw.headers);
  const session = secret ? await c.env.TENANT.getByName(tenant).session(secret) : null;
  if (!secret || !session) throw new EdgeError("SESSION_ENDED", "There is no session, or it has ended.");
  refuseForeign(c);
  refuseWriting(c, session);
  const node = nodeStub(c.env, tenant, "dashboard", sticky(secret, session.dashboards));
  const request = upstreamRequest(c, session);
  const answer = await node.fetch(request);
  if (answer.headers.get("x-edge-error") === "NODE_NOT_RUNNING") {
    throw new EdgeError("NODE_NOT_RUNNING", "The tenant's dashboard is stopped or still starting.");
  }
  if (answer.status === 101) return answer;
  const headers = dashboardAnswerHeaders(answer.headers, originOf(c, tenant));
  return new Response(answer.body, { status: answer.status, headers });
}

/**
 * Dashboards of different tenants are one site to a browser, so the session cookie comes along when one tenant's page
 * writes to another's origin; only the exact origin may write or open a socket.
 */
function refuseForeign(c: EdgeContext): void {
  if (c.req.header("service-worker")) throw new EdgeError("ORIGIN_REFUSED", "Dashboards install no service workers.");
  const own = originOf(c, c.var.dashboardTenant).origin;
  const writes = !READING.has(c.req.method) || isUpgrade(c);
  if (writes && c.req.header("origin") !== own) {
    throw new EdgeError("ORIGIN_REFUSED", "Another origin may not write to this dashboard.");
  }
}

function refuseWriting(c: EdgeContext, session: SessionView): void {
  if (session.claims.role !== "viewer" || READING.has(c.req.method)) return;
  if (c.req.method === "POST" && READING_POSTS.test(c.req.path)) return;
  throw new EdgeError("READ_ONLY", "A viewer may not change anything in the dashboard.");
}

function upstreamRequest(c: EdgeContext, session: SessionView): Request {
  const origin = originOf(c, c.var.dashboardTenant);
  const address = clientAddress(c.req.raw.headers);
  const headers = dashboardRequestHeaders(c.req.raw.headers, { claims: session.claims, address, origin });
  const { pathname, search } = new URL(c.req.url);
  if (isUpgrade(c)) {
    headers.set("upgrade", "websocket");
    headers.set(SESSION_HEADER, JSON.stringify(session.claims));
  }
  const body = c.req.raw.body ? { body: c.req.raw.body } : {};
  const init: RequestInit = { method: c.req.method, headers, redirect: "manual", ...body };
  return new Request(`http://node:${DASHBOARD_PORT}${pathname}${search}`, init);
}

/** The same session always meets the same node. */
function sticky(secretDigest: string, nodes: number): number {
  return Number.parseInt(secretDigest.slice(0, 8), 16) % Math.max(1, nodes);
}

function originOf(c: EdgeContext, tenant: string): URL {
  const { publicUrl, dashboardZone } = c.var.settings;
  return new URL(`${new URL(publicUrl).protocol}//${tenant}.${dashboardZone}`);
}

function isUpgrade(c: EdgeContext): boolean {
  return c.req.header("upgrade")?.toLowerCase() === "websocket";
}
