import { env, runInDurableObject } from "cloudflare:test";
import { afterEach, describe, expect, it } from "vitest";
import { readBulk } from "../src/gates/bulk";
import { nodeStub } from "../src/tenant/nodes/names";
import { enrolledAgent, knock, pair } from "./support/connector";
import { containerNamed } from "./support/containers";
import { dashboardAnswers, echo, noDashboards, open, signIn, socketOf } from "./support/dashboard";
import { listenOnManagers } from "./support/manager_port";
import { runningTenant } from "./support/tenants";

let stopListening = () => {};
afterEach(() => {
  stopListening();
  noDashboards();
});

/** Asks a node to stop; its process lives until the test ends it. @returns whether it was told to end */
async function stopping(tenant: string, role: "manager" | "dashboard"): Promise<() => boolean> {
  const fake = containerNamed(`${tenant}:${role}:0`, role);
  let told = false;
  fake.signal = () => {
    told = true;
  };
  await nodeStub(env, tenant, role, 0).stop();
  return () => told;
}

const end = (tenant: string, role: "manager" | "dashboard") =>
  runInDurableObject(nodeStub(env, tenant, role, 0), () => containerNamed(`${tenant}:${role}:0`, role).exit(0));

describe("a manager that is to stop", () => {
  it("lets its agents go, takes in no other, and ends once its alerts are in the journal", async () => {
    const tenant = await runningTenant();
    const agent = await enrolledAgent(tenant);
    const listening = listenOnManagers();
    stopListening = listening.stop;
    const { webSocket: socket } = await knock(tenant, pair(agent.connector));
    const closed = new Promise<number>((resolve) => socket?.addEventListener("close", ({ code }) => resolve(code)));
    socket?.accept();
    const told = await stopping(tenant, "manager");
    expect(await closed).toBe(1012);
    expect([listening.connections[0]?.closed, told()]).toEqual([true, false]);
    const refused = await knock(tenant, pair(agent.connector));
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([503, "5"]);
    expect(await refused.json()).toMatchObject({ code: "NODE_NOT_RUNNING", retryable: true });
    const alert = readBulk(tenant, 0, `{"index":{"_index":"wazuh-alerts-4.x-2026.11.26"}}\n{"id":"late"}\n`);
    await nodeStub(env, tenant, "indexer", 0).keep(alert.filter((entry) => "lines" in entry));
    expect(told()).toBe(false);
    await expect.poll(told, { timeout: 5000 }).toBe(true);
    await end(tenant, "manager");
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
