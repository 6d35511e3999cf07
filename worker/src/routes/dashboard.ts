/** The door of browsers: one origin a tenant, a posted one-time code, a host-only session, and the dashboard behind it. */

import { clientAddress } from "../auth/address";
import { variantOf } from "../auth/claims";
import { DASHBOARD } from "../auth/dashboard_path";
import { sessionCookie, sessionDigest } from "../auth/session";
import { dashboardOrigin } from "../bindings";
import { boundedBytes, mayCarryBody } from "../body";
import { type EdgeApp, type EdgeContext, isUpgrade } from "../edge_app";
import { asEdgeError, EdgeError, type ErrorCode } from "../errors";
import { dashboardAnswerHeaders, dashboardRequestHeaders } from "../gates/dashboard_headers";
import { onlyReads, READING_METHODS } from "../gates/read_only";
import { digest, parseToken } from "../ids";
import { countSource } from "../sources";
import { nodeStub } from "../tenant/nodes/names";
import type { Redeemed, SessionView } from "../tenant/sessions";
import { tenantAnswering, tenantStub } from "../tenants";
import { SESSION_HEADER, sessionHeader } from "../tunnel/session_sockets";
import { errorPage } from "./dashboard_pages";
import { WAKING_PATH, waitingPage } from "./waiting_page";

const DASHBOARD_PORT = 5601;
/** A form with a code is about 100 bytes; anybody may post one, so nothing larger is read. */
const MAX_FORM_BYTES = 4096;
const FORM = /^application\/x-www-form-urlencoded\s*(;|$)/i;

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
    return c.redirect(`${dashboardOrigin(c.var.settings, tenant)}/dashboard/`, 302);
  });
}

/** On a tenant's own host, everything is this door. */
export function mountDashboardHost(app: EdgeApp): void {
  app.post("/session", (c) => answered(c, openSession));
  app.get(WAKING_PATH, (c) => waking(c));
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
    if (!error || !wantsPage(c)) throw reason;
    return errorPage(c.var.settings, c.var.dashboardTenant, error);
  }
}

const wantsPage = (c: EdgeContext) => c.req.header("accept")?.includes("text/html") === true;

async function openSession(c: EdgeContext): Promise<Response> {
  // Another site could post a code of its own and so sign a victim in as somebody else.
  if (c.req.header("origin") !== c.var.settings.portalOrigin) {
    throw new EdgeError("ORIGIN_REFUSED", "A dashboard is opened from the portal only.");
  }
  const code = await postedCode(c);
  const token = parseToken(code);
  if (token?.prefix !== "code" || token.owner !== c.var.dashboardTenant) throw new EdgeError(...REFUSED_CODES.unknown);
  await countSource(c, "session");
  const address = clientAddress(c.req.raw.headers);
  const redeemed = await tenantAnswering(c, c.var.dashboardTenant).redeemCode(digest(code), address);
  if ("refused" in redeemed) throw new EdgeError(...REFUSED_CODES[redeemed.refused]);
  const location = `${DASHBOARD}${redeemed.path ?? "/"}`;
  const headers = { location, "cache-control": "no-store", "referrer-policy": "no-referrer" };
  const cookie = sessionCookie(redeemed.secret, redeemed.endsAt);
  return new Response(null, { status: 303, headers: { ...headers, "set-cookie": cookie } });
}

async function postedCode(c: EdgeContext): Promise<string> {
  if (!FORM.test(c.req.header("content-type") ?? "")) return "";
  const form = await boundedBytes(c.req.raw.body, MAX_FORM_BYTES);
  return new URLSearchParams(form ? new TextDecoder().decode(form) : "").get("code") ?? "";
}

async function proxy(c: EdgeContext): Promise<Response> {
  const tenant = c.var.dashboardTenant;
  // First, for another origin must not even wake a tenant.
  refuseForeign(c);
  const secret = sessionDigest(c.req.raw.headers);
  const session = secret ? await tenantAnswering(c, tenant).session(secret, clientAddress(c.req.raw.headers)) : null;
  if (!secret || !session) throw ended();
  await refuseWriting(c, session);
  if (session.away) return wait(c, secret);
  const answer = await fromDashboard(c, session, secret);
  if (isAway(answer)) throw new EdgeError("NODE_NOT_RUNNING", "The tenant's dashboard is stopped or still starting.");
  if (answer.status === 101) return answer;
  const headers = dashboardAnswerHeaders(answer.headers, { session: secret, origin: originOf(c, tenant) });
  return new Response(answer.body, { status: answer.status, headers });
}

const ended = () => new EdgeError("SESSION_ENDED", "There is no session, or it has ended.");

/** The tenant wakes up: a browser that navigates gets a page that waits, everything else is told to come back. */
async function wait(c: EdgeContext, secret: string): Promise<Response> {
  if (!wantsPage(c) || c.req.method !== "GET")
    throw new EdgeError("TENANT_ASLEEP", "The tenant slept and is waking up.");
  const progress = await wakingOf(c, secret);
  if (!progress) throw ended();
  return waitingPage(c.var.settings, c.var.dashboardTenant, progress);
}

/** How far the tenant is on its way back, for the page that waits. */
async function waking(c: EdgeContext): Promise<Response> {
  refuseForeign(c);
  const secret = sessionDigest(c.req.raw.headers);
  const progress = secret && (await wakingOf(c, secret));
  if (!progress) throw ended();
  return c.json(progress, 200, { "cache-control": "no-store" });
}

const wakingOf = (c: EdgeContext, secret: string) =>
  tenantAnswering(c, c.var.dashboardTenant).waking(secret, clientAddress(c.req.raw.headers));

/** The session's own node answers; while it is away, what carries no body goes to the next that runs. */
async function fromDashboard(c: EdgeContext, session: SessionView, secret: string): Promise<Response> {
  const { dashboards } = session;
  const own = sticky(secret, dashboards);
  const ask = (n: number) =>
    nodeStub(c.env, c.var.dashboardTenant, "dashboard", n).fetch(upstreamRequest(c, session, secret));
  let answer = await ask(own);
  for (let next = 1; next < dashboards && isAway(answer) && !mayCarryBody(c.req.method); next++) {
    await answer.body?.cancel();
    answer = await ask((own + next) % dashboards);
  }
  return answer;
}

const isAway = (answer: Response) => answer.headers.get("x-edge-error") === "NODE_NOT_RUNNING";

/**
 * Dashboards of different tenants are one site to a browser, so the session cookie comes along when one tenant's page
 * calls another's origin; only the exact origin may write or open a socket, and others may only send a browser there.
 */
function refuseForeign(c: EdgeContext): void {
  if (c.req.header("service-worker")) throw new EdgeError("ORIGIN_REFUSED", "Dashboards install no service workers.");
  const own = originOf(c, c.var.dashboardTenant).origin;
  const writes = !READING_METHODS.has(c.req.method) || isUpgrade(c);
  if (writes && c.req.header("origin") !== own) {
    throw new EdgeError("ORIGIN_REFUSED", "Another origin may not write to this dashboard.");
  }
  if (isForeignRead(c)) throw new EdgeError("ORIGIN_REFUSED", "Another origin may not read from this dashboard.");
}

/** What a browser says of itself: a page of elsewhere asks, and not by sending its whole window here. */
function isForeignRead(c: EdgeContext): boolean {
  const elsewhere = ["same-site", "cross-site"].includes(c.req.header("sec-fetch-site") ?? "");
  const wholeWindow = c.req.header("sec-fetch-mode") === "navigate" && c.req.header("sec-fetch-dest") === "document";
  return elsewhere && !wholeWindow;
}

/** Besides the roles behind: what one of them forgot, or a dashboard that was broken into gives away, is not there for it. */
async function refuseWriting(c: EdgeContext, session: SessionView): Promise<void> {
  if (variantOf(session.claims) === "full") return;
  const reading = await onlyReads(c.req.raw, c.req.path);
  if (!reading) throw new EdgeError("READ_ONLY", "This dashboard was opened read-only: nothing in it can be changed.");
  c.req.raw = reading;
}

function upstreamRequest(c: EdgeContext, { claims }: SessionView, session: string): Request {
  const origin = originOf(c, c.var.dashboardTenant);
  const address = clientAddress(c.req.raw.headers);
  const headers = dashboardRequestHeaders(c.req.raw.headers, { claims, session, address, origin });
  const { pathname, search } = new URL(c.req.url);
  if (isUpgrade(c)) {
    headers.set("upgrade", "websocket");
    headers.set(SESSION_HEADER, sessionHeader(claims));
  }
  const carries = mayCarryBody(c.req.method);
  if (!carries) headers.delete("content-length");
  const body = carries && c.req.raw.body ? { body: c.req.raw.body } : {};
  const init: RequestInit = { method: c.req.method, headers, redirect: "manual", ...body };
  return new Request(`http://node:${DASHBOARD_PORT}${pathname}${search}`, init);
}

/** The same session always meets the same node. */
export function sticky(secretDigest: string, nodes: number): number {
  return Number.parseInt(secretDigest.slice(0, 8), 16) % Math.max(1, nodes);
}

const originOf = (c: EdgeContext, tenant: string) => new URL(dashboardOrigin(c.var.settings, tenant));
