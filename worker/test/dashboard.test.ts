import { env, SELF } from "cloudflare:test";
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { DASHBOARD_ROLES, type DashboardRole } from "../src/auth/claims";
import { dashboardAnswerHeaders, dashboardRequestHeaders, UPSTREAM_ROLES } from "../src/gates/dashboard_headers";
import { makeToken } from "../src/ids";
import { DashboardContainer } from "../src/index";
import { API, answered, call, iso, PORTAL, stoppedTenant } from "./support/edge";

const originOf = (tenant: string) => `http://${tenant}.dashboards.test`;

interface Asked {
  role?: DashboardRole;
  user?: string;
  ends_at?: string;
  idempotency_key?: string;
  grant?: string;
  connection?: string;
}

interface Issued {
  code: string;
  post_to: string;
  expires_at: string;
}

function askForCode(
  tenant: string,
  { role = "admin", user = "usr_alice", ...more }: Asked = {},
  signer: "access" | "control" = "access",
) {
  const body = {
    ...{ epoch: 1, idempotency_key: crypto.randomUUID(), user: { id: user, email: `${user}@example.com` }, role },
    ...{ organization: "org_acme", grant: null, connection: null, session: `ses_${user}`, ends_at: iso(8 * 3600_000) },
    ...more,
  };
  return call("POST", `/v1/tenants/${tenant}/dashboard-codes`, body, signer);
}

const codeFor = (tenant: string, asked: Asked = {}) => answered<Issued>(askForCode(tenant, asked), 201);

/** What a browser sends when the portal's form posts the code. */
function post(to: string, code: string, origin: string | null = PORTAL): Promise<Response> {
  const headers: Record<string, string> = { "content-type": "application/x-www-form-urlencoded", accept: "text/html" };
  if (origin !== null) headers.origin = origin;
  return SELF.fetch(to, { method: "POST", headers, body: new URLSearchParams({ code }), redirect: "manual" });
}

const cookieOf = (answer: Response) => (answer.headers.get("set-cookie") ?? "").split(";")[0] ?? "";

async function signIn(tenant: string, asked: Asked = {}): Promise<string> {
  const { code, post_to } = await codeFor(tenant, asked);
  const answer = await post(post_to, code);
  if (answer.status !== 303) throw new Error(`${answer.status}: ${await answer.text()}`);
  return cookieOf(answer);
}

function open(tenant: string, path: string, cookie: string, init: RequestInit = {}): Promise<Response> {
  const headers = { cookie, accept: "text/html", ...(init.headers as Record<string, string>) };
  return SELF.fetch(`${originOf(tenant)}${path}`, { ...init, headers, redirect: "manual" });
}

let restore = () => {};
afterEach(() => restore());

/** Puts a process of the test's own behind every dashboard node. */
function dashboardAnswers(answer: (request: Request) => Response | Promise<Response>): Request[] {
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

describe("opening a dashboard", () => {
  it("turns a posted code into a session that only this host sees, and tells of it", async () => {
    const tenant = await stoppedTenant();
    const { code, post_to } = await codeFor(tenant);
    expect(post_to).toBe(`${originOf(tenant)}/session`);
    const answer = await post(post_to, code);
    expect(answer.status).toBe(303);
    expect(answer.headers.get("location")).toBe("/dashboard/");
    const cookie = answer.headers.get("set-cookie") ?? "";
    expect(cookie).toMatch(/^__Host-session=[0-9A-Za-z]{43}; Path=\/; Secure; HttpOnly; SameSite=Lax; Max-Age=\d+$/);
    interface Change {
      tenant: string;
      kind: string;
      data: object;
    }
    const opened = async () => {
      const feed = await answered<{ changes: Change[] }>(call("GET", "/v1/changes?after=0&wait=0&limit=500"), 200);
      return feed.changes.filter((change) => change.tenant === tenant && change.kind === "dashboard");
    };
    await expect.poll(opened).toHaveLength(1);
    expect((await opened())[0]?.data).toEqual({ user: "usr_alice", role: "admin", session: "ses_usr_alice" });
    const events = async () =>
      JSON.parse(await env.WAZUH_EVENTS.getByName(tenant).replay(0, 100)).events as { kind: string }[];
    await expect.poll(async () => (await events()).filter((event) => event.kind === "audit")).toHaveLength(1);
  });

  it("works once, even for posts that race", async () => {
    const tenant = await stoppedTenant();
    const { code, post_to } = await codeFor(tenant);
    const answers = await Promise.all(Array.from({ length: 8 }, () => post(post_to, code)));
    expect(answers.filter((answer) => answer.status === 303)).toHaveLength(1);
    expect(await (await post(post_to, code)).text()).toContain("This link was used already");
  });

  it("is refused after thirty seconds, with a page that says what to do", async () => {
    const tenant = await stoppedTenant();
    const { code, post_to, expires_at } = await codeFor(tenant);
    expect(Date.parse(expires_at) - Date.now()).toBeLessThanOrEqual(30_000);
    await age(tenant, "UPDATE codes SET expires_at = expires_at - 31000");
    const answer = await post(post_to, code);
    const page = await answer.text();
    expect(answer.status).toBe(403);
    expect(page).toContain("This link has expired");
    expect(page).toContain("open the dashboard again");
    expect(page).toContain("simulated");
    expect(page).toContain(`${PORTAL}/t/${tenant}/`);
    expect(page).not.toContain("<script");
    expect(answer.headers.get("content-security-policy")).toContain("default-src 'none'");
  });

  it.each([
    ["another site", "https://evil.example"],
    ["no origin", null],
    ["a page without one", "null"],
  ])("is refused from %s, and the code stays good", async (_, origin) => {
    const tenant = await stoppedTenant();
    const { code, post_to } = await codeFor(tenant);
    expect((await post(post_to, code, origin)).status).toBe(403);
    expect((await post(post_to, code)).status).toBe(303);
  });

  it("is refused with another tenant's code, a made-up one, or none", async () => {
    const [mine, theirs] = [await stoppedTenant(), await stoppedTenant()];
    const { post_to } = await codeFor(mine);
    const { code } = await codeFor(theirs);
    for (const wrong of [code, makeToken("code", mine, "abcdefghij"), "code_", "\u0000", ""]) {
      expect((await post(post_to, wrong)).status).toBe(403);
    }
  });

  it("answers a repeated request with the same code, and another request under its key with 409", async () => {
    const tenant = await stoppedTenant();
    const asked = { idempotency_key: "once", ends_at: iso(3600_000) };
    const [first, second] = await Promise.all([codeFor(tenant, asked), codeFor(tenant, asked)]);
    expect(second).toEqual(first);
    await answered(askForCode(tenant, { ...asked, role: "viewer" }), 409);
  });

  it("is not for the control key, nor for a right that has ended, nor for an unknown role", async () => {
    const tenant = await stoppedTenant();
    await answered(askForCode(tenant, {}, "control"), 403);
    await answered(askForCode(tenant, { ends_at: iso(-1000) }), 422);
    await answered(askForCode(tenant, { role: "all_access" as DashboardRole }), 422);
  });

  it("keeps neither code nor session in plain text", async () => {
    const tenant = await stoppedTenant();
    const { code, post_to } = await codeFor(tenant);
    const secret = cookieOf(await post(post_to, code)).split("=")[1] as string;
    const rows = await dump(tenant);
    expect(rows).not.toContain(code);
    expect(rows).not.toContain(secret);
    expect(rows).toContain("usr_alice");
  });
});

describe("a dashboard session", () => {
  it("reaches the dashboard as the user, whatever the browser claims", async () => {
    const tenant = await stoppedTenant();
    const seen = dashboardAnswers(() => new Response("hello"));
    const cookie = await signIn(tenant, { role: "operator" });
    const headers = {
      "x-proxy-user": "admin",
      "x-proxy-roles": "all_access",
      "x-forwarded-for": "127.0.0.1",
      authorization: "Basic YWRtaW46YWRtaW4=",
      "x-edge-session": "{}",
      "osd-xsrf": "true",
    };
    const answer = await open(tenant, "/dashboard/app/home?a=1", `theme=dark; ${cookie}; security=x`, { headers });
    expect(await answer.text()).toBe("hello");
    const arrived = seen[0] as Request;
    expect(new URL(arrived.url).pathname + new URL(arrived.url).search).toBe("/dashboard/app/home?a=1");
    expect(arrived.headers.get("x-proxy-user")).toBe("usr_alice");
    expect(arrived.headers.get("x-proxy-roles")).toBe("tenant_operator");
    expect(arrived.headers.get("x-forwarded-for")).not.toBe("127.0.0.1, 127.0.0.1");
    expect(arrived.headers.get("authorization")).toBeNull();
    expect(arrived.headers.get("x-edge-session")).toBeNull();
    expect(arrived.headers.get("osd-xsrf")).toBe("true");
    expect(arrived.headers.get("cookie")).toBe("theme=dark; security=x");
  });

  it("is asked for on every path, and its end is shown clearly", async () => {
    const tenant = await stoppedTenant();
    dashboardAnswers(() => new Response("secret"));
    for (const cookie of ["", "__Host-session=", `__Host-session=${"a".repeat(43)}`]) {
      const answer = await open(tenant, "/dashboard/app/home", cookie);
      expect(answer.status).toBe(401);
      expect(await answer.text()).toContain("Your session has ended");
    }
    const json = await open(tenant, "/dashboard/api/status", "", { headers: { accept: "application/json" } });
    expect(await answered(json, 401)).toMatchObject({ code: "SESSION_ENDED" });
  });

  it("does not open another tenant's dashboard", async () => {
    const [mine, theirs] = [await stoppedTenant(), await stoppedTenant()];
    dashboardAnswers(() => new Response("secret"));
    expect((await open(theirs, "/dashboard/", await signIn(mine))).status).toBe(401);
  });

  it("ends with the right it came from", async () => {
    const tenant = await stoppedTenant();
    dashboardAnswers(() => new Response("hello"));
    const cookie = await signIn(tenant, { ends_at: iso(1500) });
    expect((await open(tenant, "/dashboard/", cookie)).status).toBe(200);
    await scheduler.wait(1600);
    expect((await open(tenant, "/dashboard/", cookie)).status).toBe(401);
  });

  it("lasts eight hours at most, whatever was asked for", async () => {
    const tenant = await stoppedTenant();
    const { code, post_to } = await codeFor(tenant, { ends_at: iso(30 * 24 * 3600_000) });
    const age = Number(/Max-Age=(\d+)/.exec((await post(post_to, code)).headers.get("set-cookie") ?? "")?.[1]);
    expect(age).toBeLessThanOrEqual(8 * 3600);
  });

  it("lets a viewer read and search, but change nothing", async () => {
    const tenant = await stoppedTenant();
    dashboardAnswers(() => new Response("done"));
    const cookie = await signIn(tenant, { role: "viewer" });
    const send = (method: string, path: string) =>
      open(tenant, path, cookie, {
        method,
        headers: { origin: originOf(tenant) },
        ...(method === "GET" ? {} : { body: "{}" }),
      });
    expect((await send("GET", "/dashboard/app/home")).status).toBe(200);
    expect((await send("POST", "/dashboard/internal/search/opensearch")).status).toBe(200);
    for (const method of ["POST", "PUT", "PATCH", "DELETE"]) {
      expect((await send(method, "/dashboard/api/saved_objects/dashboard")).status).toBe(403);
    }
  });

  it("takes writes only from the tenant's own origin", async () => {
    const tenant = await stoppedTenant();
    dashboardAnswers(() => new Response("done"));
    const cookie = await signIn(tenant);
    const write = (origin?: string) =>
      open(tenant, "/dashboard/api/x", cookie, { method: "POST", body: "{}", headers: origin ? { origin } : {} });
    expect((await write(originOf(tenant))).status).toBe(200);
    for (const origin of [undefined, "null", PORTAL, originOf(await stoppedTenant()), "http://dashboards.test"]) {
      expect((await write(origin)).status).toBe(403);
    }
  });

  it("is withdrawn at once, with its open sockets", async () => {
    const tenant = await stoppedTenant();
    dashboardAnswers((request) => (request.headers.get("upgrade") ? echo() : new Response("hello")));
    const [alice, bob] = [await signIn(tenant), await signIn(tenant, { user: "usr_bob" })];
    const hers = await socketOf(tenant, alice);
    const his = await socketOf(tenant, bob);
    expect(await hers.say("hi")).toBe("hi");
    const rule = { epoch: 1, idempotency_key: "r1", before: iso(1000), subject: "usr_alice" };
    expect(await answered(call("POST", `/v1/tenants/${tenant}/revocations`, rule, "access"), 200)).toEqual({
      closed: 2,
    });
    expect(await answered(call("POST", `/v1/tenants/${tenant}/revocations`, rule, "control"), 200)).toEqual({
      closed: 2,
    });
    expect(await hers.closed).toBe(4401);
    expect((await open(tenant, "/dashboard/", alice)).status).toBe(401);
    expect((await open(tenant, "/dashboard/", bob)).status).toBe(200);
    expect(await his.say("still here")).toBe("still here");
  });

  it("is withdrawn by grant, connection, organization or portal session, if it is older than the rule", async () => {
    const tenant = await stoppedTenant();
    dashboardAnswers(() => new Response("hello"));
    const revoke = (named: object, before: string) => {
      const body = { epoch: 1, idempotency_key: crypto.randomUUID(), before, ...named };
      return call("POST", `/v1/tenants/${tenant}/revocations`, body, "access");
    };
    const ways = [
      { grant: "grant_1" },
      { connection: "conn_1" },
      { organization: "org_acme" },
      { session: "ses_usr_alice" },
    ];
    for (const named of ways) {
      const cookie = await signIn(tenant, { grant: "grant_1", connection: "conn_1" });
      expect(await answered(revoke(named, iso(-60_000)), 200)).toEqual({ closed: 0 });
      expect(await answered(revoke({ ...named, subject: "usr_other" }, iso(1000)), 200)).toEqual({ closed: 0 });
      expect(await answered(revoke(named, iso(0)), 200)).toEqual({ closed: 1 });
      expect((await open(tenant, "/dashboard/", cookie)).status).toBe(401);
    }
    await answered(revoke({}, iso(0)), 422);
  });

  it("loses codes that were not used yet, too", async () => {
    const tenant = await stoppedTenant();
    const { code, post_to } = await codeFor(tenant);
    const rule = { epoch: 1, idempotency_key: "r1", before: iso(1000), subject: "usr_alice" };
    await answered(call("POST", `/v1/tenants/${tenant}/revocations`, rule, "access"), 200);
    expect((await post(post_to, code)).status).toBe(403);
  });

  it("opens sockets only from the tenant's own origin", async () => {
    const tenant = await stoppedTenant();
    dashboardAnswers(() => echo());
    const cookie = await signIn(tenant);
    const upgrade = (origin: string) =>
      open(tenant, "/dashboard/ws", cookie, { headers: { upgrade: "websocket", origin } });
    expect((await upgrade(PORTAL)).status).toBe(403);
    expect((await upgrade(originOf(tenant))).status).toBe(101);
  });

  it("installs no service worker", async () => {
    const tenant = await stoppedTenant();
    dashboardAnswers(() => new Response("self.addEventListener('fetch', steal)"));
    const headers = { "service-worker": "script" };
    expect((await open(tenant, "/dashboard/sw.js", await signIn(tenant), { headers })).status).toBe(403);
  });

  it("says so when the tenant is not running", async () => {
    const tenant = await stoppedTenant();
    const answer = await open(tenant, "/dashboard/", await signIn(tenant));
    expect(answer.status).toBe(503);
    expect(await answer.text()).toContain("This tenant is not running");
  });
});

describe("the dashboard's answers", () => {
  it("lose what would reach beyond the tenant's origin", () => {
    const answered = new Headers({
      "service-worker-allowed": "/",
      "clear-site-data": '"*"',
      "access-control-allow-origin": "*",
      "access-control-allow-credentials": "true",
      "report-to": "{}",
      "content-type": "text/html",
      location: "http://node:5601/dashboard/app/home?x=1",
    });
    answered.append("set-cookie", "theme=dark; Domain=dashboards.test; Path=/; HttpOnly");
    answered.append("set-cookie", "__Host-session=planted; Path=/; Secure");
    const sent = dashboardAnswerHeaders(answered, new URL("http://t.dashboards.test"));
    expect(Object.fromEntries(sent)).toEqual({
      "content-type": "text/html",
      location: "/dashboard/app/home?x=1",
      "referrer-policy": "same-origin",
      "set-cookie": "theme=dark; Path=/; HttpOnly",
      "x-content-type-options": "nosniff",
    });
  });

  it("never redirect off the origin", () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.webUrl(), fc.constantFrom("//evil.example/x", "///evil.example", "/\\evil.example", "a/b", "?q")),
        (location) => {
          const origin = new URL("http://t.dashboards.test");
          const sent = dashboardAnswerHeaders(new Headers({ location }), origin).get("location") ?? "";
          return new URL(sent, origin).origin === origin.origin;
        },
      ),
    );
  });
});

describe("the roles", () => {
  it("never become an administrator of the cluster", () => {
    for (const role of DASHBOARD_ROLES) expect(UPSTREAM_ROLES[role]).toMatch(/^tenant_(admin|operator|readonly)$/);
  });

  it("are set by the edge, whatever headers come", () => {
    const names = fc.oneof(
      fc.constantFrom("X-Proxy-User", "x-proxy-roles", "x-forwarded-for", "authorization", "x-edge-session"),
      fc.stringMatching(/^x-[a-z]{1,12}$/),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(names, fc.stringMatching(/^[a-z_]{1,10}$/))), (pairs) => {
        const now = Date.now();
        const claims = {
          ...{ subject: "usr_vera", email: "", organization: "o", grant: null, connection: null, session: "s" },
          ...{ role: "viewer" as const, issuedAt: now, endsAt: now + 1 },
        };
        const sent = dashboardRequestHeaders(new Headers(pairs), {
          claims,
          address: "192.0.2.7",
          origin: new URL(API),
        });
        expect(sent.get("x-proxy-user")).toBe("usr_vera");
        expect(sent.get("x-proxy-roles")).toBe("tenant_readonly");
        expect(sent.get("x-forwarded-for")).toBe("192.0.2.7");
        expect(sent.get("authorization")).toBeNull();
        expect(sent.get("x-edge-session")).toBeNull();
      }),
    );
  });
});

describe("the hosts", () => {
  it("keep the API off the dashboards' origins, and dashboards off the API's", async () => {
    const tenant = await stoppedTenant();
    const pointer = await SELF.fetch(`${API}/dashboard/${tenant}`, { redirect: "manual" });
    expect(pointer.status).toBe(302);
    expect(pointer.headers.get("location")).toBe(`${originOf(tenant)}/dashboard/`);
    expect((await SELF.fetch(`${originOf(tenant)}/v1/tenants`)).status).toBe(404);
    expect((await SELF.fetch(`${originOf(tenant)}/api/events`)).status).toBe(404);
    expect((await SELF.fetch("http://unknown.dashboards.test/dashboard/")).status).toBeGreaterThanOrEqual(404);
  });
});

/** A WebSocket server that says what it hears. */
function echo(): Response {
  const { 0: client, 1: server } = new WebSocketPair();
  server.accept();
  server.addEventListener("message", (event) => server.send(event.data));
  return new Response(null, { status: 101, webSocket: client });
}

async function socketOf(tenant: string, cookie: string) {
  const headers = { upgrade: "websocket", origin: originOf(tenant) };
  const { webSocket: socket } = await open(tenant, "/dashboard/ws", cookie, { headers });
  if (!socket) throw new Error("no socket");
  const closed = new Promise<number>((resolve) => socket.addEventListener("close", (event) => resolve(event.code)));
  socket.accept();
  const say = (text: string) =>
    new Promise((resolve) => {
      socket.addEventListener("message", (event) => resolve(event.data), { once: true });
      socket.send(text);
    });
  return { say, closed };
}

async function age(tenant: string, sql: string): Promise<void> {
  const { runInDurableObject } = await import("cloudflare:test");
  await runInDurableObject(env.TENANT.getByName(tenant), (_, state) => void state.storage.sql.exec(sql));
}

/** Everything the tenant object has on disk. */
async function dump(tenant: string): Promise<string> {
  const { runInDurableObject } = await import("cloudflare:test");
  return runInDurableObject(env.TENANT.getByName(tenant), (_, { storage }) => {
    const tables = storage.sql.exec<{ name: string }>("SELECT name FROM sqlite_master WHERE type = 'table'").toArray();
    const own = tables.map(({ name }) => name).filter((name) => !name.startsWith("_cf") && !name.startsWith("sqlite"));
    return JSON.stringify(own.map((name) => storage.sql.exec(`SELECT * FROM "${name}"`).toArray()));
  });
}
