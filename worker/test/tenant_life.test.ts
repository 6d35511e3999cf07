import { env, evictDurableObject, runInDurableObject } from "cloudflare:test";
import { afterEach, describe, expect, it } from "vitest";
import type { TenantView } from "../src/schemas/tenant";
import { world } from "./support/containers";
import { answered, call, newTenantId, PLAN } from "./support/edge";
import { getTenant, hurry, newOperation, putTenant, runningTenant, specOf, until } from "./support/tenants";

const node = (view: TenantView, role: string) => view.nodes.find((one) => one.role === role);
const steps = (view: TenantView) => Object.fromEntries((view.run?.steps ?? []).map(({ name, state }) => [name, state]));
const container = (id: string, role: string) => {
  const found = world.containers.get(`${id}:${role}:0`);
  if (!found) throw new Error(`no container ${id}:${role}:0`);
  return found;
};
const running = (view: TenantView) => view.observed === "running";
const ALL = {
  certs: "succeeded",
  indexer: "succeeded",
  manager: "succeeded",
  dashboard: "succeeded",
  verify: "succeeded",
};

/** Something happens to a container as seen by the object that watches it. */
function happens(id: string, role: "INDEXER" | "MANAGER", event: () => void): Promise<void> {
  return runInDurableObject(env[role].getByName(`${id}:${role.toLowerCase()}:0`), event);
}

afterEach(() => {
  world.exits.clear();
  world.silent.clear();
});

describe("a tenant", () => {
  it("runs after certificates, indexer, manager, dashboard and a verified ingest", async () => {
    const id = newTenantId();
    await putTenant(id, specOf());
    const view = await until(id, running);
    expect(steps(view)).toEqual(ALL);
    expect(view).toMatchObject({
      observed_generation: 1,
      reason: null,
      run: { kind: "start", state: "succeeded" },
      version: "4.14.7",
    });
    expect(view.certificate).toMatchObject({ generation: 1, fingerprint: expect.stringMatching(/^[0-9a-f]{64}$/) });
    expect(node(view, "certs")?.state).toBe("stopped");
    expect(container(id, "indexer").documents.size).toBe(0);
  });

  it("gives each node only what it needs, and no two tenants the same secret", async () => {
    const [one, two] = [await runningTenant(), await runningTenant()];
    const manager = container(one, "manager").env;
    expect(manager).toMatchObject({
      INDEXER_URL: "http://indexer.internal",
      INDEXER_USERNAME: "admin",
      API_USERNAME: "wazuh-wui",
    });
    expect(manager.WAZUH_CLUSTER_KEY).toMatch(/^[0-9A-Za-z]{32}$/);
    expect(manager.API_PASSWORD).toMatch(/^(?=.*[a-z])(?=.*[A-Z])(?=.*\d)(?=.*[^\w]).{8,64}$/);
    expect(manager.INDEXER_PASSWORD).toBe(container(one, "indexer").env.INDEXER_PASSWORD);
    expect(container(one, "indexer").env).toMatchObject({
      OPENSEARCH_JAVA_OPTS: "-Xms3072m -Xmx3072m",
      ...{ INDEX_SHARDS: "1", INDEX_REPLICAS: "0", INDEX_REFRESH_SECONDS: "5" },
    });
    const secrets = (id: string) => {
      const { INDEXER_PASSWORD, API_PASSWORD, WAZUH_CLUSTER_KEY, AUTHD_PASSWORD } = container(id, "manager").env;
      const { COOKIE_PASSWORD, INDEXER_PASSWORD: ofDashboard } = container(id, "dashboard").env;
      return [INDEXER_PASSWORD, API_PASSWORD, WAZUH_CLUSTER_KEY, AUTHD_PASSWORD, COOKIE_PASSWORD, ofDashboard];
    };
    const all = [...secrets(one), ...secrets(two)];
    for (const secret of all) expect(secret).toMatch(/^[0-9A-Za-z.+-]{32,}$/);
    expect(new Set(all).size).toBe(all.length);
    const files = (role: string) => Object.keys(JSON.parse(container(one, role).env.NODE_CERTIFICATES ?? "{}")).sort();
    expect(files("manager")).toEqual(["manager-0-key.pem", "manager-0.pem", "root-ca.pem"]);
    expect(files("indexer")).toEqual([
      "admin-key.pem",
      "admin.pem",
      "indexer-0-key.pem",
      "indexer-0.pem",
      "root-ca.pem",
    ]);
  });

  it("keeps no secret in the clear", async () => {
    const id = await runningTenant();
    const { INDEXER_PASSWORD, API_PASSWORD, WAZUH_CLUSTER_KEY } = container(id, "manager").env;
    const dump = await runInDurableObject(env.TENANT.getByName(id), (_object, { storage }) => {
      const tables = storage.sql.exec<{ name: string }>(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_%' ESCAPE '\\'",
      );
      return JSON.stringify(tables.toArray().map(({ name }) => storage.sql.exec(`SELECT * FROM "${name}"`).toArray()));
    });
    for (const secret of [INDEXER_PASSWORD, API_PASSWORD, WAZUH_CLUSTER_KEY]) expect(dump).not.toContain(secret);
    expect(dump).not.toContain("PEM of");
    expect(JSON.stringify(await getTenant(id))).not.toContain("PEM of");
  });

  it("intercepts only the names that the gate's table gives a role", async () => {
    const id = await runningTenant();
    expect(container(id, "manager").intercepted).toEqual(
      expect.arrayContaining(["indexer.internal", "events.internal"]),
    );
    expect(container(id, "indexer").intercepted).toEqual(["state.internal", "repository.internal", "mesh.internal"]);
    expect(container(id, "certs").intercepted).toEqual([]);
  });
});

describe("the containers of a tenant", () => {
  it("have no way to the internet but the names that are intercepted", async () => {
    const id = await runningTenant();
    for (const role of ["certs", "indexer", "manager", "dashboard"]) expect(container(id, role).internet).toBe(false);
  });
});

describe("a node that ends", () => {
  it("is started again, with its exit told and its restart counted", async () => {
    const id = await runningTenant();
    await happens(id, "MANAGER", () => container(id, "manager").exit(137));
    const degraded = await until(id, (view) => node(view, "manager")?.exit_code === 137);
    expect(["degraded", "running"]).toContain(degraded.observed);
    const view = await until(id, (now) => running(now) && node(now, "manager")?.restarts === 1);
    expect(node(view, "manager")).toMatchObject({ state: "running", exit_code: 137 });
    expect(view.run?.state).toBe("succeeded");
  });

  it("while its object was away is noticed when the object wakes", async () => {
    const id = await runningTenant();
    const stub = env.INDEXER.getByName(`${id}:indexer:0`);
    await evictDurableObject(stub);
    container(id, "indexer").unwatched().exit(1);
    await stub.report();
    await until(id, (view) => running(view) && node(view, "indexer")?.restarts === 1);
  });

  it("again and again while starting ends in a visible failure, and a Retry goes on from that step", async () => {
    const id = newTenantId();
    world.exits.set(`${id}:indexer:0`, 1);
    const operation_id = newOperation();
    await putTenant(id, specOf(1, { operation_id }));
    const failed = await until(id, (view) => view.observed === "failed");
    expect(failed.reason).toMatchObject({ code: "NODE_CRASH_LOOP", message: expect.stringContaining("code 1") });
    expect(failed.run).toMatchObject({ state: "failed" });
    expect(steps(failed)).toMatchObject({ certs: "succeeded", indexer: "failed", manager: "pending" });
    const attempts = failed.run?.steps.find(({ name }) => name === "indexer")?.attempts ?? 0;
    expect(attempts).toBe(5);
    expect(failed.observed_generation).toBe(0);

    world.exits.clear();
    await putTenant(id, specOf(2, { operation_id }));
    const view = await until(id, running);
    expect(view.run).toMatchObject({ operation_id, state: "succeeded" });
    expect(view.run?.steps.find(({ name }) => name === "indexer")?.attempts).toBe(attempts + 1);
    // The certificate still holds: minting was not done again.
    expect(view.certificate?.generation).toBe(1);
    expect(view.run?.steps.find(({ name }) => name === "certs")?.attempts).toBe(1);
  });

  it("delays nobody but its own tenant", async () => {
    const sick = newTenantId();
    world.exits.set(`${sick}:indexer:0`, 1);
    await putTenant(sick, specOf());
    expect(running(await getTenant(await runningTenant()))).toBe(true);
  });
});

describe("an object that was evicted half-way", () => {
  it("goes on where it was", async () => {
    const id = newTenantId();
    world.silent.add(`${id}:manager:0`);
    await putTenant(id, specOf());
    await until(id, (view) => node(view, "manager")?.state === "starting");
    await evictDurableObject(env.TENANT.getByName(id));
    container(id, "indexer").unwatched();
    await evictDurableObject(env.INDEXER.getByName(`${id}:indexer:0`));
    const starts = container(id, "indexer").starts;
    world.silent.clear();
    const view = await until(id, running);
    expect(steps(view)).toEqual(ALL);
    expect(container(id, "indexer").starts).toBe(starts);
    expect(container(id, "manager").starts).toBe(1);
  });
});

describe("a change of the plan", () => {
  it("replaces only the nodes that it concerns", async () => {
    const id = await runningTenant();
    const roles = { ...PLAN.roles, dashboard: { count: 1, instance: "standard-2" } };
    await putTenant(id, specOf(2, { plan: { ...PLAN, roles } }));
    const view = await until(id, (now) => running(now) && now.observed_generation === 2);
    expect(node(view, "dashboard")).toMatchObject({ instance: "standard-2", restarts: 0 });
    expect([container(id, "dashboard").starts, container(id, "manager").starts]).toEqual([2, 1]);
  });

  it("to another certificate lifetime mints anew and restarts every node with it", async () => {
    const id = await runningTenant();
    await putTenant(id, specOf(2, { plan: { ...PLAN, certificate_days: 7 } }));
    const view = await until(id, (now) => running(now) && now.observed_generation === 2);
    expect(view.certificate?.generation).toBe(2);
    expect(container(id, "manager").starts).toBe(2);
  });
});

describe("a tenant that is stopped", () => {
  it("stops dashboard, manager and indexer, and starts again", async () => {
    const id = await runningTenant();
    await putTenant(id, specOf(2, { requested: "stopped" }));
    const view = await until(id, (now) => now.observed === "stopped");
    expect(steps(view)).toEqual({ dashboard: "succeeded", manager: "succeeded", indexer: "succeeded" });
    expect(["indexer", "manager", "dashboard"].map((role) => container(id, role).running)).toEqual([
      false,
      false,
      false,
    ]);
    await putTenant(id, specOf(3));
    const again = await until(id, running);
    expect(node(again, "manager")).toMatchObject({ restarts: 0 });
    expect(container(id, "certs").starts).toBe(1);
  });

  it("while it still starts stops at once", async () => {
    const id = newTenantId();
    world.silent.add(`${id}:indexer:0`);
    await putTenant(id, specOf());
    await until(id, (view) => node(view, "indexer")?.state === "starting");
    await putTenant(id, specOf(2, { requested: "stopped" }));
    await until(id, (view) => view.observed === "stopped");
    expect(container(id, "indexer").running).toBe(false);
  });
});

describe("a tenant that is deleted", () => {
  it("leaves no container, no secret and no row but its tombstone", async () => {
    const id = await runningTenant();
    await answered(call("DELETE", `/v1/tenants/${id}`, { epoch: 1, generation: 2, operation_id: newOperation() }), 202);
    const view = await until(id, (now) => now.observed === "absent");
    expect(steps(view)).toEqual({ stop: "succeeded", erase: "succeeded" });
    expect(view).toMatchObject({ nodes: [], certificate: null, run: { kind: "delete", state: "succeeded" } });
    expect([...world.containers].filter(([name, { running: up }]) => name.startsWith(id) && up)).toEqual([]);
    const rows = await runInDurableObject(env.TENANT.getByName(id), (_object, { storage }) =>
      ["secrets", "data_keys", "certificates", "nodes", "agents"].map(
        (table) => storage.sql.exec(`SELECT count(*) AS n FROM ${table}`).one().n,
      ),
    );
    expect(rows).toEqual([0, 0, 0, 0, 0]);
  });

  it("is not driven any more", async () => {
    const id = newTenantId();
    await answered(call("DELETE", `/v1/tenants/${id}`, { epoch: 1, generation: 1, operation_id: newOperation() }), 202);
    await until(id, (view) => view.observed === "absent");
    await hurry(id);
    await until(id, (view) => view.observed === "absent");
  });
});
