/** The front of every request: its id, and whether host, path and size are taken at all, before any door looks at it. */
import { createMiddleware } from "hono/factory";
import { type Settings, settingsOf } from "./bindings";
import { boundedBytes, mayCarryBody } from "./body";
import { type AppEnv, type EdgeContext, renderError } from "./edge_app";
import { EdgeError } from "./errors";
import { isTenantId, newId } from "./ids";
import { log } from "./log";

const MAX_BODY_BYTES = 1024 * 1024;

/**
 * Encoded separators, dots and NUL would be read differently by the next parser (a router, a manager's API, a file
 * store), and an empty segment slips past patterns that count slashes.
 */
const REFUSED_PATH = /%2f|%5c|%2e|%00|%25|\\|\/\/|\/\.{1,2}(\/|$)/i;

/** API hosts: bodies are small and read at once. */
export function apiFront() {
  return createMiddleware<AppEnv>(async (c, next) => {
    await logged(c, async () => {
      if (!c.var.settings.apiHosts.has(hostOf(c.req.raw))) throw unknownHost();
      refusePath(c);
      await boundBody(c);
      await next();
    });
  });
}

/** A tenant's own host. The tenant's id is proven before any object is touched. */
export function dashboardFront() {
  return createMiddleware<AppEnv>(async (c, next) => {
    await logged(c, async () => {
      const tenant = dashboardLabel(c.var.settings, hostOf(c.req.raw));
      if (tenant === null || !isTenantId(c.var.settings, tenant)) throw unknownHost();
      c.set("dashboardTenant", tenant);
      refusePath(c);
      await next();
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
async function boundBody(c: EdgeContext): Promise<void> {
  const { raw } = c.req;
  const announced = Number(c.req.header("content-length") ?? "0");
  const bytes = announced > MAX_BODY_BYTES ? null : await boundedBytes(raw.body, MAX_BODY_BYTES);
  if (bytes === null) throw new EdgeError("BODY_TOO_LARGE", `The body is larger than ${MAX_BODY_BYTES} bytes.`);
  if (!raw.body) return;
  const { method, headers } = raw;
  if (!mayCarryBody(method) && bytes.length > 0)
    throw new EdgeError("BAD_REQUEST", `A ${method} carries no body here.`);
  if (mayCarryBody(method) && isJson(c)) refuseBadJson(bytes);
  c.req.raw = mayCarryBody(method) ? new Request(raw, { body: bytes }) : new Request(raw.url, { method, headers });
}

/** Whatever a route's validator would read as JSON: what slips past here would reach it unchecked. */
const isJson = (c: EdgeContext) => /^\s*application\/([\w.-]+\+)?json/i.test(c.req.header("content-type") ?? "");

/** Text that a database, a header or the next parser can't hold is refused before anybody stores it. */
function refuseBadJson(body: Uint8Array): void {
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
