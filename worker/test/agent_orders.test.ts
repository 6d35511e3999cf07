/** Groups, upgrades and removals: once each, with a result for every agent. */
import { env, runInDurableObject } from "cloudflare:test";
import { afterEach, describe, expect, it } from "vitest";
import type { AgentOrderView } from "../src/schemas/agent_orders";
import type { ChangePage } from "../src/schemas/feed";
import { workOnOrders } from "../src/tenant/agent_work";
import { agentsMissing } from "../src/tenant/agents";
import { LiveContext } from "../src/tenant/live_context";
import { pushAgents } from "../src/tenant/push";
import { agentOrder, agentOrderAt, isolate, orderAgents, removal } from "./support/calls";
import { attach, knock, pair } from "./support/connector";
import { answered, call, type Enrolled, enroll, newToken, stoppedTenant } from "./support/edge";
import { behindManagers, Manager, noManagers } from "./support/manager_double";
import { listenOnManagers } from "./support/manager_port";

afterEach(noManagers);

const epoch = 1;
const give = (tenant: string, body: unknown, name = agentOrder()) =>
  answered<AgentOrderView>(orderAgents(tenant, name, body), 202);
const states = ({ results }: AgentOrderView) => results.map(({ agent, state, note }) => [agent, state, note]);
const inside = <R>(tenant: string, work: (ctx: LiveContext) => R | Promise<R>): Promise<R> =>
  runInDurableObject(env.TENANT.getByName(tenant), async (_, state) => await work(new LiveContext(state, env)));
const statesAt = async (tenant: string, id: string) => states(await answered(agentOrderAt(tenant, id), 200));

/** A tenant with agents of a token whose manager serves, as far as agents go; nothing drives it. */
async function tenantWith(names: string[], groups: string[] = []) {
  const tenant = await stoppedTenant();
  const { text } = await newToken(tenant, { groups });
  for (const name of names) await answered(enroll(text, name), 201);
  await inside(tenant, async (ctx) => {
    ctx.sql.exec("UPDATE tenant SET requested = 'running', observed = 'running'");
    ctx.sql.exec(
      `INSERT INTO nodes (role, n, start, state, incarnation, restarts, prepared, checked_at)
       VALUES ('manager', 0, 1, 'running', '', 0, 1, 0)`,
    );
    await pushAgents(ctx);
  });
  return { tenant, text };
}

describe("an order to remove agents", () => {
  it("ends their connections and all that their credentials open, and the manager forgets them", async () => {
    const listening = listenOnManagers();
    const tenant = await stoppedTenant();
    const { text } = await newToken(tenant);
    const agent = await answered<Enrolled>(enroll(text, "web-1"), 201);
    const { closed } = await attach(tenant, pair(agent.connector));
    expect(states(await give(tenant, removal()))).toEqual([["001", "done", null]]);
    expect(await closed).toBe(1012);
    expect((await knock(tenant, pair(agent.connector))).status).toBe(401);
    listening.stop();
    expect(await answered(call("GET", `/v1/tenants/${tenant}/agents`), 200)).toMatchObject({ agents: [] });
  });

  it("reaches the manager when it serves, and again after a start from an older state", async () => {
    const manager = behindManagers(new Manager());
    const { tenant } = await tenantWith(["web-1", "web-2"]);
    const old = structuredClone(manager.agents.get("001"));
    await give(tenant, removal());
    await inside(tenant, pushAgents);
    expect([...manager.agents.keys()]).toEqual(["002"]);
    expect(manager.removals).toEqual([
      { agents: ["001"], query: "?agents_list=001&status=all&older_than=0s&purge=true" },
    ]);
    if (old) manager.agents.set("001", old);
    await inside(tenant, agentsMissing);
    expect([...manager.agents.keys()]).toEqual(["002"]);
  });

  it("gives its number to nobody else, and its name to whoever enrolls under it", async () => {
    const { tenant, text } = await tenantWith([]);
    await answered(enroll(text, "web-1"), 201);
    await give(tenant, removal());
    expect(await answered<Enrolled>(enroll(text, "web-1"), 201)).toMatchObject({ agent_id: "002" });
  });

  it("that is given again changes nothing, and under its id no other is taken", async () => {
    const { tenant } = await tenantWith([]);
    const id = agentOrder();
    const first = await give(tenant, removal(), id);
    expect(states(first)).toEqual([["001", "done", "It was not there any more."]]);
    expect(await give(tenant, removal(), id)).toEqual(first);
    const other = await answered(orderAgents(tenant, id, removal({ agents: ["002"] })), 409);
    expect(other).toMatchObject({ code: "AGENT_ORDER_CONFLICT" });
  });

  it("touches agents of its own tenant only", async () => {
    behindManagers(new Manager());
    const [mine, theirs] = [await tenantWith(["web-1"]), await tenantWith(["web-1"])];
    const { id } = await give(mine.tenant, removal());
    const { agents } = await answered<{ agents: object[] }>(call("GET", `/v1/tenants/${theirs.tenant}/agents`), 200);
    expect(agents).toHaveLength(1);
    expect(await answered(agentOrderAt(theirs.tenant, id), 404)).toMatchObject({ code: "AGENT_ORDER_NOT_FOUND" });
  });

  it("is in the tenant's feed and in its audit trail", async () => {
    const { tenant } = await tenantWith([]);
    const { id } = await give(tenant, removal());
    const changes = async () => {
      const { changes } = await answered<ChangePage>(call("GET", "/v1/changes?after=0"), 200);
      return changes.filter((change) => change.tenant === tenant && change.kind === "agent_order");
    };
    const results = [expect.objectContaining({ agent: "001", state: "done" })];
    await expect.poll(changes).toEqual([expect.objectContaining({ data: { order: id, results } })]);
    await expect
      .poll(async () => await env.WAZUH_EVENTS.getByName(tenant).replay(0, 100))
      .toContain('"action":"agents.ordered"');
  });
});

describe("an order about groups", () => {
  const grouped = (agents: string[], groups: string[]) => ({ epoch, kind: "groups", agents, groups });

  it("puts agents into exactly these groups, wherever they were, and leaves the one of all agents", async () => {
    const manager = behindManagers(new Manager());
    const { tenant } = await tenantWith(["web-1", "web-2"], ["linux", "old"]);
    const { id } = await give(tenant, grouped(["001"], ["linux", "web"]));
    await inside(tenant, workOnOrders);
    expect(await statesAt(tenant, id)).toEqual([["001", "done", null]]);
    expect(manager.agents.get("001")?.group.sort()).toEqual(["default", "linux", "web"]);
    expect(manager.agents.get("002")?.group).toEqual(["default", "linux", "old"]);
  });

  it("waits for a manager that does not serve, and for a week at most", async () => {
    const { tenant } = await tenantWith([]);
    const manager = behindManagers(new Manager());
    const { text } = await newToken(tenant);
    await answered(enroll(text, "web-1"), 201);
    await inside(tenant, ({ sql }) => sql.exec("UPDATE tenant SET requested = 'stopped'"));
    const { id } = await give(tenant, grouped(["001"], ["web"]));
    await inside(tenant, workOnOrders);
    expect(await statesAt(tenant, id)).toEqual([["001", "waiting", null]]);
    await inside(tenant, ({ sql }) => sql.exec("UPDATE agent_orders SET ordered_at = 0"));
    await inside(tenant, workOnOrders);
    expect(await statesAt(tenant, id)).toEqual([["001", "failed", "The manager did not run for a week."]]);
    expect(manager.agents.size).toBe(0);
  });

  it("tells of each agent that the manager refused it, and does the others", async () => {
    const manager = behindManagers(new Manager());
    const { tenant } = await tenantWith(["web-1", "web-2", "web-3"]);
    manager.fail = (request) =>
      request.url.endsWith("/agents/001/group/web")
        ? Response.json({ title: "Bad Request", detail: "no room", error: 1700 }, { status: 400 })
        : null;
    await answered(isolate(tenant, "003"), 200);
    manager.agents.delete("003");
    const { id } = await give(tenant, grouped(["001", "002", "003", "777"], ["web"]));
    await inside(tenant, workOnOrders);
    expect(await statesAt(tenant, id)).toEqual([
      ["001", "failed", "the manager answered 400 to PUT /agents/001/group/web: no room"],
      ["002", "done", null],
      ["003", "failed", "It is quarantined."],
      ["777", "failed", "There is no such agent in this tenant."],
    ]);
  });
});

describe("an order to restart agents", () => {
  const restart = (agents: string[]) => ({ epoch, kind: "restart", agents });

  it("is sent by the manager once, and what is not connected fails in its words", async () => {
    const manager = behindManagers(new Manager());
    const { tenant } = await tenantWith(["web-1", "web-2"]);
    manager.restartRefusals.set("002", [1707, "Cannot send request, agent is not active"]);
    const { id } = await give(tenant, restart(["001", "002", "009"]));
    await inside(tenant, workOnOrders);
    await inside(tenant, workOnOrders);
    expect(await statesAt(tenant, id)).toEqual([
      ["001", "done", null],
      ["002", "failed", "Cannot send request, agent is not active"],
      ["009", "failed", "There is no such agent in this tenant."],
    ]);
    expect(manager.restarted).toEqual(["001"]);
  });

  it("waits for a manager that does not run", async () => {
    const manager = behindManagers(new Manager());
    const { tenant } = await tenantWith(["web-1"]);
    await inside(tenant, (ctx) => ctx.sql.exec("UPDATE tenant SET requested = 'stopped'"));
    const { id } = await give(tenant, restart(["001"]));
    await inside(tenant, workOnOrders);
    expect(await statesAt(tenant, id)).toEqual([["001", "waiting", null]]);
    expect(manager.restarted).toEqual([]);
  });
});

describe("an order to upgrade agents", () => {
  const upgrade = (agents: string[], more = {}) => ({ epoch, kind: "upgrade", agents, ...more });

  it("is followed until each agent's end, which is told in the manager's words", async () => {
    const manager = behindManagers(new Manager());
    const { tenant } = await tenantWith(["a-1", "a-2", "a-3", "a-4"]);
    manager.upgradeRefusals.set("002", [1822, "The repository is not reachable"]);
    // What was asked for before the edge died in between goes on.
    manager.upgradeRefusals.set("004", [1819, "Upgrade procedure could not start. Agent already upgrading"]);
    manager.upgradeTasks.set("004", { status: "In queue" });
    const { id } = await give(tenant, upgrade(["001", "002", "003", "004"], { version: "v4.14.7" }));
    await inside(tenant, workOnOrders);
    expect(manager.upgradesAsked).toEqual(["?agents_list=001,002,003,004&upgrade_version=v4.14.7"]);
    expect(await statesAt(tenant, id)).toEqual([
      ["001", "working", null],
      ["002", "failed", "The repository is not reachable"],
      ["003", "working", null],
      ["004", "working", null],
    ]);
    manager.upgradeTasks.set("001", { status: "Updated" });
    manager.upgradeTasks.set("003", { status: "Error", error_msg: "Send open file error" });
    manager.upgradeTasks.set("004", { status: "Task cancelled since the manager was restarted" });
    await inside(tenant, workOnOrders);
    expect(await statesAt(tenant, id)).toEqual([
      ["001", "done", null],
      ["002", "failed", "The repository is not reachable"],
      ["003", "failed", "Send open file error"],
      ["004", "failed", "Task cancelled since the manager was restarted"],
    ]);
    expect(manager.upgradesAsked).toHaveLength(1);
  });

  it("is given up after an hour in which the manager told nothing", async () => {
    const manager = behindManagers(new Manager());
    const { tenant } = await tenantWith(["a-1"]);
    const { id } = await give(tenant, upgrade(["001"]));
    await inside(tenant, workOnOrders);
    manager.upgradeTasks.clear();
    await inside(tenant, ({ sql }) => sql.exec("UPDATE agent_results SET at = 0"));
    await inside(tenant, workOnOrders);
    expect((await statesAt(tenant, id))[0]?.slice(0, 2)).toEqual(["001", "failed"]);
  });
});
