import { env, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { afterEach, describe, expect, it } from "vitest";
import { readBulk } from "../src/gates/bulk";
import { nodeStub } from "../src/tenant/nodes/names";
import { enrolledAgent, knock, pair } from "./support/connector";
import { containerNamed } from "./support/containers";
import { dashboardAnswers, echo, noDashboards, open, signIn, socketOf } from "./support/dashboard";
import type { Enrolled } from "./support/edge";
import { listenOnManagers } from "./support/manager_port";
import { getTenant, putTenant, runningTenant, specOf, until } from "./support/tenants";

let stopListening = () => {};
afterEach(() => {
  stopListening();
  noDashboards();
});

/** Has a node's process live until the test ends it. @returns whether it was told to end */
function toldToEnd(tenant: string, role: "manager" | "dashboard"): () => boolean {
  const fake = containerNamed(`${tenant}:${role}:0`, role);
  let told = false;
  fake.signal = () => {
    told = true;
  };
  return () => told;
}

/** Asks a node to stop. @returns whether it was told to end */
async function stopping(tenant: string, role: "manager" | "dashboard"): Promise<() => boolean> {
  const told = toldToEnd(tenant, role);
  await nodeStub(env, tenant, role, 0).stop();
  return told;
}

async function connected(tenant: string, agent: Enrolled) {
  const listening = listenOnManagers();
  stopListening = listening.stop;
  const { webSocket: socket } = await knock(tenant, pair(agent.connector));
  const closed = new Promise<number>((resolve) => socket?.addEventListener("close", ({ code }) => resolve(code)));
  socket?.accept();
  return { listening, closed };
}

/** The manager has an alert for the indexer. */
async function handOver(tenant: string): Promise<void> {
  const alert = readBulk(tenant, 0, `{"index":{"_index":"wazuh-alerts-4.x-2026.11.26"}}\n{"id":"late"}\n`);
  await nodeStub(env, tenant, "indexer", 0).keep(alert.filter((entry) => "lines" in entry));
}

const nodeState = async (tenant: string, role: string) =>
  (await getTenant(tenant)).nodes.find((node) => node.role === role)?.state;

/** The object ends in the middle of what it does, as if its runtime was killed; whoever asks next finds a new one. */
const kill = (stub: DurableObjectStub) =>
  expect(runInDurableObject(stub, (_, state) => state.abort("killed"))).rejects.toThrow("killed");

const managerOf = (tenant: string) => nodeStub(env, tenant, "manager", 0);

const end = (tenant: string, role: "manager" | "dashboard") =>
  runInDurableObject(nodeStub(env, tenant, role, 0), () => containerNamed(`${tenant}:${role}:0`, role).exit(0));

describe("a manager that is to stop", () => {
  it("lets its agents go, takes in no other, and ends once its alerts are in the journal", async () => {
    const tenant = await runningTenant();
    const agent = await enrolledAgent(tenant);
    const { listening, closed } = await connected(tenant, agent);
    const told = await stopping(tenant, "manager");
    expect(await closed).toBe(1012);
    expect([listening.connections[0]?.closed, told()]).toEqual([true, false]);
    const refused = await knock(tenant, pair(agent.connector));
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([503, "5"]);
    expect(await refused.json()).toMatchObject({ code: "NODE_NOT_RUNNING", retryable: true });
    await handOver(tenant);
    expect(told()).toBe(false);
    await expect.poll(told, { timeout: 5000 }).toBe(true);
    await end(tenant, "manager");
  });

  it("is not ended any sooner because its tenant's object restarted and told it once more", async () => {
    const tenant = await runningTenant();
    const { closed } = await connected(tenant, await enrolledAgent(tenant));
    const told = toldToEnd(tenant, "manager");
    await putTenant(tenant, specOf(2, { requested: "stopped" }));
    expect(await closed).toBe(1012);
    // As if it had died before it could note the manager's answer.
    await runInDurableObject(env.TENANT.getByName(tenant), (_, { storage }) => {
      storage.sql.exec("UPDATE nodes SET state = 'running' WHERE role = 'manager'");
      storage.sql.exec("UPDATE due SET at = 1 WHERE kind = 'drive'");
    });
    await kill(env.TENANT.getByName(tenant));
    await handOver(tenant);
    await runDurableObjectAlarm(env.TENANT.getByName(tenant));
    await expect.poll(async () => nodeState(tenant, "manager")).toBe("stopping");
    expect(told()).toBe(false);
    await expect.poll(told, { timeout: 5000 }).toBe(true);
    await end(tenant, "manager");
    await until(tenant, ({ observed }) => observed === "stopped");
  });

  it("goes on as before when its own object restarted: what it had is handed over before it ends", async () => {
    const tenant = await runningTenant();
    const { closed } = await connected(tenant, await enrolledAgent(tenant));
    const told = await stopping(tenant, "manager");
    expect(await closed).toBe(1012);
    await kill(managerOf(tenant));
    expect((await managerOf(tenant).report()).state).toBe("stopping");
    await scheduler.wait(500);
    await handOver(tenant);
    expect(told()).toBe(false);
    await expect.poll(told, { timeout: 5000 }).toBe(true);
    await end(tenant, "manager");
  });

  it("has its time to end although nobody was there to tell it for longer than that", async () => {
    const tenant = await runningTenant();
    const fake = containerNamed(`${tenant}:manager:0`, "manager");
    await stopping(tenant, "manager");
    let code: number | null = null;
    const exit = (is: number) => {
      code ??= is;
      fake.exit(is);
    };
    fake.signal = () => void setTimeout(exit, 300, 0);
    fake.destroy = async () => exit(137);
    await runInDurableObject(managerOf(tenant), (_, { storage: { kv } }) =>
      kv.put("start", { ...kv.get<object>("start"), stopAskedAt: Date.now() - 10 * 60_000 }),
    );
    await kill(managerOf(tenant));
    await managerOf(tenant).report();
    await expect.poll(() => code, { timeout: 5000 }).toBe(0);
  });
});

describe("a dashboard that is to stop", () => {
  it("tells open pages that it goes away, and new ones to come again", async () => {
    const tenant = await runningTenant();
    dashboardAnswers(() => echo());
    const cookie = await signIn(tenant);
    const { closed } = await socketOf(tenant, cookie);
    const told = await stopping(tenant, "dashboard");
    expect(await closed).toBe(1001);
    const page = await open(tenant, "/dashboard/", cookie);
    expect([page.status, page.headers.get("retry-after")]).toEqual([503, "5"]);
    expect(await page.text()).toContain("NODE_NOT_RUNNING");
    await expect.poll(told).toBe(true);
    await end(tenant, "dashboard");
  });
});
