import { env, evictDurableObject, runInDurableObject } from "cloudflare:test";
import { afterEach, describe, expect, it } from "vitest";
import { settingsOf } from "../src/bindings";
import type { TenantView } from "../src/schemas/tenant";
import { Vault } from "../src/tenant/secrets";
import { world } from "./support/containers";
import { answered, call } from "./support/edge";
import { getTenant, hurry, newOperation, putTenant, runningTenant, specOf, until } from "./support/tenants";

const SERVING = ["indexer", "manager", "dashboard"];
const DAY = 86_400_000;
const steps = (view: TenantView) => Object.fromEntries((view.run?.steps ?? []).map(({ name, state }) => [name, state]));
const succeeded = (...names: string[]) => Object.fromEntries(names.map((name) => [name, "succeeded"]));
const FORWARD = succeeded("mint", "switch", "indexer", "manager", "dashboard", "verify");
const rotated = (view: TenantView) => view.run?.kind === "rotate" && view.run.state !== "running";
const comesTo = (step: string) => (view: TenantView) => steps(view)[step] !== undefined;

const rotate = (id: string, operation_id = newOperation()) =>
  call("POST", `/v1/tenants/${id}/certs/rotate`, { epoch: 1, operation_id });

function container(id: string, role: string) {
  const found = world.containers.get(`${id}:${role}:0`);
  if (!found) throw new Error(`no container ${id}:${role}:0`);
  return found;
}

/** The authority that each serving node was started with. */
const authorities = (id: string) =>
  new Set(SERVING.map((role) => JSON.parse(container(id, role).env.NODE_CERTIFICATES ?? "{}")["root-ca.pem"]));
const starts = (id: string) => SERVING.map((role) => container(id, role).starts);

/** What D1 holds of a tenant's certificates, once the tenant object has delivered it. */
async function registered(id: string): Promise<string[]> {
  await runInDurableObject(env.TENANT.getByName(id), (object) => object.alarm?.());
  const query = env.WAZUH_META.prepare("SELECT * FROM certificates WHERE tenant = ? ORDER BY generation").bind(id);
  return (await query.all<{ generation: number; state: string }>()).results.map(
    ({ generation, state }) => `${generation} ${state}`,
  );
}

function inObject<T>(id: string, work: (sql: SqlStorage) => T): Promise<T> {
  return runInDurableObject(env.TENANT.getByName(id), (_object, { storage }) => work(storage.sql));
}

/** Has the active certificates end in so many days, a year after they were minted. */
const endsIn = (id: string, days: number) =>
  inObject(id, (sql) => {
    const end = Date.now() + days * DAY;
    sql.exec("UPDATE certificates SET not_after = ?, minted_at = ? WHERE state = 'active'", end, end - 365 * DAY);
  });

afterEach(() => {
  world.exits.clear();
  world.silent.clear();
});

describe("a rotation of certificates", () => {
  it("brings every node to a bundle of a new authority, one role after the other, and keeps the old one", async () => {
    const id = await runningTenant();
    const before = (await getTenant(id)).certificate;
    await answered(rotate(id), 202);
    const view = await until(id, rotated);
    expect(view.run).toMatchObject({ kind: "rotate", state: "succeeded" });
    expect(steps(view)).toEqual(FORWARD);
    expect(view.run?.steps.map(({ attempts }) => attempts)).toEqual([1, 1, 1, 1, 1, 1]);
    expect(view).toMatchObject({ observed: "running", reason: null, certificate: { generation: 2 } });
    expect(view.certificate?.fingerprint).not.toBe(before?.fingerprint);
    expect(view.certificate?.ca_fingerprint).not.toBe(before?.ca_fingerprint);
    expect(starts(id)).toEqual([2, 2, 2]);
    expect(authorities(id).size).toBe(1);
    await expect.poll(() => registered(id)).toEqual(["1 previous", "2 active"]);
  });

  it("destroys the bundle before the last one, and tells D1 so", async () => {
    const id = await runningTenant();
    for (const generation of [2, 3]) {
      await answered(rotate(id), 202);
      await until(id, (view) => rotated(view) && view.certificate?.generation === generation);
    }
    await expect.poll(() => registered(id)).toEqual(["1 destroyed", "2 previous", "3 active"]);
    const sealed = await inObject(id, (sql) =>
      sql.exec("SELECT generation FROM certificates WHERE sealed <> '' ORDER BY generation").toArray(),
    );
    expect(sealed).toEqual([{ generation: 2 }, { generation: 3 }]);
  });

  it("keeps no key of an authority", async () => {
    const id = await runningTenant();
    const stored = await runInDurableObject(env.TENANT.getByName(id), async (_object, { storage }) => {
      const { sealed } = storage.sql.exec<{ sealed: string }>("SELECT sealed FROM certificates").one();
      const vault = new Vault(id, storage.sql, settingsOf(env));
      return Object.keys(JSON.parse(await vault.open("certificates:1", sealed)) as object);
    });
    expect(stored).toContain("root-ca.pem");
    expect(stored).not.toContain("root-ca.key");
  });

  it("is one operation however often it is asked for, and refuses another meanwhile", async () => {
    const id = await runningTenant();
    const operation = newOperation();
    world.silent.add(`${id}:certs:0`);
    await answered(rotate(id, operation), 202);
    await answered(rotate(id, operation), 202);
    const refusal = await answered<{ code: string }>(rotate(id), 409);
    expect(refusal.code).toBe("OPERATION_IN_PROGRESS");
    world.silent.clear();
    await until(id, rotated);
    const again = await answered<TenantView>(rotate(id, operation), 202);
    expect(again).toMatchObject({
      run: { operation_id: operation, state: "succeeded" },
      certificate: { generation: 2 },
    });
  });

  it("goes on where it was after its object was evicted", async () => {
    const id = await runningTenant();
    world.silent.add(`${id}:manager:0`);
    await answered(rotate(id), 202);
    await until(id, (view) => steps(view).indexer === "succeeded" && container(id, "manager").starts === 2);
    await evictDurableObject(env.TENANT.getByName(id));
    world.silent.clear();
    const view = await until(id, rotated);
    expect(steps(view)).toEqual(FORWARD);
    expect(starts(id)).toEqual([2, 2, 2]);
  });

  it("goes back to the old certificates where a role does not come up with the new ones", async () => {
    const id = await runningTenant();
    const [before] = authorities(id);
    world.exits.set(`${id}:manager:0`, 1);
    await answered(rotate(id), 202);
    await until(id, comesTo("rollback"));
    world.exits.clear();
    const view = await until(id, rotated);
    expect(view.run?.state).toBe("failed");
    expect(steps(view)).toMatchObject({
      indexer: "succeeded",
      manager: "failed",
      verify: "pending",
      rollback: "succeeded",
    });
    const failed = view.run?.steps.find(({ name }) => name === "manager");
    expect(failed?.error?.message).toContain("exited with code 1");
    expect(failed?.error?.message).toContain("The old certificates are in use again.");
    expect(view).toMatchObject({ observed: "running", reason: null, certificate: { generation: 1 } });
    expect([...authorities(id)]).toEqual([before]);
    await expect.poll(() => registered(id)).toEqual(["1 active", "2 destroyed"]);
    await answered(rotate(id), 202);
    expect((await until(id, (now) => rotated(now) && now.run?.state === "succeeded")).certificate?.generation).toBe(3);
  });

  it("that can mint nothing changes nothing", async () => {
    const id = await runningTenant();
    world.exits.set(`${id}:certs:0`, 1);
    await answered(rotate(id), 202);
    const view = await until(id, rotated);
    expect(steps(view)).toMatchObject({ mint: "failed", switch: "pending" });
    expect(view.run?.steps[0]?.error?.message).toContain("The old certificates stay in use.");
    expect(view).toMatchObject({ observed: "running", certificate: { generation: 1 } });
    expect(starts(id)).toEqual([1, 1, 1]);
  });

  it("gives way to a newer intent, and what was not verified does not stay", async () => {
    const id = await runningTenant();
    world.silent.add(`${id}:manager:0`);
    await answered(rotate(id), 202);
    await until(id, (view) => steps(view).indexer === "succeeded");
    await putTenant(id, specOf(2, { requested: "stopped" }));
    await until(id, (view) => view.observed === "stopped");
    world.silent.clear();
    await putTenant(id, specOf(3));
    const view = await until(id, (now) => now.observed === "running");
    expect(view).toMatchObject({ run: { kind: "start", state: "succeeded" }, certificate: { generation: 1 } });
    await expect.poll(() => registered(id)).toEqual(["1 active", "2 destroyed"]);
  });

  it("is refused of a tenant that does not run", async () => {
    const id = await runningTenant();
    await putTenant(id, specOf(2, { requested: "stopped" }));
    expect(await answered(rotate(id), 409)).toMatchObject({ code: "TENANT_NOT_RUNNING" });
  });

  it("leaves nothing of any bundle but its description when the tenant is deleted", async () => {
    const id = await runningTenant();
    await answered(call("DELETE", `/v1/tenants/${id}`, { epoch: 1, generation: 2, operation_id: newOperation() }), 202);
    await until(id, (view) => view.observed === "absent");
    await expect.poll(() => registered(id)).toEqual(["1 destroyed"]);
  });
});

describe("certificates that end soon", () => {
  it("are renewed by the same way, under an operation of the edge's own", async () => {
    const id = await runningTenant();
    const asked = (await getTenant(id)).run?.operation_id;
    await endsIn(id, 31);
    await hurry(id);
    await until(id, ({ observed }) => observed === "running");
    expect((await getTenant(id)).run?.kind).toBe("start");
    await endsIn(id, 29);
    await hurry(id);
    const view = await until(id, rotated);
    expect(view.run?.operation_id).toMatch(/^op_[a-z2-7]{20}$/);
    expect(view.run?.operation_id).not.toBe(asked);
    expect(view).toMatchObject({ run: { state: "succeeded" }, certificate: { generation: 2 }, observed: "running" });
    expect(Date.parse(view.certificate?.renew_at ?? "")).toBeGreaterThan(Date.now() + 330 * DAY);
  });

  it("leave the tenant in peace for a while where renewing fails, even after they ended", async () => {
    const id = await runningTenant();
    world.exits.set(`${id}:certs:0`, 1);
    await endsIn(id, -1);
    await hurry(id);
    const failed = await until(id, rotated);
    await hurry(id);
    const later = await until(id, ({ observed }) => observed === "running");
    expect([later.run?.operation_id, later.run?.state]).toEqual([failed.run?.operation_id, "failed"]);
    expect(starts(id)).toEqual([1, 1, 1]);
  });
});

describe("an object of the version before", () => {
  it("takes up its certificates with their states, and rotates them", async () => {
    const id = await runningTenant();
    await inObject(id, (sql) => {
      sql.exec("DROP TABLE rotation");
      sql.exec(
        "INSERT INTO certificates SELECT 2, fit, not_after, fingerprint, sealed, '', 0, '', '', '' FROM certificates",
      );
      for (const column of ["ca_fingerprint", "minted_at", "state", "told", "authority"]) {
        sql.exec(`ALTER TABLE certificates DROP COLUMN ${column}`);
      }
      sql.exec("ALTER TABLE nodes DROP COLUMN behind_since");
      sql.exec("UPDATE schema_versions SET version = 2 WHERE part = 'tenant'");
    });
    await evictDurableObject(env.TENANT.getByName(id));
    expect((await getTenant(id)).certificate).toMatchObject({ generation: 2 });
    await hurry(id);
    await until(id, ({ observed }) => observed === "running");
    await expect.poll(() => registered(id)).toEqual(["1 previous", "2 active"]);
  });
});
