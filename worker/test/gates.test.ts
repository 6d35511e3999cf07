import { createExecutionContext, env, runInDurableObject } from "cloudflare:test";
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import type { Page } from "../src/events/events";
import { documentId } from "../src/gates/bulk";
import { Gate } from "../src/gates/gate";
import { GATE_TABLE, type NodeProps, ruleFor } from "../src/gates/table";
import { IndexerContainer } from "../src/tenant/nodes/indexer";
import { ManagerContainer } from "../src/tenant/nodes/manager";
import { getWithBody, stoppedTenant } from "./support/edge";
import { keptOf } from "./support/journal";

const INDEX = "wazuh-alerts-4.x-2026.11.23";

/** A request as it comes out of a container of this role. */
async function from(
  tenant: string,
  role: NodeProps["role"],
  method: string,
  url: string,
  body?: string,
  headers: Record<string, string> = {},
): Promise<{ status: number; body: Record<string, unknown> }> {
  const stub = env.TENANT.getByName(tenant);
  return runInDurableObject(stub, async (_, state) => {
    const gate = state.exports.Gate({ props: { tenant, role, n: 0, generation: 1 } });
    const answer = await gate.fetch(new Request(url, { method, headers, ...(body === undefined ? {} : { body }) }));
    return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
  });
}

const bulk = (...ids: string[]) =>
  ids.map((id) => `{"index":{"_index":"${INDEX}","_id":"forged"}}\n${JSON.stringify({ id, full_log: id })}\n`).join("");

const digest = (id: string, more = {}) => ({
  ...{ timestamp: "2026-11-23T10:00:00.000+0000", id, location: "/var/log/auth.log" },
  ...{ rule: { id: "5710", level: 5, description: "sshd: attempt", groups: ["sshd"] } },
  ...{ agent: { id: "001", name: "web-1", ip: "10.0.0.5" }, ...more },
});

/** Puts a process of the test's own behind a node's ports. */
function behind(nodes: typeof IndexerContainer | typeof ManagerContainer, answer: (request: Request) => Response) {
  const prototype = nodes.prototype as unknown as { port: unknown };
  const original = prototype.port;
  prototype.port = () => ({ fetch: async (url: string, request: Request) => answer(new Request(url, request)) });
  afterEach(() => {
    prototype.port = original;
  });
}

describe("a manager's gate", () => {
  it("acknowledges alerts once they are in the journal, though no indexer runs, under ids of its own", async () => {
    const tenant = await stoppedTenant();
    const { status, body } = await from(tenant, "manager", "POST", "http://indexer.internal/_bulk", bulk("1.1", "1.2"));
    expect(status).toBe(200);
    const ids = ["1.1", "1.2"].map((id) => documentId(tenant, 0, id));
    const stored = (body.items as { index: { _id: string; status: number } }[]).map((item) => item.index);
    expect(body.errors).toBe(false);
    expect(stored.map((item) => item._id)).toEqual(ids);
    expect(stored.every((item) => item.status === 201)).toBe(true);
    expect(await keptOf(tenant)).toBe(2);
  });

  it("does not acknowledge what the journal could not take", async () => {
    const tenant = await stoppedTenant();
    const original = IndexerContainer.prototype.keep;
    IndexerContainer.prototype.keep = () => Promise.reject(new Error("disk full"));
    await expect(from(tenant, "manager", "POST", "http://indexer.internal/_bulk", bulk("1.1"))).rejects.toThrow();
    IndexerContainer.prototype.keep = original;
  });

  it.each([
    ["deletions", `{"delete":{"_index":"${INDEX}","_id":"x"}}\n{}\n`, 400],
    ["thousands of tiny documents", `{"index":{"_index":"${INDEX}"}}\n{}\n`.repeat(6000), 413],
    ["too much at once", "x".repeat(11 * 1024 * 1024), 413],
  ])("refuses %s in a bulk body", async (_, body, status) => {
    const tenant = await stoppedTenant();
    expect((await from(tenant, "manager", "POST", "http://indexer.internal/_bulk", body)).status).toBe(status);
    expect(await keptOf(tenant)).toBe(0);
  });

  it("answers each document by itself, so that one which nobody takes does not hold up the others", async () => {
    const tenant = await stoppedTenant();
    const large = `{"index":{"_index":"${INDEX}"}}\n${JSON.stringify({ id: "1.2", full_log: "x".repeat(1_100_000) })}\n`;
    const foreign = '{"create":{"_index":".kibana"}}\n{}\n';
    const sent = bulk("1.1") + large + foreign + bulk("1.3");
    const { status, body } = await from(tenant, "manager", "POST", "http://indexer.internal/_bulk", sent);
    const results = (body.items as Record<string, { status: number; error?: object }>[]).map(
      (item) => Object.values(item)[0],
    );
    expect(status).toBe(200);
    expect(body.errors).toBe(true);
    expect(results.map((result) => result?.status)).toEqual([201, 413, 400, 201]);
    expect(results[1]?.error).toMatchObject({ type: expect.any(String), reason: expect.any(String) });
    expect(await keptOf(tenant)).toBe(2);
  });

  it("takes the good digests of a batch, counts the others, and cuts what is too long", async () => {
    const tenant = await stoppedTenant();
    const long = "\u0001".repeat(70_000);
    const list = Array.from({ length: 100 }, () => long.slice(0, 100));
    const mitre = { id: list, tactic: list, technique: list };
    const agent = { id: long, name: long, ip: long };
    const rule = { id: long, level: 5, description: long, groups: list, mitre };
    const largest = digest("1".repeat(128), { timestamp: long, rule, location: long, agent });
    const sent = [digest("1.1"), { id: "1" }, digest("1.3", { rule: { id: "1", level: 99, description: "" } })];
    const send = (batch: object[]) =>
      from(tenant, "manager", "POST", "http://events.internal/alerts", JSON.stringify(batch));
    expect(await send(sent)).toMatchObject({ status: 200, body: { added: 1, refused: 2 } });
    expect(await send([largest])).toMatchObject({ status: 200, body: { added: 1, refused: 0 } });
  });

  it("puts digests into the stream once, without the log line", async () => {
    const tenant = await stoppedTenant();
    const sent = JSON.stringify([digest("1.1", { full_log: "secret", data: { password: "secret" } }), digest("1.2")]);
    for (let time = 0; time < 3; time++) {
      expect((await from(tenant, "manager", "POST", "http://events.internal/alerts", sent)).status).toBe(200);
    }
    const page = JSON.parse(await env.WAZUH_EVENTS.getByName(tenant).replay(0, 100)) as Page;
    const alerts = page.events.filter((event) => event.kind === "alert");
    expect(alerts.map((event) => (event.data as { id: string }).id)).toEqual(["1.1", "1.2"]);
    expect(JSON.stringify(alerts)).not.toContain("secret");
  });

  it("takes heartbeats, and refuses what is neither digest nor heartbeat", async () => {
    const tenant = await stoppedTenant();
    const send = (path: string, body: string) => from(tenant, "manager", "POST", `http://events.internal${path}`, body);
    expect((await send("/heartbeat", '{"agents_active":3}')).status).toBe(200);
    expect((await send("/heartbeat", "[]")).status).toBe(400);
    expect((await send("/heartbeat", JSON.stringify({ big: "x".repeat(5000) }))).status).toBe(400);
    expect((await send("/alerts", '{"id":"1"}')).status).toBe(400);
    const many = Object.fromEntries(Array.from({ length: 5000 }, (_, n) => [`agents_of_group_${n}`, n]));
    expect((await send("/heartbeat", JSON.stringify({ many }))).status).toBe(400);
    expect((await send("/alerts", "\u0000")).status).toBe(400);
  });

  it("makes no audit record of what a container says, whatever it calls it", async () => {
    const tenant = await stoppedTenant();
    const said = { kind: "audit", action: "access.revoked", by: "portal" };
    const send = (path: string, body: object) =>
      from(tenant, "manager", "POST", `http://events.internal${path}`, JSON.stringify(body));
    expect((await send("/heartbeat", said)).status).toBe(200);
    expect((await send("/alerts", [{ ...digest("1.1"), ...said }])).status).toBe(200);
    expect((await send("/audit", said)).status).toBe(403);
    const { events } = JSON.parse(await env.WAZUH_EVENTS.getByName(tenant).replay(0, 100)) as Page;
    const told = events.filter(({ data }) => JSON.stringify(data).includes("access.revoked"));
    expect(told.map(({ kind }) => kind)).toEqual(["heartbeat"]);
    expect(events.filter(({ kind }) => kind === "alert")).toHaveLength(1);
  });

  it("hears from the indexer itself which version it is, as Filebeat asks before it sends", async () => {
    const tenant = await stoppedTenant();
    const version = { version: { number: "7.10.2" } };
    behind(IndexerContainer, (request) => Response.json(new URL(request.url).pathname === "/" ? version : {}));
    expect(await from(tenant, "manager", "GET", "http://indexer.internal/")).toEqual({ status: 200, body: version });
    expect((await from(tenant, "manager", "GET", "http://indexer.internal/_cat/indices")).status).toBe(403);
  });

  it("cannot speak for another tenant, whatever it claims", async () => {
    const [mine, theirs] = [await stoppedTenant(), await stoppedTenant()];
    const headers = { "x-tenant": theirs, "x-proxy-user": "admin", host: "indexer.internal" };
    await from(mine, "manager", "POST", "http://indexer.internal/_bulk", bulk("1.1"), headers);
    expect(await keptOf(theirs)).toBe(0);
    expect(await keptOf(mine)).toBe(1);
  });
});

describe("a dashboard's gate", () => {
  it("carries the user's identity to the indexer, and nothing it should not", async () => {
    const tenant = await stoppedTenant();
    behind(IndexerContainer, (request) => Response.json(Object.fromEntries(request.headers)));
    const headers = {
      "x-proxy-user": "usr_alice",
      "x-proxy-roles": "tenant_admin",
      "x-forwarded-for": "192.0.2.1",
      "x-edge-session": "{}",
      cookie: "security_authentication=1",
    };
    const { body } = await from(tenant, "dashboard", "POST", `http://indexer.internal/${INDEX}/_search`, "{}", headers);
    expect(body).toMatchObject({
      "x-proxy-user": "usr_alice",
      "x-proxy-roles": "tenant_admin",
      "x-forwarded-for": "192.0.2.1",
    });
    expect(body).not.toHaveProperty("cookie");
    expect(body).not.toHaveProperty("x-edge-session");
  });

  it("refuses a search by GET with a body, which would find everything without it", async () => {
    const tenant = await stoppedTenant();
    behind(IndexerContainer, (request) => Response.json({ length: request.headers.get("content-length") }));
    const props: NodeProps = { tenant, role: "dashboard", n: 0, generation: 1 };
    const gate = new Gate(Object.assign(createExecutionContext(), { props }) as never, env);
    const search = (body: string) => gate.fetch(getWithBody(`http://indexer.internal/${INDEX}/_search`, body));
    expect((await search(JSON.stringify({ query: { term: { id: "1" } } }))).status).toBe(400);
    expect(await (await search("")).json()).toEqual({ length: null });
  });

  it("reaches the manager's API", async () => {
    const tenant = await stoppedTenant();
    behind(ManagerContainer, (request) => Response.json({ at: new URL(request.url).pathname }));
    expect((await from(tenant, "dashboard", "GET", "http://manager.internal/manager/info")).body).toEqual({
      at: "/manager/info",
    });
  });
});

describe("the table of calls", () => {
  const allowed: [NodeProps["role"], string, string, string][] = [
    ["manager", "indexer.internal", "POST", "/_bulk"],
    ["manager", "indexer.internal", "GET", "/"],
    ["manager", "events.internal", "POST", "/alerts"],
    ["manager", "events.internal", "POST", "/heartbeat"],
    ["manager", "mesh.internal", "GET", "/0"],
    ["indexer", "mesh.internal", "GET", "/9"],
    ["dashboard", "indexer.internal", "GET", "/wazuh-alerts-*/_search"],
    ["dashboard", "indexer.internal", "POST", "/wazuh-alerts-4.x-*/_search"],
    ["dashboard", "indexer.internal", "POST", "/wazuh-alerts-4.x-2026.11.23/_count"],
    ["dashboard", "indexer.internal", "GET", "/_cluster/health"],
    ["dashboard", "manager.internal", "POST", "/security/user/authenticate"],
    ["dashboard", "manager.internal", "GET", "/agents"],
    ["dashboard", "manager.internal", "GET", "/agents/summary/status"],
    ["dashboard", "manager.internal", "GET", "/manager/info"],
    ["dashboard", "manager.internal", "PUT", "/agents/001/restart"],
  ];

  it.each(allowed)("lets a %s call %s %s %s", (role, name, method, path) => {
    expect(ruleFor(role, name, method, path)).not.toBeNull();
  });

  it.each([
    ["manager", "indexer.internal", "GET", "/_search"],
    ["manager", "indexer.internal", "DELETE", `/${INDEX}`],
    ["manager", "indexer.internal", "POST", `/${INDEX}/_bulk`],
    ["manager", "indexer.internal", "POST", `/${INDEX}/_delete_by_query`],
    ["manager", "manager.internal", "GET", "/agents"],
    ["dashboard", "indexer.internal", "POST", "/_bulk"],
    ["dashboard", "indexer.internal", "GET", "/_search"],
    ["dashboard", "indexer.internal", "POST", "/.opendistro_security/_search"],
    ["dashboard", "indexer.internal", "POST", "/wazuh-alerts-*,.kibana/_search"],
    ["dashboard", "indexer.internal", "DELETE", "/wazuh-alerts-*"],
    ["dashboard", "manager.internal", "POST", "/agents"],
    ["dashboard", "manager.internal", "POST", "/agents/insert"],
    ["dashboard", "manager.internal", "DELETE", "/agents"],
    ["dashboard", "manager.internal", "GET", "/agents/001/key"],
    ["dashboard", "manager.internal", "PUT", "/security/users/1"],
    ["dashboard", "events.internal", "POST", "/alerts"],
    ["indexer", "indexer.internal", "POST", "/_bulk"],
    ["indexer", "state.internal", "POST", "/archives"],
    ["indexer", "state.internal", "PUT", `/files/${"0".repeat(64)}`],
    ["indexer", "repository.internal", "PUT", "/snapshots"],
    ["indexer", "repository.internal", "GET", "/another-bucket/key"],
    ["manager", "repository.internal", "GET", "/snapshots/index-0"],
    ["manager", "state.internal", "POST", "/front"],
    ["dashboard", "repository.internal", "GET", "/snapshots/"],
    ["certs", "manager.internal", "GET", "/agents"],
  ] as const)("refuses a %s at %s: %s %s", async (role, name, method, path) => {
    expect(ruleFor(role, name, method, path)).toBeNull();
    const body = method === "POST" ? "{}" : undefined;
    expect((await from(await stoppedTenant(), role, method, `http://${name}${path}`, body)).status).toBe(403);
  });

  const roles = fc.constantFrom<NodeProps["role"][]>("manager", "indexer", "dashboard", "certs");
  const names = fc.oneof(
    fc.constantFrom("indexer.internal", "manager.internal", "events.internal", "state.internal"),
    fc.constantFrom("mesh.internal", "repository.internal"),
    fc.constantFrom("__proto__", "constructor", "indexer.internal.", "INDEXER.INTERNAL", "x.indexer.internal"),
    fc.domain(),
  );
  const methods = fc.constantFrom("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "bulk");
  const words = fc.constantFrom(
    ...[
      "_bulk",
      "_search",
      "_count",
      "_cluster",
      "health",
      "alerts",
      "heartbeat",
      "agents",
      "rules",
      "groups",
      "manager",
    ],
  );
  const odd = fc.constantFrom(
    "..",
    ".",
    "",
    "%2e%2e",
    "wazuh-alerts-*",
    "_all",
    "*",
    "insert",
    "001",
    "key",
    "security",
  );
  const paths = fc
    .array(fc.oneof(words, odd, fc.string({ maxLength: 8 })), { maxLength: 4 })
    .map((parts) => `/${parts.join("/")}`);

  it("holds nothing for a role, name or method that has no row", () => {
    fc.assert(
      fc.property(roles, names, methods, paths, (role, name, method, path) => {
        const hit = ruleFor(role, name, method, path);
        if (!hit) return true;
        const known = allowed.some(([r, n]) => r === role && n === name);
        const exact =
          role !== "manager" ||
          (name === "mesh.internal" && /^\/\d$/.test(path)) ||
          allowed.some(([r, n, m, p]) => r === role && n === name && m === method && p === path);
        const agentKey = /^\/agents\/.*\/key$/.test(path);
        return known && exact && !path.includes("..") && !path.includes("%") && !agentKey;
      }),
      { numRuns: 20_000 },
    );
  });

  it("knows every role", () => {
    expect(Object.keys(GATE_TABLE).sort()).toEqual(["certs", "dashboard", "indexer", "manager"]);
  });
});
