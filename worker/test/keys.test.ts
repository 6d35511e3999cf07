import { env, evictDurableObject, runInDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import { settingsOf } from "../src/bindings";
import type { TenantView } from "../src/schemas/tenant";
import { sweep } from "../src/sweep";
import { Vault } from "../src/tenant/secrets";
import { answered, call, stoppedTenant } from "./support/edge";
import { getTenant, hurry, newOperation, putTenant, runningTenant, specOf, until } from "./support/tenants";

interface Keys {
  current: string;
  configured: string[];
  in_use: { kek: string; tenants: number }[];
  unknown: number;
}

const MINUTE = 60_000;
const settings = settingsOf(env);
const keysView = () => answered<Keys>(call("GET", "/v1/keys"), 200);
const users = async (kek: string) => (await keysView()).in_use.find((use) => use.kek === kek)?.tenants ?? 0;
const object = (id: string) => env.TENANT.getByName(id);
const kekOf = (id: string) =>
  runInDurableObject(object(id), (_, { storage }) => storage.sql.exec("SELECT kek FROM data_keys").toArray()[0]?.kek);

/** Has the tenant's data key lie under another key, as a deployment from before left it, and its object start anew. */
async function wrappedUnder(id: string, kek: string): Promise<void> {
  const key = settings.dataKeys.keys.get(kek) ?? Buffer.alloc(32, 9);
  const earlier = { ...settings, dataKeys: { current: kek, keys: new Map([...settings.dataKeys.keys, [kek, key]]) } };
  await runInDurableObject(object(id), (_, { storage }) => new Vault(id, storage.sql, earlier).rewrap());
  await evictDurableObject(object(id));
}

/** Has the object do what is due now, deliveries among it. */
const settle = (id: string) =>
  runInDurableObject(object(id), async (tenant, { storage }) => {
    storage.sql.exec("UPDATE due SET at = 0 WHERE kind IN ('rewrap', 'outbox')");
    await tenant.alarm?.();
  });

/** A stopped tenant that has a data key. */
async function restingTenant(): Promise<string> {
  const id = await runningTenant();
  await putTenant(id, specOf(2, { requested: "stopped" }));
  await until(id, ({ observed }) => observed === "stopped");
  await settle(id);
  return id;
}

describe("a deployment with another current key-encryption key", () => {
  it("has a tenant that runs wrap its data key anew as soon as its object starts, and D1 told", async () => {
    const id = await runningTenant();
    await wrappedUnder(id, "retired");
    await getTenant(id);
    await settle(id);
    expect(await kekOf(id)).toBe("test");
    expect(await users("retired")).toBe(0);
    expect(await users("test")).toBeGreaterThan(0);
    const opened = await runInDurableObject(object(id), (tenant) => tenant.indexerAuthorization());
    expect(opened).toMatch(/^Basic /);
  });

  it("reaches tenants at rest by the sweep, and a key counts as in use until then", async () => {
    const id = await restingTenant();
    await wrappedUnder(id, "retired");
    await runInDurableObject(object(id), () => undefined);
    // Told, but nothing that is due was done yet.
    await env.WAZUH_META.prepare("UPDATE data_keys SET kek = 'retired' WHERE tenant = ?").bind(id).run();
    await runInDurableObject(object(id), (_, { storage }) => storage.sql.exec("DELETE FROM due WHERE kind = 'rewrap'"));
    expect(await users("retired")).toBe(1);
    await sweep(env, "* * * * *", Date.now() + 10 * MINUTE);
    await settle(id);
    expect([await kekOf(id), await users("retired")]).toEqual(["test", 0]);
    expect((await getTenant(id)).observed).toBe("stopped");
  });

  it("does not ask a tenant again within minutes, nor one that has said that it has the current key", async () => {
    const id = await restingTenant();
    const asked = async () =>
      await env.WAZUH_META.prepare("SELECT asked_at FROM data_keys WHERE tenant = ?")
        .bind(id)
        .first<number>("asked_at");
    const before = await asked();
    await sweep(env, "* * * * *", Date.now() + 20 * MINUTE);
    expect(await asked()).toBe(before);
    await env.WAZUH_META.prepare("UPDATE data_keys SET kek = NULL WHERE tenant = ?").bind(id).run();
    const first = Date.now() + 30 * MINUTE;
    for (const at of [first, first + MINUTE]) await sweep(env, "* * * * *", at);
    expect(await asked()).toBe(first);
  });

  it("counts a tenant that did not say yet, asks it, and counts none that has no data key or is deleted", async () => {
    const id = await restingTenant();
    const empty = await stoppedTenant();
    await settle(empty);
    await env.WAZUH_META.prepare("UPDATE data_keys SET kek = NULL, object_seq = 0 WHERE tenant = ?").bind(id).run();
    expect((await keysView()).unknown).toBeGreaterThanOrEqual(2);
    await runInDurableObject(object(id), (_, { storage }) => storage.sql.exec("UPDATE data_keys SET told = ''"));
    await sweep(env, "* * * * *", Date.now() + 40 * MINUTE);
    for (const one of [id, empty]) await settle(one);
    const before = await keysView();
    expect(before).toMatchObject({ current: "test", configured: ["test", "retired"] });
    const known = await env.WAZUH_META.prepare("SELECT kek FROM data_keys WHERE tenant IN (?, ?) ORDER BY kek")
      .bind(id, empty)
      .all<{ kek: string }>();
    expect(known.results.map(({ kek }) => kek)).toEqual(["", "test"]);
    await answered(call("DELETE", `/v1/tenants/${id}`, { epoch: 1, generation: 3, operation_id: newOperation() }), 202);
    await until(id, ({ observed }) => observed === "absent");
    await settle(id);
    expect(await users("test")).toBe((before.in_use.find(({ kek }) => kek === "test")?.tenants ?? 0) - 1);
  });
});

describe("a key-encryption key that was taken away while a tenant needs it", () => {
  it("is named in the tenant's reason and in the step that fails, and all is well once it is back", async () => {
    const id = await restingTenant();
    await wrappedUnder(id, "gone");
    await getTenant(id);
    await settle(id);
    const { reason } = await getTenant(id);
    expect(reason?.code).toBe("KEY_MISSING");
    expect(reason?.message).toContain("key gone,");
    expect(reason?.hint).toContain("DATA_KEYS");
    await putTenant(id, specOf(3));
    const failed = await until(id, ({ run }) => run?.state === "failed");
    const error = failed.run?.steps.find(({ state }) => state === "failed")?.error;
    expect(error).toMatchObject({ code: "KEY_MISSING", message: expect.stringContaining("key gone,") });
    await backUnder(id);
    await putTenant(id, specOf(4));
    await hurry(id);
    const healed = await until(id, (view: TenantView) => view.observed === "running");
    expect(healed.reason).toBeNull();
  });

  /** As a deployment that has the key again beside the current one leaves it. */
  async function backUnder(id: string): Promise<void> {
    const keys = new Map([...settings.dataKeys.keys, ["gone", Buffer.alloc(32, 9)]]);
    const both = { ...settings, dataKeys: { current: "test", keys } };
    await runInDurableObject(object(id), (_, { storage }) => new Vault(id, storage.sql, both).rewrap());
    await evictDurableObject(object(id));
  }
});
