import { env, runInDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import type { TenantView } from "../src/schemas/tenant";
import { nodeStub } from "../src/tenant/nodes/names";
import { alerts, backedUp, dies, documents, indexerOf, journalOf } from "./support/backups";
import { world } from "./support/containers";
import { newTenantId } from "./support/edge";
import { getTenant, putTenant, runningTenant, specOf, until } from "./support/tenants";

describe("an indexer's snapshot", () => {
  it("is back before the indexer counts as running, though OpenSearch answers and nothing is left in the journal", async () => {
    const tenant = await runningTenant();
    const place = `${tenant}:indexer:0:9199`;
    world.silent.add(place);
    await dies(tenant);
    const stateOf = ({ nodes }: TenantView) => nodes.find(({ role }) => role === "indexer")?.state;
    await until(tenant, (view) => indexerOf(tenant).starts === 2 && stateOf(view) === "starting");
    const health = await indexerOf(tenant).getTcpPort(9200).fetch("http://node/_plugins/_security/health");
    expect([health.status, stateOf(await getTenant(tenant))]).toEqual([200, "starting"]);
    world.silent.delete(place);
    await until(tenant, (view) => stateOf(view) === "running");
  });

  it("is restored before the journal, of which only the rest is written again", async () => {
    const tenant = await runningTenant();
    await alerts(tenant, "a", "b");
    await backedUp(tenant);
    await alerts(tenant, "c");
    const before = documents(tenant);
    await dies(tenant);
    await until(tenant, (view) => view.observed === "running" && view.nodes.some(({ restarts }) => restarts === 1));
    expect(documents(tenant)).toEqual(before);
  });

  it("claims no more than what it holds, whatever else is saved meanwhile", async () => {
    const tenant = await runningTenant();
    const save = () => nodeStub(env, tenant, "indexer", 0).saveState();
    await alerts(tenant, "a");
    const held = Promise.withResolvers<void>();
    indexerOf(tenant).gathered = held.promise;
    const first = save();
    await expect.poll(() => indexerOf(tenant).saves).toBe(1);
    await alerts(tenant, "b");
    const second = save();
    await alerts(tenant, "c");
    held.resolve();
    expect([(await first)?.position, (await second)?.position]).toEqual([1, 3]);
  });

  it("lets the journal drop what it holds where the plan keeps no archive, and brings it back all the same", async () => {
    const tenant = newTenantId();
    const spec = specOf();
    await putTenant(tenant, { ...spec, plan: { ...spec.plan, archive_days: 0 } });
    await until(tenant, (view) => view.observed === "running");
    await alerts(tenant, "a", "b");
    const before = documents(tenant);
    await scheduler.wait(2);
    await backedUp(tenant);
    await expect.poll(async () => (await journalOf(tenant)).oldest).toBe(3);
    await dies(tenant);
    await until(tenant, (view) => view.observed === "running" && view.nodes.some(({ restarts }) => restarts === 1));
    expect(documents(tenant)).toEqual(before);
  });

  it("that can't be read back keeps the journal as long as it is", async () => {
    const tenant = newTenantId();
    const spec = specOf();
    await putTenant(tenant, { ...spec, plan: { ...spec.plan, archive_days: 0 } });
    await until(tenant, (view) => view.observed === "running");
    const put = env.ARCHIVE.put;
    const bucket = env.ARCHIVE as unknown as { put: (key: string, body: Uint8Array) => Promise<unknown> };
    bucket.put = (name, body) =>
      put.call(
        env.ARCHIVE,
        name,
        body.map((byte) => byte ^ 1),
      ) as Promise<unknown>;
    try {
      await alerts(tenant, "a");
      expect((await backedUp(tenant)).state).toBe("failed");
    } finally {
      env.ARCHIVE.put = put;
    }
    expect((await journalOf(tenant)).oldest).toBe(1);
  });

  it("is not taken by a container that started without the one before", async () => {
    const tenant = await runningTenant();
    await alerts(tenant, "a");
    await backedUp(tenant);
    await runInDurableObject(nodeStub(env, tenant, "indexer", 0), (_, { storage }) => {
      storage.kv.put("without_snapshot", true);
    });
    expect((await backedUp(tenant)).error?.message).toContain("without its snapshot");
  });
});
