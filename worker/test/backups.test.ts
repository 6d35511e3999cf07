import { env, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import type { ChangePage } from "../src/schemas/feed";
import { expiryOf } from "../src/tenant/backups";
import { nodeStub } from "../src/tenant/nodes/names";
import { recordsOf } from "./support/audit";
import { backupBody, restore, restoreBody } from "./support/backup_calls";
import { alerts, backedUp, list, order } from "./support/backups";
import { world } from "./support/containers";
import { answered, call, PLAN } from "./support/edge";
import { stateObjects } from "./support/state";
import { replayAll } from "./support/stream";
import { getTenant, newOperation, putTenant, runningTenant, specOf, until } from "./support/tenants";

/** The states in which the feed told a backup of a tenant. */
async function toldOf(tenant: string, id: string): Promise<unknown[]> {
  const { changes } = await answered<ChangePage>(call("GET", "/v1/changes?after=0&wait=0&limit=500"), 200);
  const backups = changes.filter((change) => change.tenant === tenant && change.kind === "backup");
  return backups.flatMap(({ data }) => (data.id === id ? data.state : []));
}

describe("a backup", () => {
  it("holds every node's state, with sizes, checksums and when it ends", async () => {
    const tenant = await runningTenant();
    await alerts(tenant, "a", "b");
    const backup = await backedUp(tenant);
    expect(backup).toMatchObject({ state: "succeeded", kind: "on-demand", error: null });
    expect(backup.parts.map(({ role, version }) => [role, version])).toEqual([
      ["manager", PLAN.version],
      ["indexer", PLAN.version],
    ]);
    expect(Date.parse(backup.expires_at) - Date.parse(backup.at)).toBe(30 * 86_400_000);
  });

  it("is made once under an idempotency key", async () => {
    const tenant = await runningTenant();
    const same = backupBody();
    expect((await order(tenant, same)).id).toBe((await order(tenant, same)).id);
    expect(await list(tenant)).toHaveLength(1);
  });

  it("is called what whoever orders it calls it, and is told in the feed from its order to its end", async () => {
    const tenant = await runningTenant();
    const backup = `bak_${"b".repeat(20)}`;
    const named = () => ({ ...backupBody(), backup });
    expect((await order(tenant, named())).id).toBe(backup);
    expect((await backedUp(tenant, named())).id).toBe(backup);
    await expect.poll(() => toldOf(tenant, backup)).toEqual(["running", "succeeded"]);
    expect(await list(tenant)).toHaveLength(1);
  });

  it("of each day is announced, and not while the tenant rests", async () => {
    const tenant = await runningTenant();
    const next = async () => (await getTenant(tenant)).next_backup_at;
    const ahead = Date.parse((await next()) ?? "") - Date.now();
    expect(ahead).toBeGreaterThan(0.4 * 86_400_000);
    await runInDurableObject(env.TENANT.getByName(tenant), (_, { storage }) => {
      storage.sql.exec("UPDATE due SET at = ? WHERE kind = 'daily_backup'", Date.now());
    });
    await runDurableObjectAlarm(env.TENANT.getByName(tenant));
    expect((await list(tenant)).map(({ kind }) => kind)).toEqual(["scheduled"]);
    expect(Date.parse((await next()) ?? "") - Date.now()).toBeGreaterThan(0.9 * 86_400_000);
    await putTenant(tenant, specOf(2, { requested: "stopped" }));
    expect(await next()).toBeNull();
  });

  it("is made and kept as the plan has it, and daily again once it has nothing of it", async () => {
    const tenant = await runningTenant();
    const next = async () => Date.parse((await getTenant(tenant)).next_backup_at ?? "") - Date.now();
    const backups = { every_hours: 6, keep: 4 };
    await putTenant(tenant, specOf(2, { plan: { ...PLAN, backups } }));
    await until(tenant, (view) => view.backup_schedule?.every_hours === 6);
    await expect.poll(next).toBeLessThan(9.1 * 3_600_000);
    await runInDurableObject(env.TENANT.getByName(tenant), (_, { storage }) => {
      storage.sql.exec("UPDATE due SET at = ? WHERE kind = 'daily_backup'", Date.now());
    });
    await runDurableObjectAlarm(env.TENANT.getByName(tenant));
    const [made] = await list(tenant);
    expect(made?.kind).toBe("scheduled");
    expect(Date.parse(made?.expires_at ?? "") - Date.parse(made?.at ?? "")).toBe(24 * 3_600_000);
    expect(Math.round((await next()) / 3_600_000)).toBe(6);
    await putTenant(tenant, specOf(3, { plan: { ...PLAN, backups: { every_hours: 24, at_utc: "02:30", keep: 7 } } }));
    await expect.poll(async () => (await getTenant(tenant)).next_backup_at).toMatch(/T02:30:00/);
    await putTenant(tenant, specOf(4));
    expect((await until(tenant, (view) => view.backup_schedule === null)).next_backup_at).not.toBeNull();
  });

  it("of a node that can't save fails visibly after some attempts", async () => {
    const tenant = await runningTenant();
    const bucket = env.ARCHIVE;
    const put = bucket.put;
    bucket.put = () => Promise.reject(new Error("R2 is away"));
    try {
      await alerts(tenant, "a");
      const failed = await backedUp(tenant);
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
    expect((await backedUp(tenant)).state).toBe("failed");
    const { state_trouble: told } = await getTenant(tenant);
    expect(told).toMatchObject({ code: "STATE_NOT_SAVED", message: expect.stringContaining(full.slice(0, 60)) });
    expect(told?.message.length).toBeLessThan(300);
    world.says.delete(`${tenant}:indexer:0/save`);
    expect((await backedUp(tenant)).state).toBe("succeeded");
    await expect.poll(async () => (await getTenant(tenant)).state_trouble).toBeNull();
  });

  it("is its own tenant's: nobody else's list shows it", async () => {
    const tenant = await runningTenant();
    await backedUp(tenant);
    expect(await list(await runningTenant())).toEqual([]);
    expect((await call("GET", `/v1/tenants/${tenant}/backups`, undefined, "access")).status).toBe(403);
  });

  it("that has expired is gone, with the archives that nothing else needs", async () => {
    const tenant = await runningTenant();
    const { id } = await backedUp(tenant);
    await runInDurableObject(env.TENANT.getByName(tenant), (_, { storage }) => {
      storage.sql.exec("UPDATE due SET at = ? WHERE kind = 'expire_backup'", Date.now());
    });
    await runDurableObjectAlarm(env.TENANT.getByName(tenant));
    expect(await list(tenant)).toEqual([]);
    const pins = await runInDurableObject(nodeStub(env, tenant, "manager", 0), (_, { storage }) =>
      storage.sql.exec("SELECT backup FROM state_pins").toArray(),
    );
    expect(pins).toEqual([]);
    expect((await restore(tenant, restoreBody({ backup: id }))).status).toBe(404);
    const expired = async () => recordsOf(await replayAll(tenant)).filter(({ action }) => action === "backup.expired");
    await expect.poll(expired).toMatchObject([{ by: "edge", backup: id, kind: "on-demand", made: true }]);
  });

  it("is made every day, and kept for a week; one of a Sunday for four", () => {
    const days = (date: string) => (expiryOf("scheduled", Date.parse(date)) - Date.parse(date)) / 86_400_000;
    expect(["2026-11-26T10:00Z", "2026-11-29T10:00Z", "2026-11-30T10:00Z"].map(days)).toEqual([7, 28, 7]);
  });

  it("goes with the tenant, out of the bucket too", async () => {
    const tenant = await runningTenant();
    await backedUp(tenant);
    expect((await stateObjects(tenant)).length).toBeGreaterThan(0);
    const deletion = { epoch: 1, generation: 2, operation_id: newOperation() };
    await answered(call("DELETE", `/v1/tenants/${tenant}`, deletion), 202);
    await until(tenant, (view) => view.observed === "absent");
    expect(await stateObjects(tenant)).toEqual([]);
    expect((await call("GET", `/v1/tenants/${tenant}/backups`)).status).toBe(410);
  });
});
