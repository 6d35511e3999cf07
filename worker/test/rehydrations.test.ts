import { env, runDurableObjectAlarm } from "cloudflare:test";
import { afterEach, describe, expect, it } from "vitest";
import type { RehydrationView } from "../src/schemas/backups";
import { nodeStub } from "../src/tenant/nodes/names";
import { containerNamed, world } from "./support/containers";
import { answered, call } from "./support/edge";
import { keepAlerts } from "./support/journal";
import { runningTenant } from "./support/tenants";

const day = (offset: number) => new Date(Date.now() - offset * 86_400_000).toISOString().slice(0, 10);
const [TODAY, YESTERDAY] = [day(0), day(1)];
const indexerOf = (tenant: string) => containerNamed(`${tenant}:indexer:0`, "indexer");

const order = (tenant: string, asked: string) =>
  call("POST", `/v1/tenants/${tenant}/rehydrations`, { epoch: 1, idempotency_key: crypto.randomUUID(), day: asked });

const list = async (tenant: string) =>
  (await answered<{ rehydrations: RehydrationView[] }>(call("GET", `/v1/tenants/${tenant}/rehydrations`), 200))
    .rehydrations;

/** Lets alarms ring until the day is loaded. */
async function loaded(tenant: string, asked: string): Promise<RehydrationView> {
  await answered(order(tenant, asked), 202);
  for (let round = 0; round < 200; round++) {
    const found = (await list(tenant)).find((one) => one.day === asked);
    if (found && found.state !== "running") return found;
    await runDurableObjectAlarm(env.TENANT.getByName(tenant));
    await scheduler.wait(10);
  }
  throw new Error(`${asked} was not loaded`);
}

/** A running tenant with alerts of two days, none of which its indexer holds any more. */
async function emptied(): Promise<string> {
  const tenant = await runningTenant();
  await keepAlerts(tenant, YESTERDAY, "1.1", "1.2");
  await keepAlerts(tenant, TODAY, "2.1");
  await expect.poll(async () => (await nodeStub(env, tenant, "indexer", 0).journalState()).applied).toBe(3);
  indexerOf(tenant).documents.clear();
  return tenant;
}

afterEach(() => {
  world.usedBytes = 1000;
});

describe("an archived day", () => {
  it("can be searched again, and loaded twice it is there once", async () => {
    const tenant = await emptied();
    expect(await loaded(tenant, YESTERDAY)).toMatchObject({ state: "succeeded", documents: 2, error: null });
    expect([...indexerOf(tenant).documents.values()].map((one) => (one as { id: string }).id)).toEqual(["1.1", "1.2"]);
    await loaded(tenant, YESTERDAY);
    expect(indexerOf(tenant).documents.size).toBe(2);
  });

  it("is loaded from its own tenant's archive only", async () => {
    const tenant = await emptied();
    const stranger = await runningTenant();
    expect((await answered<{ code: string }>(order(stranger, YESTERDAY), 404)).code).toBe("DAY_NOT_ARCHIVED");
    await loaded(tenant, YESTERDAY);
    expect(await list(stranger)).toEqual([]);
  });

  it("that does not fit is refused with the arithmetic", async () => {
    const tenant = await emptied();
    world.usedBytes = 12 * 1024 ** 3;
    const refusal = await answered<{ code: string; message: string }>(order(tenant, YESTERDAY), 409);
    expect(refusal.code).toBe("DAY_DOES_NOT_FIT");
    expect(refusal.message).toMatch(
      /needs \d+ bytes \(\d+ × 1\.3\); standard-2 has 12000000000 × 0\.85 − 12884901888 used/,
    );
    expect(indexerOf(tenant).documents.size).toBe(0);
  });

  it("without alerts is not there", async () => {
    expect((await order(await emptied(), day(20))).status).toBe(404);
  });
});
