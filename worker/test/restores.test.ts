import { env, runInDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import { nodeStub } from "../src/tenant/nodes/names";
import { restore, restoreBody } from "./support/backup_calls";
import { alerts, backedUp, documents, indexerOf, list, managerOf, restored } from "./support/backups";
import { answered, PLAN } from "./support/edge";
import { getTenant, putTenant, runningTenant, specOf, until } from "./support/tenants";

describe("a restore", () => {
  it("brings back what was damaged and keeps what came after the backup", async () => {
    const tenant = await runningTenant();
    await alerts(tenant, "a", "b");
    const before = documents(tenant);
    const { id } = await backedUp(tenant);
    await alerts(tenant, "c");
    indexerOf(tenant).documents.clear();
    const body = restoreBody({ backup: id });
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
    const { id } = await backedUp(tenant);
    const body = restoreBody({ backup: id });
    await answered(restore(tenant, body), 202);
    await answered(restore(tenant, { ...body, idempotency_key: crypto.randomUUID() }), 202);
    const other = await answered<{ code: string }>(restore(tenant, restoreBody({ backup: id })), 409);
    expect(other.code).toBe("OPERATION_IN_PROGRESS");
    await until(tenant, restored);
  });

  it("is refused for a stopped tenant, and for a backup of another one", async () => {
    const tenant = await runningTenant();
    const { id } = await backedUp(tenant);
    expect((await restore(await runningTenant(), restoreBody({ backup: id }))).status).toBe(404);
    await putTenant(tenant, specOf(2, { requested: "stopped" }));
    expect((await answered<{ code: string }>(restore(tenant, restoreBody({ backup: id })), 409)).code).toBe(
      "TENANT_NOT_RUNNING",
    );
  });

  it("is refused for a backup of a newer minor version than runs, whose data nothing here understands", async () => {
    const tenant = await runningTenant();
    const changed = (generation: number, version: string, more = {}) =>
      putTenant(tenant, specOf(generation, { plan: { ...PLAN, version }, ...more })).then(() =>
        until(tenant, (now) => now.observed_generation === generation),
      );
    await changed(2, "4.20.0");
    const newer = (await backedUp(tenant)).id;
    await changed(3, PLAN.version, { rollback: true });
    expect((await answered<{ code: string }>(restore(tenant, restoreBody({ backup: newer })), 409)).code).toBe(
      "BACKUP_NEWER",
    );
    await answered(restore(tenant, restoreBody({ backup: (await backedUp(tenant)).id })), 202);
  });

  it("whose archive is gone stops nothing, and says why in its step", async () => {
    const tenant = await runningTenant();
    await alerts(tenant, "a");
    const { id } = await backedUp(tenant);
    await runInDurableObject(nodeStub(env, tenant, "indexer", 0), (_, { storage }) => {
      storage.sql.exec("UPDATE state_archives SET broken = 1");
    });
    await answered(restore(tenant, restoreBody({ backup: id })), 202);
    const view = await until(tenant, (seen) => restored(seen) && seen.observed === "running");
    expect(view.run?.state).toBe("failed");
    expect(view.run?.steps.find(({ name }) => name === "backup")?.error?.code).toBe("STATE_UNREADABLE");
    expect([indexerOf(tenant).starts, managerOf(tenant).starts]).toEqual([1, 1]);
  });

  it("that failed begins anew when it is asked for again, and not for a repetition of the first call", async () => {
    const tenant = await runningTenant();
    await alerts(tenant, "a");
    const { id } = await backedUp(tenant);
    const broken = (value: number) =>
      runInDurableObject(nodeStub(env, tenant, "indexer", 0), (_, { storage }) => {
        storage.sql.exec("UPDATE state_archives SET broken = ?", value);
      });
    await broken(1);
    const body = restoreBody({ backup: id });
    await answered(restore(tenant, body), 202);
    await until(tenant, (seen) => restored(seen) && seen.observed === "running");
    await broken(0);
    await answered(restore(tenant, body), 202);
    expect((await getTenant(tenant)).run?.state).toBe("failed");
    await answered(restore(tenant, { ...body, idempotency_key: crypto.randomUUID() }), 202);
    const view = await until(tenant, (seen) => restored(seen) && seen.observed === "running");
    expect(view.run).toMatchObject({ operation_id: body.operation_id, kind: "restore", state: "succeeded" });
  });
});
