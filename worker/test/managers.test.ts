/** A tenant with several managers: how they are started, which agent goes where, and what becomes of their state. */
import { env, runInDurableObject } from "cloudflare:test";
import { afterEach, describe, expect, it } from "vitest";
import type { TenantView } from "../src/schemas/tenant";
import { idleDue } from "../src/tenant/idle";
import { LiveContext } from "../src/tenant/live_context";
import { type AgentRoute, requireJoined } from "../src/tenant/managers";
import { nodeStub } from "../src/tenant/nodes/names";
import { NotYet } from "../src/tenant/not_yet";
import { backUp, restore, restoreBody } from "./support/backup_calls";
import { connect, enrolledAgent, knock, pair } from "./support/connector";
import { containerNamed, DAEMONS, JOINED, world } from "./support/containers";
import { answered, call, type Enrolled, newTenantId, PLAN } from "./support/edge";
import { listenOnManagers } from "./support/manager_port";
import { getTenant, putTenant, specOf, until } from "./support/tenants";

const several = (count: number) => ({ ...PLAN, roles: { ...PLAN.roles, manager: { ...PLAN.roles.manager, count } } });
const managersIn = (view: TenantView) => view.nodes.filter(({ role }) => role === "manager");
const manager = (id: string, n: number) => containerNamed(`${id}:manager:${n}`, "manager");
const runs = (view: TenantView) => view.observed === "running";

async function tenantWith(count: number): Promise<string> {
  const id = newTenantId();
  await putTenant(id, specOf(1, { plan: several(count) }));
  await until(id, runs);
  return id;
}

const sql = (id: string, statement: string) =>
  runInDurableObject(env.TENANT.getByName(id), (_, { storage }) => void storage.sql.exec(statement));

/** An agent that was enrolled long enough ago for every manager to know it. */
async function knownAgent(id: string, name: string): Promise<Enrolled> {
  const agent = await enrolledAgent(id, name);
  await sql(id, "UPDATE agents SET enrolled_at = enrolled_at - 60000");
  return agent;
}

/** Where the tenant object sends an agent. */
const routeOf = (id: string, agent: string): Promise<AgentRoute> =>
  runInDurableObject(env.TENANT.getByName(id), (object) => object.agentRoute(agent));

let stop = () => {};
afterEach(() => {
  stop();
  world.says.clear();
  world.silent.clear();
});

function listening() {
  const opened = listenOnManagers();
  stop = opened.stop;
  return opened;
}

describe("several managers", () => {
  it("are a master and workers that find it through the mesh, of one cluster with one key", async () => {
    const id = await tenantWith(3);
    const of = (name: string) => [0, 1, 2].map((n) => manager(id, n).env[name]);
    expect(of("NODE_TYPE")).toEqual(["master", "worker", "worker"]);
    expect(of("MESH_LISTEN")).toEqual(["", "1516=0", "1516=0"]);
    expect(of("CLUSTER_DISABLED")).toEqual(["no", "no", "no"]);
    expect(of("NODE_NAME")).toEqual(["manager-0", "manager-1", "manager-2"]);
    expect(new Set(of("WAZUH_CLUSTER_KEY")).size).toBe(1);
    const certificates = Object.keys(JSON.parse(manager(id, 2).env.NODE_CERTIFICATES ?? "{}")).sort();
    expect(certificates).toEqual(["manager-2-key.pem", "manager-2.pem", "root-ca.pem"]);
  });

  it("are none for a tenant with one, which is started as it always was", async () => {
    const id = await tenantWith(1);
    const { CLUSTER_DISABLED, MESH_LISTEN, NODE_TYPE } = manager(id, 0).env;
    expect([NODE_TYPE, CLUSTER_DISABLED, MESH_LISTEN]).toEqual(["master", "yes", ""]);
  });

  it.each([0, 6])("cannot be %s", async (count) => {
    const refusal = await answered<{ details: { path: string }[] }>(
      call("PUT", `/v1/tenants/${newTenantId()}`, specOf(1, { plan: several(count) })),
      422,
    );
    expect(refusal.details.map(({ path }) => path)).toEqual(["plan.roles.manager.count"]);
  });

  it("count as running once every worker has joined", async () => {
    const id = newTenantId();
    world.says.set(`${id}:manager:0/cluster/healthcheck`, { data: { affected_items: [] }, error: 0 });
    await putTenant(id, specOf(1, { plan: several(2) }));
    await until(id, (view) => managersIn(view).filter(({ state }) => state === "running").length === 2);
    await until(id, ({ run }) => run?.steps.find(({ name }) => name === "manager")?.error?.code === "NODE_NOT_READY");
    expect((await getTenant(id)).observed).toBe("starting");
    world.says.set(`${id}:manager:0/cluster/healthcheck`, { data: { affected_items: [{ status: JOINED }] }, error: 0 });
    await until(id, runs);
  });

  it("wait for a worker to join for a while, which begins anew with each of both", async () => {
    const id = await tenantWith(2);
    world.says.set(`${id}:manager:0/cluster/healthcheck`, { data: { affected_items: [] }, error: 0 });
    const refusal = () =>
      runInDurableObject(env.TENANT.getByName(id), (_, state) =>
        requireJoined(new LiveContext(state, env), 1).catch((error: unknown) => error),
      );
    await sql(id, "UPDATE nodes SET ready_at = ready_at - 600000 WHERE role = 'manager' AND n = 1");
    expect(await refusal()).toBeInstanceOf(NotYet);
    await sql(id, "UPDATE nodes SET ready_at = ready_at - 600000 WHERE role = 'manager' AND n = 0");
    expect(await refusal()).toMatchObject({ code: "NODE_NOT_READY" });
    expect(await refusal()).not.toBeInstanceOf(NotYet);
  });

  it("become more and fewer, and those that are left over end", async () => {
    const id = await tenantWith(1);
    await putTenant(id, specOf(2, { plan: several(3) }));
    const grown = await until(id, (view) => runs(view) && view.observed_generation === 2);
    expect(managersIn(grown).map(({ n, state }) => `${n} ${state}`)).toEqual(["0 running", "1 running", "2 running"]);
    expect(manager(id, 0).env.CLUSTER_DISABLED).toBe("no");
    await putTenant(id, specOf(3, { plan: several(1) }));
    const fewer = await until(id, (view) => runs(view) && view.observed_generation === 3);
    expect(managersIn(fewer).map(({ n }) => n)).toEqual([0]);
    expect([0, 1, 2].map((n) => manager(id, n).running)).toEqual([true, false, false]);
    expect(manager(id, 0).env.CLUSTER_DISABLED).toBe("yes");
  });

  it("each have a row of health: a worker's is what its master knows, with the cluster's daemon", async () => {
    const id = await tenantWith(2);
    const daemons = { ...DAEMONS, "wazuh-clusterd": "stopped" };
    world.says.set(`${id}:manager:0/cluster/manager-1/status`, { data: { affected_items: [daemons] }, error: 0 });
    await sql(id, "INSERT OR REPLACE INTO due (kind, key, at, attempts) VALUES ('health', '', 1, 0)");
    const checked = await until(id, (view) => managersIn(view).every(({ health }) => health.state !== "unknown"));
    expect(managersIn(checked).map(({ health }) => [health.state, health.detail?.code])).toEqual([
      ["ok", undefined],
      ["failing", "DAEMON_DOWN"],
    ]);
  });

  it("are all asked who uses the tenant before it sleeps", async () => {
    const id = newTenantId();
    await putTenant(id, specOf(1, { plan: { ...several(3), sleep: { after_minutes: 15 } } }));
    await until(id, runs);
    const agent = await knownAgent(id, "web-1");
    const { connections } = listening();
    await connect(id, agent);
    await expect.poll(() => connections.length).toBe(1);
    await runInDurableObject(env.TENANT.getByName(id), (_, state) => idleDue(new LiveContext(state, env)));
    expect((await getTenant(id)).sleeping).toBeNull();
    const refusal = call("POST", `/v1/tenants/${id}/sleep`, { epoch: 1, operation_id: `op_${"a".repeat(20)}` });
    expect(await answered(refusal, 409)).toMatchObject({ code: "AGENTS_CONNECTED" });
  });
});

describe("an agent of a tenant with several managers", () => {
  const AGENTS = Array.from({ length: 60 }, (_, at) => String(at + 1).padStart(3, "0"));
  const firstOf = (routes: AgentRoute[]) => routes.map(({ nodes }) => nodes[0]);
  const routes = (id: string) => Promise.all(AGENTS.map((agent) => routeOf(id, agent)));

  it("always goes to the same one, and all of them get their share", async () => {
    const id = await tenantWith(3);
    const places = firstOf(await routes(id));
    expect(firstOf(await routes(id))).toEqual(places);
    for (const n of [0, 1, 2]) expect(places.filter((place) => place === n).length).toBeGreaterThan(10);
  });

  it("goes elsewhere only if its own does not run, and back to it when it does", async () => {
    const id = await tenantWith(3);
    const before = firstOf(await routes(id));
    await sql(id, "UPDATE nodes SET state = 'failed' WHERE role = 'manager' AND n = 1");
    const without = firstOf(await routes(id));
    expect(without).not.toContain(1);
    expect(without.filter((place, at) => place !== before[at] && before[at] !== 1)).toEqual([]);
    await sql(id, "UPDATE nodes SET state = 'running' WHERE role = 'manager' AND n = 1");
    expect(firstOf(await routes(id))).toEqual(before);
  });

  it("goes to one that has not joined only where no other runs, and never to one that the plan has no longer", async () => {
    const id = await tenantWith(3);
    await sql(id, "UPDATE nodes SET prepared = 0 WHERE role = 'manager' AND n = 1");
    expect(firstOf(await routes(id))).not.toContain(1);
    await sql(id, "UPDATE nodes SET state = 'failed' WHERE role = 'manager' AND n <> 1");
    expect(new Set(firstOf(await routes(id)))).toEqual(new Set([1]));
    await sql(id, "UPDATE nodes SET state = 'running' WHERE role = 'manager'");
    await sql(id, `UPDATE tenant SET plan = '${JSON.stringify(several(2))}'`);
    expect((await routes(id)).flatMap(({ nodes }) => nodes)).not.toContain(2);
  });

  it("begins at the master while only that knows it, and moves to its own after that", async () => {
    const id = await tenantWith(3);
    const agent = AGENTS[firstOf(await routes(id)).findIndex((n) => n !== 0)] as string;
    await enrolledAgent(id, "web-1");
    await sql(id, `UPDATE agents SET id = '${agent}'`);
    const fresh = await routeOf(id, agent);
    await sql(id, "UPDATE agents SET enrolled_at = enrolled_at - 60000");
    const known = await routeOf(id, agent);
    expect(known.nodes[0]).not.toBe(0);
    expect(known.moves_after_ms).toBeNull();
    expect(fresh.nodes).toEqual([0, ...known.nodes.filter((n) => n !== 0)]);
    expect(fresh.moves_after_ms).toBeGreaterThan(20_000);
    await sql(id, "UPDATE agents SET enrolled_at = enrolled_at + 60000");
    await sql(id, "UPDATE nodes SET state = 'failed' WHERE role = 'manager' AND n = 0");
    expect((await routeOf(id, agent)).moves_after_ms).toBeNull();
  });

  it("is carried by its own manager, by the next where nothing listens there, and by none where all are gone", async () => {
    const id = await tenantWith(3);
    const agent = await knownAgent(id, "web-1");
    const { nodes } = await routeOf(id, agent.agent_id);
    const { connections, down } = listening();
    for (const [at, n] of nodes.entries()) {
      await connect(id, agent);
      await expect.poll(() => connections[at]?.n).toBe(n);
      down.add(n);
    }
    expect((await knock(id, pair(agent.connector))).status).toBe(503);
  });

  it("that is quarantined is cut off at whichever manager it is", async () => {
    const id = await tenantWith(3);
    const agent = await knownAgent(id, "web-1");
    const { connections, down } = listening();
    down.add((await routeOf(id, agent.agent_id)).nodes[0] as number);
    const socket = await connect(id, agent);
    const closed = new Promise<number>((resolve) => socket?.addEventListener("close", ({ code }) => resolve(code)));
    await expect.poll(() => connections.length).toBe(1);
    down.clear();
    const body = { epoch: 1, idempotency_key: "q1", reason: "it sends malware" };
    await answered(call("POST", `/v1/tenants/${id}/agents/${agent.agent_id}/quarantine`, body), 200);
    expect(await closed).toBe(1012);
    expect(connections[0]?.closed).toBe(true);
  });
});

describe("what several managers keep", () => {
  it("is each one's own, a backup holds the master's, and after a restore the workers begin empty", async () => {
    const id = await tenantWith(2);
    for (const n of [0, 1]) {
      manager(id, n).files = { "identity/keys": `of manager ${n}` };
      await nodeStub(env, id, "manager", n).saveState();
    }
    const { id: backup } = await answered<{ id: string }>(backUp(id), 202);
    const listed = async () =>
      answered<{ backups: { id: string; state: string; parts: { role: string; n: number }[] }[] }>(
        call("GET", `/v1/tenants/${id}/backups`),
        200,
      );
    await until(id, () => true);
    await expect
      .poll(async () => {
        await runInDurableObject(env.TENANT.getByName(id), (object) => object.alarm?.());
        return (await listed()).backups.find((one) => one.id === backup)?.state;
      })
      .toBe("succeeded");
    const parts = (await listed()).backups.find((one) => one.id === backup)?.parts ?? [];
    expect(parts.filter(({ role }) => role === "manager").map(({ n }) => n)).toEqual([0]);
    await answered(restore(id, restoreBody({ backup })), 202);
    await until(id, (view) => view.run?.kind === "restore" && view.run.state === "succeeded");
    expect(manager(id, 0).files).toEqual({ "identity/keys": "of manager 0" });
    expect(manager(id, 1).files).toEqual({});
  });
});
