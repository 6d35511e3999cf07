/** What tests of the edge share: tenants, signed calls, and the people's credentials. */

import { env, SELF } from "cloudflare:test";
import { createHash } from "node:crypto";
import { importJWK, type JWTPayload, SignJWT } from "jose";
import { settingsOf } from "../../src/bindings";
import { digest, makeToken, randomBase32, tenantIdFrom } from "../../src/ids";

export const API = "http://edge.test";
export const PORTAL = "http://portal.test";

export type Signer = "control" | "control-next" | "access" | "access-next" | "stranger";
type Keys = Record<Signer, { kid: string; jwk: object }>;

const { TEST_SIGNING_KEYS } = env as unknown as { TEST_SIGNING_KEYS: Keys };

/** A tenant id that the cell's control plane could have made. */
export const newTenantId = () => tenantIdFrom(settingsOf(env), randomBase32(16));

export const iso = (fromNowMs: number) => new Date(Date.now() + fromNowMs).toISOString();

export async function sign(signer: Signer, typ: string, claims: JWTPayload): Promise<string> {
  const { kid, jwk } = TEST_SIGNING_KEYS[signer];
  return new SignJWT(claims).setProtectedHeader({ alg: "EdDSA", typ, kid }).sign(await importJWK(jwk, "EdDSA"));
}

/**
 * A call of the control plane, signed for exactly this request.
 * @param body JSON, or a text that goes out as it is
 * @param more headers
 */
export async function call(
  method: string,
  path: string,
  body?: unknown,
  signer: Signer = "control",
  type = "application/json",
  more: Record<string, string> = {},
): Promise<Response> {
  return (await signedCall(method, path, body, signer, type, more))();
}

/** The same call with the same proof a second time. */
export async function replayed(method: string, path: string, body: unknown, signer: Signer): Promise<Response> {
  const send = await signedCall(method, path, body, signer, "application/json");
  await (await send()).text();
  return send();
}

async function signedCall(method: string, path: string, body: unknown, signer: Signer, type: string, more = {}) {
  const text = typeof body === "string" ? body : body === undefined ? "" : JSON.stringify(body);
  const now = Math.floor(Date.now() / 1000);
  const proof = await sign(signer, `edge-${signer.replace("-next", "")}+jwt`, {
    ...{ iss: "portal", aud: "edge:test:lo", iat: now, exp: now + 60, jti: crypto.randomUUID() },
    ...{ htm: method, htu: path, bh: createHash("sha256").update(text).digest("base64url") },
  });
  const headers: Record<string, string> = { authorization: `Bearer ${proof}`, host: "edge.test", ...more };
  if (body !== undefined) headers["content-type"] = type;
  return () => SELF.fetch(API + path, { method, headers, ...(body === undefined ? {} : { body: text }) });
}

/** A GET as it can come over a wire; `Request` itself builds none with a body. */
export function getWithBody(url: string, body: string, headers: Record<string, string> = {}): Request {
  return asGet(new Request(url, { method: "POST", body, headers: { "content-length": `${body.length}`, ...headers } }));
}

/** A request whose body begins and never ends. */
export function stuckRequest(method: string, url: string, headers: Record<string, string> = {}): Request {
  const body = new ReadableStream({ start: (controller) => controller.enqueue(new TextEncoder().encode("{")) });
  const sent = (verb: string) => new Request(url, { method: verb, body, headers });
  return method === "GET" ? asGet(sent("POST")) : sent(method);
}

const asGet = (sent: Request) =>
  new Proxy(sent, { get: (target, name) => (name === "method" ? "GET" : Reflect.get(target, name, target)) });

export async function answered<T>(answer: Response | Promise<Response>, status: number): Promise<T> {
  const got = await answer;
  const text = await got.text();
  if (got.status !== status) throw new Error(`expected ${status}, got ${got.status}: ${text}`);
  return (text === "" ? null : JSON.parse(text)) as T;
}

const ROLE = (instance: string) => ({ count: 1, instance });

export const PLAN = {
  version: "4.14.7",
  roles: { manager: ROLE("standard-1"), indexer: ROLE("standard-2"), dashboard: ROLE("standard-1") },
  certificate_days: 365,
  retention_days: 30,
  max_agents: 15,
};

/** A tenant that exists and is meant to be stopped, so that nothing tries to start its nodes. */
export async function stoppedTenant(plan: Partial<typeof PLAN> = {}): Promise<string> {
  const id = newTenantId();
  const spec = { epoch: 1, generation: 1, operation_id: `op_${randomBase32(20)}`, requested: "stopped" };
  await answered(call("PUT", `/v1/tenants/${id}`, { ...spec, plan: { ...PLAN, ...plan } }), 202);
  return id;
}

/** The same but for its last character. */
export const mistyped = (text: string) => text.replace(/.$/, (last) => (last === "0" ? "1" : "0"));

export interface IssuedToken {
  id: string;
  text: string;
}

/** An enrollment token of the tenant, as the control plane would register it. */
export async function newToken(
  tenant: string,
  definition: {
    max_uses?: number;
    expires_at?: string;
    groups?: string[];
    labels?: Record<string, string>;
    names?: string[];
    wazuh5_key?: string;
  } = {},
): Promise<IssuedToken> {
  const id = randomBase32(10);
  const text = makeToken("enr", tenant, id);
  const body = { epoch: 1, name: "servers", secret_sha256: digest(text), expires_at: iso(3600_000), max_uses: 10 };
  await answered(
    call("PUT", `/v1/tenants/${tenant}/tokens/${id}`, { ...body, groups: [], labels: {}, ...definition }),
    200,
  );
  return { id, text };
}

export interface Enrolled {
  agent_id: string;
  key: string;
  connector: { id: string; secret: string };
  manager_url: string;
}

/** What an installer sends. */
export function enroll(token: string, name: string, more: Record<string, unknown> = {}): Promise<Response> {
  const body = JSON.stringify({ token, enrollment_id: crypto.randomUUID(), name, ...more });
  const headers = { "content-type": "application/json", host: "edge.test" };
  return SELF.fetch(`${API}/api/agents/enroll`, { method: "POST", headers, body });
}

/** Asks for a rotation as a person or an integration does. */
export async function askRotation(tenant: string, body: unknown = { idempotency_key: "k" }, token?: string) {
  const bearer = token ?? (await scopedToken(tenant, { scope: "certs:rotate" }));
  const headers = { authorization: `Bearer ${bearer}`, "content-type": "application/json", host: "edge.test" };
  return SELF.fetch(`${API}/api/certs/rotate`, { method: "POST", headers, body: JSON.stringify(body) });
}

/** A credential for the event stream, or for what `scope` says. */
export function scopedToken(tenant: string, more: JWTPayload = {}, signer: Signer = "access"): Promise<string> {
  const now = Math.floor(Date.now() / 1000);
  return sign(signer, "edge-scoped+jwt", {
    ...{ iss: "portal", aud: "edge:test:lo", sub: "usr_alice", tenant, scope: "events:read", role: "admin" },
    ...{ organization: "org_acme", grant: null, session: "ses_1", iat: now, exp: now + 3600 },
    ...more,
  });
}
