/** Cloudflare Access for one team, as the operators' door sees it: its certs address and what it signs. */
import { SELF } from "cloudflare:test";
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from "jose";
import { vi } from "vitest";
import { API } from "./edge";

export const TEAM = "https://team.cloudflareaccess.com";
export const AUDIENCE = "aud-of-the-operators";
export const OLGA = "olga@platform.example";

const pairOf = async (kid: string) => ({ kid, ...(await generateKeyPair("RS256", { extractable: true })) });
export const SIGNING = await pairOf("access-1");
export const NEXT = await pairOf("access-2");
export const FOREIGN = await pairOf("access-1");

type Pair = typeof SIGNING;

const jwks = async (pairs: Pair[]) => ({
  keys: await Promise.all(
    pairs.map(async ({ kid, publicKey }) => ({ ...(await exportJWK(publicKey)), kid, alg: "RS256", use: "sig" })),
  ),
});

/** Has the team's certs address answer; all else on the network is shut. @returns what was fetched, and how to end it */
export function accessShows(pairs: () => Pair[] | Response) {
  const asked: string[] = [];
  const spy = vi.spyOn(globalThis, "fetch").mockImplementation(async (input) => {
    asked.push(String(input));
    if (String(input) !== `${TEAM}/cdn-cgi/access/certs`) throw new Error(`nothing may be fetched from ${input}`);
    const shown = pairs();
    return shown instanceof Response ? shown : Response.json(await jwks(shown));
  });
  return { asked, stop: () => spy.mockRestore() };
}

const seconds = () => Math.floor(Date.now() / 1000);

export interface Assertion {
  claims?: JWTPayload;
  by?: Pair;
  kid?: string | undefined;
}

/** What Access puts on a request of an operator, with what a test wants to be different. */
export function assertion({ claims = {}, by = SIGNING, ...more }: Assertion = {}): Promise<string> {
  const now = seconds();
  const payload = {
    type: "app",
    iss: TEAM,
    aud: [AUDIENCE],
    email: OLGA,
    sub: "u1",
    iat: now,
    nbf: now,
    exp: now + 3600,
  };
  const kid = "kid" in more ? more.kid : by.kid;
  return new SignJWT({ ...payload, ...claims })
    .setProtectedHeader({ alg: "RS256", typ: "JWT", ...(kid === undefined ? {} : { kid }) })
    .sign(by.privateKey);
}

export const order = (more = {}) => ({
  idempotency_key: crypto.randomUUID(),
  reason: "Ticket 7: it will not start",
  ...more,
});

/** An operator's action, with an assertion or the lack of one. */
export async function operate(
  tenant: string,
  action = "look-again",
  body: unknown = order(),
  token: string | null | Promise<string> = assertion(),
  type = "application/json",
): Promise<Response> {
  const shown = await token;
  const headers = { host: "edge.test", "content-type": type, ...(shown ? { "cf-access-jwt-assertion": shown } : {}) };
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return SELF.fetch(`${API}/operators/tenants/${tenant}/actions/${action}`, { method: "POST", headers, body: text });
}
