import { digest } from "../ids";

/** `__Host-` makes the browser refuse the cookie unless it is secure, for the whole path and for this host alone. */
export const SESSION_COOKIE = "__Host-session";

/** SHA-256 hex of the session secret in the request's cookies, or null. */
export function sessionDigest(headers: Headers): string | null {
  for (const pair of (headers.get("cookie") ?? "").split(";")) {
    const [name, value] = split(pair);
    if (name === SESSION_COOKIE && /^[0-9A-Za-z]{43}$/.test(value)) return digest(value);
  }
  return null;
}

/** The header that gives a browser its session. Lax, because the posted code's redirect comes from the portal's site. */
export function sessionCookie(secret: string, endsAt: number): string {
  const seconds = Math.max(0, Math.floor((endsAt - Date.now()) / 1000));
  return `${SESSION_COOKIE}=${secret}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=${seconds}`;
}

/**
 * What the dashboard's own cookies are called by in the browser, beside their name.
 *
 * `__Host-` keeps them from other tenants' pages, which are of the same site and could else set cookies for all of it: to
 * plant a sign-in of theirs, or so many that the dashboard refuses the header. The session's mark keeps them from whoever
 * opens the same dashboard after in the same browser, as somebody else or read-only: Wazuh's app has its API token in one.
 * @param digest SHA-256 hex of the session's secret
 */
export const cookieMark = (digest: string) => `__Host-${digest.slice(0, 16)}-`;

/** The cookies that go on to the dashboard: those it set in this session, under the names it gave them. */
export function upstreamCookies(headers: Headers, mark: string): string {
  const pairs = (headers.get("cookie") ?? "").split(";").map((pair) => pair.trim());
  const own = pairs.filter((pair) => pair.startsWith(mark)).map((pair) => pair.slice(mark.length));
  return own.filter((pair) => split(pair)[0] !== "").join("; ");
}

/** A `Set-Cookie` of the dashboard as the browser gets it; null for one without a name. */
export function markedCookie(cookie: string, mark: string): string | null {
  const [pair = "", ...attributes] = cookie.split(";");
  const [name, value] = split(pair);
  if (name === "") return null;
  const kept = attributes.filter((attribute) => !/^\s*(domain|path|secure)\s*(=|$)/i.test(attribute));
  return [`${mark}${name}=${value}`, ...kept, " Path=/", " Secure"].join(";");
}

function split(pair: string): [string, string] {
  const at = pair.indexOf("=");
  return at < 0 ? ["", pair.trim()] : [pair.slice(0, at).trim(), pair.slice(at + 1).trim()];
}
