/** What a browser, and the portal that sends it, do at a tenant's dashboard. */
import { env, runInDurableObject, SELF } from "cloudflare:test";
import type { DashboardRole, DashboardVariant } from "../../src/auth/claims";
import { DashboardContainer } from "../../src/index";
import { answered, call, iso, PORTAL } from "./edge";

export const originOf = (tenant: string) => `http://${tenant}.dashboards.test`;

export interface Asked {
  role?: DashboardRole;
  variant?: DashboardVariant;
  user?: string;
  email?: string;
  ends_at?: string;
  idempotency_key?: string;
  grant?: string;
  connection?: string;
  networks?: string[][];
  path?: string;
}

interface Issued {
  code: string;
  post_to: string;
  expires_at: string;
}

export function askForCode(
  tenant: string,
  { role = "admin", user = "usr_alice", email = `${user}@example.com`, ...more }: Asked = {},
  signer: "access" | "control" = "access",
) {
  const body = {
    ...{ epoch: 1, idempotency_key: crypto.randomUUID(), user: { id: user, email }, role },
    ...{ organization: "org_acme", grant: null, connection: null, session: `ses_${user}`, ends_at: iso(8 * 3600_000) },
    ...more,
  };
  return call("POST", `/v1/tenants/${tenant}/dashboard-codes`, body, signer);
}

export const codeFor = (tenant: string, asked: Asked = {}) => answered<Issued>(askForCode(tenant, asked), 201);

/** What a browser sends when the portal's form posts the code. */
export function post(to: string, code: string, origin: string | null = PORTAL): Promise<Response> {
  const headers: Record<string, string> = { "content-type": "application/x-www-form-urlencoded", accept: "text/html" };
  if (origin !== null) headers.origin = origin;
  return SELF.fetch(to, { method: "POST", headers, body: new URLSearchParams({ code }), redirect: "manual" });
}

export const cookieOf = (answer: Response) => (answer.headers.get("set-cookie") ?? "").split(";")[0] ?? "";

export async function signIn(tenant: string, asked: Asked = {}): Promise<string> {
  const { code, post_to } = await codeFor(tenant, asked);
  const answer = await post(post_to, code);
  if (answer.status !== 303) throw new Error(`${answer.status}: ${await answer.text()}`);
  return cookieOf(answer);
}

export function open(tenant: string, path: string, cookie: string, init: RequestInit = {}): Promise<Response> {
  const headers = { cookie, accept: "text/html", ...(init.headers as Record<string, string>) };
  return SELF.fetch(`${originOf(tenant)}${path}`, { ...init, headers, redirect: "manual" });
}

let restore = () => {};

/** Puts back what {@link dashboardAnswers} replaced. */
export const noDashboards = () => restore();

/** Puts a process of the test's own behind every dashboard node. */
export function dashboardAnswers(answer: (request: Request) => Response | Promise<Response>): Request[] {
  const prototype = DashboardContainer.prototype as unknown as { port: unknown };
  const original = prototype.port;
  const seen: Request[] = [];
  prototype.port = () => ({
    fetch: async (url: string, request: Request) => {
      const arrived = new Request(url, request);
      seen.push(arrived);
      return answer(arrived);
    },
  });
  restore = () => {
    prototype.port = original;
  };
  return seen;
}

/** A WebSocket server that says what it hears. */
export function echo(): Response {
  const { 0: client, 1: server } = new WebSocketPair();
  server.binaryType = "arraybuffer";
  server.accept();
  server.addEventListener("message", (event) => server.send(event.data));
  return new Response(null, { status: 101, webSocket: client });
}

export async function socketOf(tenant: string, cookie: string) {
  const headers = { upgrade: "websocket", origin: originOf(tenant) };
  const { webSocket: socket } = await open(tenant, "/dashboard/ws", cookie, { headers });
  if (!socket) throw new Error("no socket");
  const closed = new Promise<number>((resolve) => socket.addEventListener("close", (event) => resolve(event.code)));
  socket.binaryType = "arraybuffer";
  socket.accept();
  const say = (text: string | Uint8Array) =>
    new Promise((resolve) => {
      socket.addEventListener("message", (event) => resolve(event.data), { once: true });
      socket.send(text);
    });
  return { say, closed };
}

export async function age(tenant: string, sql: string): Promise<void> {
  await runInDurableObject(env.TENANT.getByName(tenant), (_, state) => void state.storage.sql.exec(sql));
}

/** Everything the tenant object has on disk. */
export async function dump(tenant: string): Promise<string> {
  return runInDurableObject(env.TENANT.getByName(tenant), (_, { storage }) => {
    const tables = storage.sql.exec<{ name: string }>("SELECT name FROM sqlite_master WHERE type = 'table'").toArray();
    const own = tables.map(({ name }) => name).filter((name) => !name.startsWith("_cf") && !name.startsWith("sqlite"));
    return JSON.stringify(own.map((name) => storage.sql.exec(`SELECT * FROM "${name}"`).toArray()));
  });
}
