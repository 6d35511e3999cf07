import { env, runInDurableObject } from "cloudflare:test";
import { afterEach, describe, expect, it } from "vitest";
import { act } from "../src/tenant/acts";
import { effortOf } from "../src/tenant/efforts";
import { groupsOf } from "../src/tenant/labels";
import { LiveContext } from "../src/tenant/live_context";
import { prepareSubject } from "../src/tenant/node_records";
import type { TenantObject } from "../src/tenant/tenant_object";
import { answered, call, enroll, newToken, stoppedTenant } from "./support/edge";
import { behindManagers, Manager, noManagers } from "./support/manager_double";

afterEach(noManagers);

/** A tenant that is meant to run, as far as pushing agents goes; nothing drives it. */
const tenantWithAgents = async (...names: string[]) => (await tenantWith({ groups: ["linux", "web"] }, names)).tenant;

async function tenantWith(token: Parameters<typeof newToken>[1], names: string[]) {
  const tenant = await stoppedTenant();
  const { id, text } = await newToken(tenant, token);
  for (const name of names) await answered(enroll(text, name), 201);
  await inTenant(tenant, (_, sql) => void sql.exec("UPDATE tenant SET requested = 'running'"));
  return { tenant, token: id };
}

const inTenant = <R>(tenant: string, work: (object: TenantObject, sql: SqlStorage) => R): Promise<R> =>
  runInDurableObject(env.TENANT.getByName(tenant), async (object: TenantObject, state) =>
    work(object, state.storage.sql),
  );

/** Has the manager get what it lacks, as a connecting agent does. */
async function push(tenant: string, agent = "001"): Promise<void> {
  const digest = await inTenant(tenant, (_, sql) =>
    sql.exec<{ credential_sha256: string }>("SELECT credential_sha256 FROM agents WHERE id = ?", agent).one(),
  );
  await env.TENANT.getByName(tenant).connector(agent, digest.credential_sha256);
}

const pushed = (tenant: string) =>
  inTenant(tenant, (_, sql) => sql.exec<{ n: number }>("SELECT SUM(pushed) AS n FROM agents").one().n);

describe("agents on their way to the manager", () => {
  it("are there before their first connection is let through, with key and groups", async () => {
    const manager = behindManagers(new Manager());
    const tenant = await tenantWithAgents("web-1", "web-2");
    await push(tenant);
    expect([...manager.agents.values()]).toEqual([
      { id: "001", name: "web-1", key: expect.stringMatching(/^[0-9a-f]{64}$/), group: ["default", "linux", "web"] },
      { id: "002", name: "web-2", key: expect.stringMatching(/^[0-9a-f]{64}$/), group: ["default", "linux", "web"] },
    ]);
  });

  it("are in the groups of their token, and in one that labels them as the token says", async () => {
    const manager = behindManagers(new Manager());
    const labels = { site: "Köln", "cost.center": "4711" };
    const { tenant, token } = await tenantWith({ groups: ["linux"], labels }, ["web-1", "web-2"]);
    await push(tenant);
    const own = `token-${token}`;
    expect([...manager.agents.values()].map(({ group }) => group)).toEqual([
      ["default", "linux", own],
      ["default", "linux", own],
    ]);
    expect([...manager.configurations]).toEqual([
      [own, expect.stringContaining('<label key="site">Köln</label>\n    <label key="cost.center">4711</label>')],
    ]);
  });

  it("get labels of before, when any text was one, as nothing but text", () => {
    const [group] = groupsOf("abc", [], { 'a"b': "</label><disabled>&" });
    expect(group?.configuration).toContain('<label key="a&quot;b">&lt;/label&gt;&lt;disabled&gt;&amp;</label>');
  });

  it("are inserted once, though pushes race and an answer is lost", async () => {
    const manager = behindManagers(new Manager());
    const tenant = await tenantWithAgents("web-1");
    let lost = false;
    manager.fail = (request) => {
      if (lost || !request.url.endsWith("/agents/insert")) return null;
      lost = true;
      manager.agents.set("001", { id: "001", name: "web-1", key: "k", group: ["default"] });
      return new Response("gateway timeout", { status: 504 });
    };
    await Promise.all([push(tenant), push(tenant), push(tenant)]);
    expect(await pushed(tenant)).toBe(1);
    expect(manager.inserts).toBe(0);
    expect(manager.agents.get("001")?.group).toEqual(["default", "linux", "web"]);
  });

  it("do not wait long for a manager that is down, and are pushed when it is back", async () => {
    const manager = behindManagers(new Manager());
    manager.fail = () => new Response("", { status: 503 });
    const tenant = await tenantWithAgents("web-1");
    await push(tenant);
    expect(await pushed(tenant)).toBe(0);
    manager.fail = null;
    await push(tenant);
    expect(await pushed(tenant)).toBe(1);
  });

  it("survive the manager's own sign-in running out", async () => {
    const manager = behindManagers(new Manager());
    const tenant = await tenantWithAgents("web-1");
    await push(tenant);
    manager.token = "t1";
    manager.agents.clear();
    await inTenant(tenant, (_, sql) => void sql.exec("UPDATE agents SET pushed = 0"));
    await push(tenant);
    expect(manager.agents.size).toBe(1);
    expect(manager.signIns).toBe(2);
  });

  it("stay out when they are quarantined", async () => {
    const manager = behindManagers(new Manager());
    const tenant = await tenantWithAgents("web-1", "web-2");
    const body = { epoch: 1, idempotency_key: "q", reason: "malware" };
    await answered(call("POST", `/v1/tenants/${tenant}/agents/001/quarantine`, body), 200);
    await push(tenant, "002");
    expect([...manager.agents.keys()]).toEqual(["002"]);
  });
});

describe("quarantine", () => {
  const isolate = (tenant: string, agent: string, reason: string, idempotency_key = crypto.randomUUID()) =>
    call("POST", `/v1/tenants/${tenant}/agents/${agent}/quarantine`, { epoch: 1, idempotency_key, reason });

  it("finds no agent of another tenant", async () => {
    const [one, two] = [await tenantWithAgents("web-1"), await tenantWithAgents()];
    expect(await answered(isolate(two, "001", "malware"), 404)).toMatchObject({ code: "AGENT_NOT_FOUND" });
    expect(await inTenant(one, (_, sql) => sql.exec("SELECT quarantined_at FROM agents").one())).toEqual({
      quarantined_at: null,
    });
  });

  it("answers the same call again as before, and takes its key for no other", async () => {
    const tenant = await tenantWithAgents("web-1", "web-2");
    const first = await answered(isolate(tenant, "001", "malware", "q-1"), 200);
    expect(await answered(isolate(tenant, "001", "malware", "q-1"), 200)).toEqual(first);
    expect(await answered(isolate(tenant, "002", "malware", "q-1"), 409)).toMatchObject({
      code: "IDEMPOTENCY_CONFLICT",
    });
  });
});

describe("a manager that starts with an empty disk", () => {
  const prepare = { do: "prepare", role: "manager", n: 0 } as const;

  /** Prepares the manager as the driver does; what it counts as failed, and how long it waits. */
  const prepared = (tenant: string) =>
    runInDurableObject(env.TENANT.getByName(tenant), async (_object, state) => {
      const ctx = new LiveContext(state, env);
      await act(ctx, prepare);
      const { failures, retryAt } = effortOf(ctx, prepareSubject("manager", 0));
      return { failures, waits: retryAt - Date.now() };
    });

  it("gets every agent that it does not refuse, and is ready without the others", async () => {
    const manager = behindManagers(new Manager());
    const tenant = await tenantWithAgents("web-1", "web-2", "web-3");
    manager.fail = (request) =>
      request.url.endsWith("/agents/002/group/linux")
        ? Response.json({ title: "Bad Request", detail: "no", error: 1700 }, { status: 400 })
        : null;
    expect(await prepared(tenant)).toMatchObject({ failures: 0 });
    expect(await pushed(tenant)).toBe(2);
    expect([...manager.agents.keys()]).toEqual(["001", "002", "003"]);
    const due = await inTenant(tenant, (_, sql) => sql.exec("SELECT 1 FROM due WHERE kind = 'push_agents'").toArray());
    expect(due).toHaveLength(1);
  });

  it("is asked for each group once, however many agents are in it", async () => {
    const manager = behindManagers(new Manager());
    const tenant = await tenantWithAgents("web-1", "web-2", "web-3");
    await prepared(tenant);
    expect(manager.groupCalls).toBe(2);
  });

  it("waits out the API's limit of calls, which is no failure", async () => {
    const manager = behindManagers(new Manager());
    const tenant = await tenantWithAgents("web-1", "web-2");
    let calls = 0;
    manager.fail = () => (++calls > 4 ? Response.json({ error: 6001 }, { status: 429 }) : null);
    const { failures, waits } = await prepared(tenant);
    expect(failures).toBe(0);
    expect(waits).toBeGreaterThan(50_000);
  });

  it("counts a failure when it does not answer", async () => {
    behindManagers(new Manager()).fail = () => new Response("", { status: 503 });
    expect((await prepared(await tenantWithAgents("web-1"))).failures).toBe(1);
  });

  it("is not asked once for each of the agents that reconnect together", async () => {
    const manager = behindManagers(new Manager());
    const tenant = await tenantWithAgents("web-1", "web-2", "web-3", "web-4");
    let lists = 0;
    manager.fail = (request) => {
      if (request.method === "GET") lists += 1;
      return null;
    };
    await Promise.all(["001", "002", "003", "004"].map((agent) => push(tenant, agent)));
    expect(await pushed(tenant)).toBe(4);
    expect(lists).toBeLessThanOrEqual(2);
  });
});

describe("the list of agents", () => {
  const list = (tenant: string) =>
    answered<{ agents: { id: string; status: string; key?: string }[]; partial: boolean; reason: string | null }>(
      call("GET", `/v1/tenants/${tenant}/agents`, undefined, "access"),
      200,
    );

  it("joins what the edge knows with what the manager sees", async () => {
    behindManagers(new Manager());
    const tenant = await tenantWithAgents("web-1", "web-2");
    await push(tenant);
    const { agents, partial } = await list(tenant);
    expect(partial).toBe(false);
    expect(agents.map((agent) => [agent.id, agent.status])).toEqual([
      ["001", "active"],
      ["002", "active"],
    ]);
    expect(await answered(call("GET", `/v1/tenants/${tenant}`), 200)).toMatchObject({
      agents: { enrolled: 2, active: 2 },
    });
  });

  it("is partial, and says why, while the manager does not answer", async () => {
    const tenant = await tenantWithAgents("web-1");
    const { agents, partial, reason } = await list(tenant);
    expect(partial).toBe(true);
    expect(reason).toBeTruthy();
    expect(agents[0]).toMatchObject({ id: "001", status: "pending" });
  });
});
