import { env, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import { readBulk } from "../src/gates/bulk";
import type { BackupView } from "../src/schemas/backups";
import type { TenantView } from "../src/schemas/tenant";
import { expiryOf } from "../src/tenant/backups";
import { nodeStub } from "../src/tenant/nodes/names";
import { containerNamed, world } from "./support/containers";
import { answered, call, newTenantId, PLAN } from "./support/edge";
import { stateObjects } from "./support/state";
import { getTenant, newOperation, putTenant, runningTenant, specOf, until } from "./support/tenants";

const key = () => crypto.randomUUID();
const indexerOf = (tenant: string) => containerNamed(`${tenant}:indexer:0`, "indexer");
const managerOf = (tenant: string) => containerNamed(`${tenant}:manager:0`, "manager");
const documents = (tenant: string) => [...indexerOf(tenant).documents.keys()].sort();
const journalOf = (tenant: string) => nodeStub(env, tenant, "indexer", 0).journalState();

const list = async (tenant: string) =>
  (await answered<{ backups: BackupView[] }>(call("GET", `/v1/tenants/${tenant}/backups`), 200)).backups;

const order = (tenant: string, idempotency_key = key()) =>
  answered<BackupView>(call("POST", `/v1/tenants/${tenant}/backups`, { epoch: 1, idempotency_key }), 202);

/** Lets alarms ring until the newest backup has ended. */
async function made(tenant: string, id: string): Promise<BackupView> {
  for (let round = 0; round < 200; round++) {
    const found = (await list(tenant)).find((backup) => backup.id === id);
    if (found && found.state !== "running") return found;
    await runInDurableObject(env.TENANT.getByName(tenant), (_, { storage }) => {
      storage.sql.exec("UPDATE due SET at = ? WHERE kind = 'take_backup'", Date.now());
    });
    await runDurableObjectAlarm(env.TENANT.getByName(tenant));
    await scheduler.wait(10);
  }
  throw new Error(`backup ${id} did not end`);
}

const backUp = async (tenant: string) => made(tenant, (await order(tenant)).id);

const restoreBody = (backup: string, more = {}) => ({
  ...{ epoch: 1, idempotency_key: key(), operation_id: newOperation(), backup },
  ...more,
});
const restore = (tenant: string, body: object) => call("POST", `/v1/tenants/${tenant}/restore`, body);

/** The indexer's process ends, as its object sees it. */
const dies = (tenant: string) =>
  runInDurableObject(nodeStub(env, tenant, "indexer", 0), () => indexerOf(tenant).exit(137));

/** Puts alerts into the tenant's journal, and waits until its indexer has them. */
async function alerts(tenant: string, ...ids: string[]): Promise<void> {
  const body = ids.map((id) => `{"index":{"_index":"wazuh-alerts-4.x-2026.11.26"}}\n{"id":"${id}"}\n`).join("");
  const before = indexerOf(tenant).documents.size;
  await nodeStub(env, tenant, "indexer", 0).keep(readBulk(tenant, 0, body).filter((entry) => "lines" in entry));
  await expect.poll(() => indexerOf(tenant).documents.size).toBe(before + ids.length);
  await expect.poll(async () => (await journalOf(tenant)).applied).toBe((await journalOf(tenant)).last);
}

const restored = (view: TenantView) => view.run?.kind === "restore" && view.run.state !== "running";

describe("a backup", () => {
  it("holds every node's state, with sizes, checksums and when it ends", async () => {
    const tenant = await runningTenant();
    await alerts(tenant, "a", "b");
    const backup = await backUp(tenant);
    expect(backup).toMatchObject({ state: "succeeded", kind: "on-demand", error: null });
    expect(backup.parts.map(({ role, version }) => [role, version])).toEqual([
      ["manager", PLAN.version],
      ["indexer", PLAN.version],
    ]);
    expect(Date.parse(backup.expires_at) - Date.parse(backup.at)).toBe(30 * 86_400_000);
  });

  it("is made once under an idempotency key", async () => {
    const tenant = await runningTenant();
    const same = key();
    expect((await order(tenant, same)).id).toBe((await order(tenant, same)).id);
    expect(await list(tenant)).toHaveLength(1);
  });

  it("of a node that can't save fails visibly after some attempts", async () => {
    const tenant = await runningTenant();
    const bucket = env.ARCHIVE;
    const put = bucket.put;
    bucket.put = () => Promise.reject(new Error("R2 is away"));
    try {
      await alerts(tenant, "a");
      const failed = await backUp(tenant);
      expect(failed).toMatchObject({ state: "failed", error: { code: "BACKUP_FAILED" } });
    } finally {
      bucket.put = put;
    }
    expect((await getTenant(tenant)).observed).toBe("running");
  });

  it("that a node refuses is told to people in its words, until it saves again", async () => {
    const tenant = await runningTenant();
    await alerts(tenant, "a");
    const full = `the disk has no room for a snapshot${"!".repeat(1000)}`;
    world.says.set(`${tenant}:indexer:0/save`, { error: full });
    expect((await backUp(tenant)).state).toBe("failed");
    const { state_trouble: told } = await getTenant(tenant);
    expect(told).toMatchObject({ code: "STATE_NOT_SAVED", message: expect.stringContaining(full.slice(0, 60)) });
    expect(told?.message.length).toBeLessThan(300);
    world.says.delete(`${tenant}:indexer:0/save`);
    expect((await backUp(tenant)).state).toBe("succeeded");
    await expect.poll(async () => (await getTenant(tenant)).state_trouble).toBeNull();
  });

  it("is its own tenant's: nobody else's list shows it", async () => {
    const tenant = await runningTenant();
    await backUp(tenant);
    expect(await list(await runningTenant())).toEqual([]);
    expect((await call("GET", `/v1/tenants/${tenant}/backups`, undefined, "access")).status).toBe(403);
  });

  it("that has expired is gone, with the archives that nothing else needs", async () => {
    const tenant = await runningTenant();
    const { id } = await backUp(tenant);
    await runInDurableObject(env.TENANT.getByName(tenant), (_, { storage }) => {
      storage.sql.exec("UPDATE due SET at = ? WHERE kind = 'expire_backup'", Date.now());
    });
    await runDurableObjectAlarm(env.TENANT.getByName(tenant));
    expect(await list(tenant)).toEqual([]);
    const pins = await runInDurableObject(nodeStub(env, tenant, "manager", 0), (_, { storage }) =>
      storage.sql.exec("SELECT backup FROM state_pins").toArray(),
    );
    expect(pins).toEqual([]);
    expect((await restore(tenant, restoreBody(id))).status).toBe(404);
  });

  it("is made every day, and kept for a week; one of a Sunday for four", () => {
    const days = (date: string) => (expiryOf("scheduled", Date.parse(date)) - Date.parse(date)) / 86_400_000;
    expect(["2026-11-26T10:00Z", "2026-11-29T10:00Z", "2026-11-30T10:00Z"].map(days)).toEqual([7, 28, 7]);
  });

  it("goes with the tenant, out of the bucket too", async () => {
    const tenant = await runningTenant();
    await backUp(tenant);
    expect((await stateObjects(tenant)).length).toBeGreaterThan(0);
    const deletion = { epoch: 1, generation: 2, operation_id: newOperation() };
    await answered(call("DELETE", `/v1/tenants/${tenant}`, deletion), 202);
    await until(tenant, (view) => view.observed === "absent");
    expect(await stateObjects(tenant)).toEqual([]);
    expect((await call("GET", `/v1/tenants/${tenant}/backups`)).status).toBe(410);
  });
});

describe("a restore", () => {
  it("brings back what was damaged and keeps what came after the backup", async () => {
    const tenant = await runningTenant();
    await alerts(tenant, "a", "b");
    const before = documents(tenant);
    const { id } = await backUp(tenant);
    await alerts(tenant, "c");
    indexerOf(tenant).documents.clear();
    const body = restoreBody(id);
    await answered(restore(tenant, body), 202);
    const view = await until(tenant, (seen) => restored(seen) && seen.observed === "running");
    expect(view.run).toMatchObject({ operation_id: body.operation_id, state: "succeeded" });
    expect(view.run?.steps.map(({ name, state }) => `${name} ${state}`)).toEqual(
      ["backup", "stop", "put_state", "indexer", "manager", "dashboard", "verify"].map((name) => `${name} succeeded`),
    );
    await expect.poll(() => documents(tenant).length).toBe(3);
    expect(documents(tenant)).toEqual(expect.arrayContaining(before));
    expect((await list(tenant)).map(({ kind }) => kind)).toEqual(["before-change", "on-demand"]);
  });

  it("sent again changes nothing, and another one waits for its end", async () => {
    const tenant = await runningTenant();
    const { id } = await backUp(tenant);
    const body = restoreBody(id);
    await answered(restore(tenant, body), 202);
    await answered(restore(tenant, { ...body, idempotency_key: key() }), 202);
    const other = await answered<{ code: string }>(restore(tenant, restoreBody(id)), 409);
    expect(other.code).toBe("OPERATION_IN_PROGRESS");
    await until(tenant, restored);
  });

  it("is refused for a stopped tenant, and for a backup of another one", async () => {
    const tenant = await runningTenant();
    const { id } = await backUp(tenant);
    expect((await restore(await runningTenant(), restoreBody(id))).status).toBe(404);
    await putTenant(tenant, specOf(2, { requested: "stopped" }));
    expect((await answered<{ code: string }>(restore(tenant, restoreBody(id)), 409)).code).toBe("TENANT_NOT_RUNNING");
  });

  it("is refused for a backup of a newer minor version than runs, whose data nothing here understands", async () => {
    const tenant = await runningTenant();
    const changed = (generation: number, version: string, more = {}) =>
      putTenant(tenant, specOf(generation, { plan: { ...PLAN, version }, ...more })).then(() =>
        until(tenant, (now) => now.observed_generation === generation),
      );
    await changed(2, "4.20.0");
    const newer = (await backUp(tenant)).id;
    await changed(3, PLAN.version, { rollback: true });
    expect((await answered<{ code: string }>(restore(tenant, restoreBody(newer)), 409)).code).toBe("BACKUP_NEWER");
    await answered(restore(tenant, restoreBody((await backUp(tenant)).id)), 202);
  });

  it("whose archive is gone stops nothing, and says why in its step", async () => {
    const tenant = await runningTenant();
    await alerts(tenant, "a");
    const { id } = await backUp(tenant);
    await runInDurableObject(nodeStub(env, tenant, "indexer", 0), (_, { storage }) => {
      storage.sql.exec("UPDATE state_archives SET broken = 1");
    });
    await answered(restore(tenant, restoreBody(id)), 202);
    const view = await until(tenant, (seen) => restored(seen) && seen.observed === "running");
    expect(view.run?.state).toBe("failed");
    expect(view.run?.steps.find(({ name }) => name === "backup")?.error?.code).toBe("STATE_UNREADABLE");
    expect([indexerOf(tenant).starts, managerOf(tenant).starts]).toEqual([1, 1]);
  });
});

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
    await backUp(tenant);
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
    await backUp(tenant);
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
      expect((await backUp(tenant)).state).toBe("failed");
    } finally {
      env.ARCHIVE.put = put;
    }
    expect((await journalOf(tenant)).oldest).toBe(1);
  });

  it("is not taken by a container that started without the one before", async () => {
    const tenant = await runningTenant();
    await alerts(tenant, "a");
    await backUp(tenant);
    await runInDurableObject(nodeStub(env, tenant, "indexer", 0), (_, { storage }) => {
      storage.kv.put("without_snapshot", true);
    });
    expect((await backUp(tenant)).error?.message).toContain("without its snapshot");
  });
});

describe("a clone", () => {
  it("gets a backup's data, and secrets, certificates and agents of its own", async () => {
    const source = await runningTenant();
    managerOf(source).files = { "identity/keys": "001 web-1", "configuration/rules": "<rule/>" };
    await alerts(source, "a", "b");
    const backup = await backUp(source);
    const clone = newTenantId();
    await putTenant(clone, specOf(1, { from: { tenant: source, backup: backup.id } }));
    const view = await until(clone, (seen) => seen.observed === "running");
    expect(view.run).toMatchObject({ kind: "clone", state: "succeeded" });
    expect(documents(clone)).toEqual(documents(source));
    expect(managerOf(clone).files).toEqual({ "configuration/rules": "<rule/>" });
    expect(managerOf(clone).env.API_PASSWORD).not.toBe(managerOf(source).env.API_PASSWORD);
    expect(view.agents).toEqual({ enrolled: 0, active: 0 });
  });

  it("takes the place of no tenant that is there", async () => {
    const source = await runningTenant();
    const backup = await backUp(source);
    const other = await runningTenant();
    const from = { tenant: source, backup: backup.id };
    const refusal = answered<{ code: string }>(call("PUT", `/v1/tenants/${other}`, specOf(2, { from })), 409);
    expect((await refusal).code).toBe("CLONE_REFUSED");
  });

  it("of a source that was invented makes no object, and of a backup that is not there fails with why", async () => {
    const guess = { tenant: "a".repeat(26), backup: `bak_${"a".repeat(20)}` };
    expect((await call("PUT", `/v1/tenants/${newTenantId()}`, specOf(1, { from: guess }))).status).toBe(404);
    const clone = newTenantId();
    await putTenant(clone, specOf(1, { from: { ...guess, tenant: await runningTenant() } }));
    const view = await until(clone, (seen) => seen.observed === "failed");
    expect(view.run?.steps[0]).toMatchObject({ name: "copy", state: "failed", error: { code: "BACKUP_NOT_FOUND" } });
  });

  it("of a newer minor version than its own fails with why, and works once it asks for that version", async () => {
    const [source, clone] = [newTenantId(), newTenantId()];
    const plan = { ...PLAN, version: "4.20.0" };
    await putTenant(source, specOf(1, { plan }));
    await until(source, ({ observed }) => observed === "running");
    const from = { tenant: source, backup: (await backUp(source)).id };
    await putTenant(clone, specOf(1, { from }));
    const view = await until(clone, (seen) => seen.observed === "failed");
    expect(view.run?.steps[0]).toMatchObject({ name: "copy", state: "failed", error: { code: "BACKUP_NEWER" } });
    await putTenant(clone, specOf(2, { plan, from }));
    await until(clone, ({ observed }) => observed === "running");
  });
});
