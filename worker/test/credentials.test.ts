import { env, evictDurableObject, runInDurableObject, SELF } from "cloudflare:test";
import { afterEach, describe, expect, it } from "vitest";
import type { TenantView } from "../src/schemas/tenant";
import { nodeStub } from "../src/tenant/nodes/names";
import { rotate, rotateCredentials, rotation } from "./support/calls";
import { enrollingWith, type FakeContainer, world } from "./support/containers";
import { API, answered, call, scopedToken } from "./support/edge";
import { getTenant, newOperation, putTenant, runningTenant, specOf, until } from "./support/tenants";

const SERVING = ["indexer", "manager", "dashboard"];
const OF_MANAGER = ["API_PASSWORD", "INDEXER_PASSWORD", "AUTHD_PASSWORD", "WAZUH_CLUSTER_KEY"];
const PASSWORDS: Record<string, string[]> = {
  indexer: ["INDEXER_PASSWORD", "DASHBOARD_PASSWORD"],
  manager: OF_MANAGER,
  dashboard: ["INDEXER_PASSWORD", "API_PASSWORD", "COOKIE_PASSWORD"],
};
const steps = (view: TenantView) => Object.fromEntries((view.run?.steps ?? []).map(({ name, state }) => [name, state]));
const ended = (view: TenantView) => view.run?.kind === "rotate_credentials" && view.run.state !== "running";

function container(id: string, role: string): FakeContainer {
  const found = world.containers.get(`${id}:${role}:0`);
  if (!found) throw new Error(`no container ${id}:${role}:0`);
  return found;
}

/** Every password of every node, by role and variable. */
const passwords = (id: string): Record<string, string | undefined> =>
  Object.fromEntries(
    SERVING.flatMap((role) =>
      (PASSWORDS[role] ?? []).map((name) => [`${role} ${name}`, container(id, role).env[name]]),
    ),
  );
const starts = (id: string) => SERVING.map((role) => container(id, role).starts);

/** Generations of which a value is kept. */
const kept = (id: string) =>
  runInDurableObject(env.TENANT.getByName(id), (_, { storage }) =>
    storage.sql
      .exec("SELECT DISTINCT generation FROM secrets ORDER BY generation")
      .toArray()
      .map((row) => row.generation),
  );

function expectShared(id: string): void {
  const now = passwords(id);
  expect(now["manager INDEXER_PASSWORD"]).toBe(now["indexer INDEXER_PASSWORD"]);
  expect(now["dashboard INDEXER_PASSWORD"]).toBe(now["indexer DASHBOARD_PASSWORD"]);
  expect(now["dashboard API_PASSWORD"]).toBe(now["manager API_PASSWORD"]);
}

afterEach(() => {
  world.exits.clear();
  world.silent.clear();
  world.stubborn.clear();
  world.says.clear();
});

describe("a rotation of credentials", () => {
  it("gives every node new ones, one role after the other, and keeps none of the old", async () => {
    const [id, other] = [await runningTenant(), await runningTenant()];
    const [before, ofOther] = [passwords(id), passwords(other)];
    expect((await getTenant(id)).credentials).toEqual({ generation: 1, rotated_at: null });
    await answered(rotateCredentials(id), 202);
    const view = await until(id, ended);
    const names = ["generate", "switch", "indexer", "manager", "dashboard", "verify"];
    expect(steps(view)).toEqual(Object.fromEntries(names.map((name) => [name, "succeeded"])));
    expect(view).toMatchObject({ observed: "running", reason: null, credentials: { generation: 2 } });
    expect(Date.parse(view.credentials?.rotated_at ?? "")).toBeGreaterThan(Date.now() - 60_000);
    const after = passwords(id);
    for (const [name, value] of Object.entries(before)) expect([name, after[name]]).not.toEqual([name, value]);
    expectShared(id);
    expect(starts(id)).toEqual([2, 2, 2]);
    expect(await kept(id)).toEqual([2]);
    expect(view.certificate?.generation).toBe(1);
    expect(passwords(other)).toEqual(ofOther);
    expect(Object.values(after).filter((value) => Object.values(ofOther).includes(value))).toEqual([]);
  });

  it("lets the edge into the indexer all the way, and again after the next one", async () => {
    const id = await runningTenant();
    for (const generation of [2, 3]) {
      await answered(rotateCredentials(id), 202);
      await until(id, (view) => ended(view) && view.credentials?.generation === generation);
      const stub = nodeStub(env, id, "indexer", 0);
      await expect(runInDurableObject(stub, (node) => node.measureDay("2026-01-01"))).resolves.toMatchObject({
        used: 1000,
      });
    }
    expect(await kept(id)).toEqual([3]);
  });

  it.each([
    ["indexer", "indexer_admin"],
    ["manager", "manager_api"],
  ])("goes back where the %s does not take its new password, and leaves nothing half-way", async (role, secret) => {
    const id = await runningTenant();
    const before = passwords(id);
    world.stubborn.add(`${id}:${role}:0`);
    await answered(rotateCredentials(id), 202);
    await until(id, (view) => steps(view).rollback !== undefined);
    world.stubborn.clear();
    const view = await until(id, ended);
    expect(view.run?.state).toBe("failed");
    expect(steps(view)).toMatchObject({ [role]: "failed", rollback: "succeeded", dashboard: "pending" });
    const error = view.run?.steps.find(({ name }) => name === role)?.error;
    expect(error?.code).toBe("ROTATION_ROLLED_BACK");
    expect(error?.message).toContain(`The ${role} answered 401 to its own ${secret}`);
    expect(error?.message).toContain("The old credentials are in use again.");
    expect(view).toMatchObject({ observed: "running", reason: null, credentials: { generation: 1, rotated_at: null } });
    expect(passwords(id)).toEqual(before);
    expect(await kept(id)).toEqual([1]);
    await answered(rotateCredentials(id), 202);
    expect((await until(id, (now) => ended(now) && now.run?.state === "succeeded")).credentials?.generation).toBe(3);
  });

  it("goes back where the dashboard does not get into the indexer with its new password", async () => {
    const id = await runningTenant();
    const before = passwords(id);
    world.stubborn.add(`${id}:dashboard:0`);
    await answered(rotateCredentials(id), 202);
    const view = await until(id, ended);
    expect(steps(view)).toMatchObject({
      indexer: "succeeded",
      manager: "succeeded",
      dashboard: "failed",
      rollback: "succeeded",
    });
    expect(passwords(id)).toEqual(before);
  });

  it.each([
    ["another enrollment password", enrollingWith("of before"), "enrolls with another password than its own"],
    ["none", { auth: { use_password: "no" } }, "enrolls without its own"],
  ])("goes back where the manager has %s, although its API takes the new one", async (_, item, words) => {
    const id = await runningTenant();
    const before = passwords(id);
    world.says.set(`${id}:manager:0/manager/configuration/auth/auth`, { data: { affected_items: [item] }, error: 0 });
    await answered(rotateCredentials(id), 202);
    await until(id, (view) => steps(view).rollback !== undefined);
    world.says.clear();
    const view = await until(id, ended);
    expect(steps(view)).toMatchObject({ indexer: "succeeded", manager: "failed", rollback: "succeeded" });
    const error = view.run?.steps.find(({ name }) => name === "manager")?.error;
    expect(error?.message).toContain(`The manager ${words} manager_enrollment`);
    expect(error?.message).not.toContain("of before");
    expect([passwords(id), await kept(id)]).toEqual([before, [1]]);
  });

  it("goes on where it was after its object was evicted", async () => {
    const id = await runningTenant();
    world.silent.add(`${id}:manager:0`);
    await answered(rotateCredentials(id), 202);
    await until(id, (view) => steps(view).indexer === "succeeded" && container(id, "manager").starts === 2);
    expect(await kept(id)).toEqual([1, 2]);
    await evictDurableObject(env.TENANT.getByName(id));
    world.silent.clear();
    const view = await until(id, ended);
    expect(view.run?.state).toBe("succeeded");
    expect(starts(id)).toEqual([2, 2, 2]);
    expectShared(id);
  });

  it("gives way to a newer intent, after which every node has the old ones and nothing else is kept", async () => {
    const id = await runningTenant();
    const before = passwords(id);
    world.silent.add(`${id}:manager:0`);
    await answered(rotateCredentials(id), 202);
    await until(id, (view) => steps(view).indexer === "succeeded");
    await putTenant(id, specOf(2, { requested: "stopped" }));
    await until(id, (view) => view.observed === "stopped");
    world.silent.clear();
    await putTenant(id, specOf(3));
    const view = await until(id, (now) => now.observed === "running");
    expect(view).toMatchObject({ run: { kind: "start", state: "succeeded" }, credentials: { generation: 1 } });
    expect(passwords(id)).toEqual(before);
    expect(await kept(id)).toEqual([1]);
  });

  it("is one operation however often it is asked for, refuses another meanwhile, and is no rotation of certificates", async () => {
    const id = await runningTenant();
    const asked = rotation();
    world.silent.add(`${id}:indexer:0`);
    await answered(rotateCredentials(id, asked), 202);
    await answered(rotateCredentials(id, asked), 202);
    for (const refused of [rotateCredentials(id), rotate(id)])
      expect(await answered(refused, 409)).toMatchObject({ code: "OPERATION_IN_PROGRESS" });
    world.silent.clear();
    await until(id, ended);
    await answered(rotateCredentials(id, asked), 202);
    expect(await answered(rotate(id, asked), 409)).toMatchObject({ code: "GENERATION_CONFLICT" });
    expect((await getTenant(id)).credentials?.generation).toBe(2);
  });

  it("tells the tenant's stream what became of it, and no value", async () => {
    const id = await runningTenant();
    await answered(rotateCredentials(id), 202);
    await until(id, ended);
    const headers = { authorization: `Bearer ${await scopedToken(id)}`, host: "edge.test" };
    const text = await (await SELF.fetch(`${API}/api/events?after=0`, { headers })).text();
    expect(text).toContain('"action":"credentials.rotated"');
    for (const value of Object.values(passwords(id))) expect(text).not.toContain(value);
  });
});

describe("an object of the version before", () => {
  it("keeps its credentials as the first generation, and its nodes run on", async () => {
    const id = await runningTenant();
    const before = passwords(id);
    await runInDurableObject(env.TENANT.getByName(id), (_, { storage: { sql } }) => {
      sql.exec("CREATE TABLE earlier (name TEXT PRIMARY KEY, sealed TEXT NOT NULL) STRICT, WITHOUT ROWID");
      sql.exec("INSERT INTO earlier SELECT name, sealed FROM secrets");
      sql.exec("DROP TABLE secrets; ALTER TABLE earlier RENAME TO secrets; DROP TABLE credentials");
      sql.exec("ALTER TABLE nodes DROP COLUMN credentials");
      sql.exec("DELETE FROM schema_versions WHERE part = 'credentials'");
    });
    await evictDurableObject(env.TENANT.getByName(id));
    await until(id, ({ observed, credentials }) => observed === "running" && credentials?.generation === 1);
    expect(starts(id)).toEqual([1, 1, 1]);
    await runInDurableObject(nodeStub(env, id, "dashboard", 0), () => container(id, "dashboard").exit(1));
    await until(id, ({ nodes }) => nodes.some(({ role, restarts }) => role === "dashboard" && restarts === 1));
    expect(passwords(id)).toEqual(before);
    await answered(rotateCredentials(id), 202);
    expect((await until(id, ended)).run?.state).toBe("succeeded");
  });
});

describe("a tenant that is deleted in the middle of a rotation of credentials", () => {
  it("keeps no generation", async () => {
    const id = await runningTenant();
    world.silent.add(`${id}:manager:0`);
    await answered(rotateCredentials(id), 202);
    await until(id, (view) => steps(view).indexer === "succeeded");
    await answered(call("DELETE", `/v1/tenants/${id}`, { epoch: 1, generation: 2, operation_id: newOperation() }), 202);
    const view = await until(id, ({ observed }) => observed === "absent");
    expect([view.credentials, await kept(id)]).toEqual([null, []]);
  });
});
