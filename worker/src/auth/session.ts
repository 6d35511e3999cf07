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

/** The cookies that may go on to the dashboard: all but the session, which a hostile node could use. */
export function upstreamCookies(headers: Headers): string {
  const pairs = (headers.get("cookie") ?? "").split(";").map((pair) => pair.trim());
  return pairs.filter((pair) => pair !== "" && split(pair)[0] !== SESSION_COOKIE).join("; ");
}

function split(pair: string): [string, string] {
  const at = pair.indexOf("=");
  return at < 0 ? ["", pair.trim()] : [pair.slice(0, at).trim(), pair.slice(at + 1).trim()];
}
