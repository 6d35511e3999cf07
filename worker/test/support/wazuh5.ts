/** Agents of Wazuh 5, written from their interface, and managers whose port for them a test holds. */
import { SELF } from "cloudflare:test";
import { SignJWT } from "jose";
import { ManagerContainer } from "../../src/index";
import { API, answered, call, newTenantId, newToken, PLAN } from "./edge";
import { managersServe } from "./sleeping";
import { putTenant, specOf, until } from "./tenants";

export const PLAN_5 = { ...PLAN, version: "5.0.0-rc" };

export interface Agent5 {
  id: string;
  name: string;
  ip: string;
  key: string;
}

export async function tenant5(plan: object = {}): Promise<string> {
  const id = newTenantId();
  await putTenant(id, specOf(1, { plan: { ...PLAN_5, ...plan } }));
  await until(id, (view) => view.observed === "running");
  return id;
}

type Sent = { method?: string; body?: BodyInit; headers?: Record<string, string> };

/** A request at a tenant's door for agents. */
export function ask(
  tenant: string,
  path: string,
  { method = "POST", body, headers = {} }: Sent = {},
): Promise<Response> {
  const sent = { "protocol-version": "1", host: "edge.test", ...headers };
  return SELF.fetch(`${API}/wazuh/${tenant}${path}`, {
    method,
    headers: sent,
    ...(body === undefined ? {} : { body }),
  });
}

export const enroll5 = (tenant: string, token: string, name: string, more: object = {}) =>
  ask(tenant, "/enroll", {
    body: JSON.stringify({ name, version: "5.0.0", ...more }),
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
  });

export async function agent5(tenant: string, name = "web-1"): Promise<Agent5> {
  const { text } = await newToken(tenant);
  return answered<Agent5>(enroll5(tenant, text, name), 200);
}

/** The bearer that an agent makes. @param changes of header and claims */
export function bearer(
  { id, key }: Pick<Agent5, "id" | "key">,
  changes: { header?: object; claims?: object; at?: number } = {},
): Promise<string> {
  const iat = Math.floor((changes.at ?? Date.now()) / 1000);
  const jti = Buffer.from(crypto.getRandomValues(new Uint8Array(16))).toString("base64url");
  const claims = { exp: iat + 60, iat, iss: `wazuh-agent/${id}`, jti, nbf: iat, sub: id, ...changes.claims };
  const header = { alg: "HS256", kid: id, typ: "wazuh-agent+jwt", ...changes.header };
  return new SignJWT(claims).setProtectedHeader(header).sign(Buffer.from(key, "hex"));
}

export async function say(tenant: string, agent: Agent5, path: string, body: string, headers = {}): Promise<Response> {
  return ask(tenant, path, { body, headers: { authorization: `Bearer ${await bearer(agent)}`, ...headers } });
}

export const batchOf = (agent: Agent5, ...lines: string[]) =>
  [`H {"wazuh":{"agent":{"id":"${agent.id}"}}}`, ...lines.map((line) => `E 1:/var/log/auth.log:${line}`), ""].join(
    "\n",
  );

export const quarantine5 = (tenant: string, { id }: Agent5) =>
  answered(
    call("POST", `/v1/tenants/${tenant}/agents/${id}/quarantine`, { epoch: 1, idempotency_key: id, reason: "malware" }),
    200,
  );

export interface Arrived {
  tenant: string;
  method: string;
  /** Path and query. */
  target: string;
  headers: Record<string, string>;
  body: string;
}

export interface Managers5 {
  arrived: Arrived[];
  /** Answers in place of a 202; tests change it. */
  answer: (arrived: Arrived) => Response;
  stop: () => void;
}

/** Has every manager that runs take Wazuh 5 agents. */
export function managersTakeAgents(): Managers5 {
  const stopServing = managersServe();
  const prototype = ManagerContainer.prototype as unknown as { port: (n: number) => unknown };
  const original = prototype.port;
  const managers: Managers5 = {
    arrived: [],
    answer: () => new Response(null, { status: 202 }),
    stop: () => {
      prototype.port = original;
      stopServing();
    },
  };
  prototype.port = function (this: { tenant: string }, n) {
    const real = original.call(this, n);
    if (!real || n !== 1518) return real;
    return { fetch: (url: string, init: Request) => take(managers, this.tenant, new Request(url, init)) };
  };
  return managers;
}

async function take(managers: Managers5, tenant: string, request: Request): Promise<Response> {
  const { pathname, search } = new URL(request.url);
  const headers = Object.fromEntries(request.headers);
  const arrived = { tenant, method: request.method, target: pathname + search, headers, body: await request.text() };
  managers.arrived.push(arrived);
  return managers.answer(arrived);
}
