/** The front of every request: its id, and whether host, path and size are taken at all, before any door looks at it. */
import { createMiddleware } from "hono/factory";
import { type Settings, settingsOf } from "./bindings";
import { boundedBytes, mayCarryBody } from "./body";
import { type Bounds, CONTENT_BYTES } from "./bounds";
import { type AppEnv, type EdgeContext, renderError } from "./edge_app";
import { EdgeError } from "./errors";
import { isTenantId, newId } from "./ids";
import { log } from "./log";
import { Late, within } from "./tenant/deadline";

/**
 * Encoded separators, dots and NUL would be read differently by the next parser (a router, a manager's API, a file
 * store), and an empty segment slips past patterns that count slashes.
 */
const REFUSED_PATH = /%2f|%5c|%2e|%00|%25|\\|\/\/|\/\.{1,2}(\/|$)/i;

/** What agents of Wazuh 5 send is large: their door reads it, once it knows who sends. */
const CARRIED = /^\/wazuh\//;

const CONTENT = /^\/v1\/tenants\/[^/]+\/content\/[^/]+$/;

/** What a body of this request may be, at this front. */
const boundsOf = (c: EdgeContext, bounds: Bounds): Bounds =>
  CONTENT.test(c.req.path) && c.req.method === "PUT"
    ? { ...bounds, announcedBytes: CONTENT_BYTES, readBytes: CONTENT_BYTES }
    : bounds;

export function apiFront(bounds: Bounds) {
  return createMiddleware<AppEnv>(async (c, next) => {
    await logged(c, async () => {
      if (!c.var.settings.apiHosts.has(hostOf(c.req.raw))) throw unknownHost();
      refusePath(c);
      if (!CARRIED.test(c.req.path)) await boundBody(c, boundsOf(c, bounds));
      await finished(c, bounds, next());
    });
  });
}

/** A tenant's own host. The tenant's id is proven before any object is touched. */
export function dashboardFront(bounds: Bounds) {
  return createMiddleware<AppEnv>(async (c, next) => {
    await logged(c, async () => {
      const tenant = dashboardLabel(c.var.settings, hostOf(c.req.raw));
      if (tenant === null || !isTenantId(c.var.settings, tenant)) throw unknownHost();
      c.set("dashboardTenant", tenant);
      refusePath(c);
      await boundUpload(c, bounds);
      await finished(c, bounds, next());
    });
  });
}

/** What stands before the dashboard zone in a host, or null for a host outside it. */
export function dashboardLabel(settings: Settings, host: string): string | null {
  const suffix = `.${settings.dashboardZone}`;
  return host.endsWith(suffix) ? host.slice(0, -suffix.length) : null;
}

/** The Host header, or what the URL says where a client sent none. */
export const hostOf = (request: Request) => (request.headers.get("host") ?? new URL(request.url).host).toLowerCase();

/** A forged Host would steer redirects and the dashboards' origin check. */
const unknownHost = () => new EdgeError("HOST_UNKNOWN", "This host is not served here.");

async function logged(c: EdgeContext, handle: () => Promise<void>): Promise<void> {
  const started = Date.now();
  c.set("requestId", newId("req"));
  c.set("settings", settingsOf(c.env));
  try {
    await handle();
  } catch (error) {
    // Refusals of this front come before any handler, where the app would log them without an id.
    c.res = await renderError(error as Error, c);
  }
  // The answer to an upgrade can't be changed any more.
  if (c.res.status !== 101) c.header("x-request-id", c.var.requestId);
  const { method, path } = c.req;
  log("info", "request", { request_id: c.var.requestId, method, path, status: c.res.status, ms: Date.now() - started });
}

/** Whether what it did has taken effect is not known: that is what the code says. */
async function finished(c: EdgeContext, { answerMs }: Bounds, handling: Promise<void>): Promise<void> {
  try {
    await within(answerMs, handling);
  } catch (error) {
    if (!(error instanceof Late)) throw error;
    const { requestId } = c.var;
    log("error", "a request was not finished in time", { request_id: requestId, path: c.req.path, ms: answerMs });
    throw new EdgeError("INTERNAL", `There was no answer within ${answerMs / 1000} seconds (request ${requestId}).`);
  }
}

function refusePath(c: EdgeContext): void {
  const path = /^[a-z]+:\/\/[^/?#]*([^?#]*)/i.exec(c.req.url)?.[1] ?? "/";
  if (REFUSED_PATH.test(path))
    throw new EdgeError("PATH_REFUSED", "The path holds characters that are not taken here.");
}

/**
 * Reads a body once, bounded, so that no later reader can be made to hold more than the limit.
 *
 * A method without a body may still come with one, or with the announcement of an empty one.
 */
async function boundBody(c: EdgeContext, bounds: Bounds): Promise<void> {
  refuseAnnounced(c, bounds);
  const { raw } = c.req;
  const bytes = await arrived(c, bounds);
  if (!raw.body) return;
  const { method, headers } = raw;
  if (!mayCarryBody(method) && bytes.length > 0)
    throw new EdgeError("BAD_REQUEST", `A ${method} carries no body here.`);
  if (mayCarryBody(method) && isJson(c)) refuseBadJson(bytes);
  c.req.raw = mayCarryBody(method) ? new Request(raw, { body: bytes }) : new Request(raw.url, { method, headers });
}

/** A body that comes a byte at a time would hold its connection, and whoever waits for it, for ever. */
async function arrived(c: EdgeContext, { readBytes, readMs }: Bounds): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = await within(readMs, boundedBytes(c.req.raw.body, readBytes)).catch((error: unknown) => {
    if (!(error instanceof Late)) throw error;
    throw new EdgeError("BODY_TOO_SLOW", `The body did not arrive within ${readMs / 1000} seconds.`);
  });
  if (bytes === null) throw tooLarge(readBytes);
  return bytes;
}

function refuseAnnounced(c: EdgeContext, { announcedBytes }: Bounds): void {
  if (Number(c.req.header("content-length") ?? "0") > announcedBytes) throw tooLarge(announcedBytes);
}

const tooLarge = (limit: number) => new EdgeError("BODY_TOO_LARGE", `The body is larger than ${limit} bytes.`);

/**
 * Of a body that says its length nothing longer arrives. One that does not is read first: cut off on its way, it would
 * look to the node as if that had been all.
 */
async function boundUpload(c: EdgeContext, bounds: Bounds): Promise<void> {
  refuseAnnounced(c, bounds);
  const { raw } = c.req;
  if (!raw.body || !mayCarryBody(raw.method) || raw.headers.has("content-length")) return;
  c.req.raw = new Request(raw, { body: await arrived(c, bounds) });
}

/** Whatever a route's validator would read as JSON: what slips past here would reach it unchecked. */
const isJson = (c: EdgeContext) => /^\s*application\/([\w.-]+\+)?json/i.test(c.req.header("content-type") ?? "");

/** Text that a database, a header or the next parser can't hold is refused before anybody stores it. */
export function refuseBadJson(body: Uint8Array): void {
  const refused = (what: string) => new EdgeError("BAD_REQUEST", `The body ${what}.`);
  const bad = (text: string) => text.includes("\0") || !text.isWellFormed();
  try {
    JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(body), (key, value) => {
      if (bad(key) || (typeof value === "string" && bad(value)))
        throw refused("holds NUL characters or lone surrogates");
      return value;
    });
  } catch (error) {
    throw error instanceof EdgeError ? error : refused("is no JSON in UTF-8");
  }
}
