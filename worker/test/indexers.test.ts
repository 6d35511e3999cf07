/** A tenant with three indexers: how they are started, who is asked, and what becomes of the journal. */
import { env, runInDurableObject } from "cloudflare:test";
import { afterEach, describe, expect, it } from "vitest";
import { isTaken, readBulk } from "../src/gates/bulk";
import type { Plan } from "../src/schemas/plan";
import type { TenantView } from "../src/schemas/tenant";
import { requireWhole } from "../src/tenant/indexers";
import { decide } from "../src/tenant/lifecycle";
import { LiveContext } from "../src/tenant/live_context";
import { nodeStub } from "../src/tenant/nodes/names";
import { NotYet } from "../src/tenant/not_yet";
import { containerNamed, world } from "./support/containers";
import { answered, call, newTenantId, PLAN } from "./support/edge";
import { facts, node } from "./support/facts";
import { putTenant, specOf, until } from "./support/tenants";

const ALL = [0, 1, 2];
const among = (count: number, indexer?: Plan["indexer"]) => ({
  ...{ ...PLAN, ...(indexer && { indexer }) },
  roles: { ...PLAN.roles, indexer: { ...PLAN.roles.indexer, count } },
});
const indexer = (id: string, n: number) => containerNamed(`${id}:indexer:${n}`, "indexer");
const front = (id: string) => nodeStub(env, id, "indexer", 0);
const runs = (view: TenantView) => view.observed === "running";

/** All nodes of a tenant belong to this cluster from their next start on. */
const ofOneCluster = (id: string, uuid: string) => {
  for (const n of ALL) world.clusters.set(`${id}:indexer:${n}`, uuid);
};

async function tenantOfThree(): Promise<string> {
  const id = newTenantId();
  ofOneCluster(id, `first-${id}`);
  await putTenant(id, specOf(1, { plan: among(3) }));
  await until(id, runs);
  return id;
}

const keep = (id: string, ...names: string[]) => {
  const lines = names.map((name) => `{"index":{"_index":"wazuh-alerts-4.x-2026.11.23"}}\n{"id":"${name}"}\n`);
  return front(id).keep(readBulk(id, 0, lines.join("")).filter(isTaken));
};

/** The alerts that a cluster holds, without what probes left. */
const held = (id: string, n: number) =>
  [...indexer(id, n).documents.values()].map((document) => (document as { id: string }).id).sort();

const restarted = (id: string, starts: number[]) =>
  until(id, (view) => runs(view) && ALL.every((n) => indexer(id, n).starts === (starts[n] ?? 1)));

/** These indexers serve with their starts of these numbers, whether or not all are in one cluster. */
const serving = (id: string, starts: Record<number, number>) =>
  until(id, ({ nodes }) =>
    Object.entries(starts).every(([n, start]) => {
      const row = nodes.find((one) => one.role === "indexer" && one.n === Number(n));
      return row?.state === "running" && indexer(id, Number(n)).starts === start;
    }),
  );

/** A container ends, and its disk with it. */
const dies = (id: string, n: number) =>
  runInDurableObject(nodeStub(env, id, "indexer", n), () => indexer(id, n).exit(137));

const refusedPaths = async (plan: unknown) => {
  const put = call("PUT", `/v1/tenants/${newTenantId()}`, specOf(1, { plan: plan as Plan }));
  const { details } = await answered<{ details: { path: string; message: string }[] }>(put, 422);
  return details.map(({ path, message }) => `${path}: ${message}`);
};

afterEach(() => {
  for (const part of [world.clusters, world.held, world.says]) part.clear();
  world.silent.clear();
});

describe("three indexers", () => {
  it("find each other through the mesh, and each of them itself", async () => {
    const id = await tenantOfThree();
    const of = (name: string) => ALL.map((n) => indexer(id, n).env[name]);
    expect(of("discovery.type")).toEqual(["zen", "zen", "zen"]);
    expect(of("MESH_LISTEN")).toEqual([
      "9310=self:9300 9311=1 9312=2",
      "9310=0 9311=self:9300 9312=2",
      "9310=0 9311=1 9312=self:9300",
    ]);
    expect(of("transport.publish_port")).toEqual(["9310", "9311", "9312"]);
    expect(new Set(of("discovery.seed_hosts"))).toEqual(new Set(["127.0.0.1:9310,127.0.0.1:9311,127.0.0.1:9312"]));
    expect(new Set(of("cluster.initial_cluster_manager_nodes"))).toEqual(new Set(["indexer-0,indexer-1,indexer-2"]));
    expect(of("INDEX_REPLICAS")).toEqual(["1", "1", "1"]);
    expect(of("INDEXER_PASSWORD_BEFORE")).toEqual(["", "", ""]);
  });

  it("are none for a tenant with one, which looks for nobody and keeps no copies", async () => {
    const id = newTenantId();
    await putTenant(id, specOf(1));
    await until(id, runs);
    const given = indexer(id, 0).env;
    expect([given["discovery.type"], given.MESH_LISTEN, given["discovery.seed_hosts"]]).toEqual([
      "single-node",
      "",
      "",
    ]);
    expect(given.INDEX_REPLICAS).toBe("0");
  });

  it("are not two, nor without a copy, nor with a copy too many", async () => {
    expect(await refusedPaths(among(2))).toEqual([
      "plan.roles.indexer.count: 1 or 3: two indexers have no majority when one of them is lost",
    ]);
    expect(await refusedPaths(among(3, { replicas: 0 }))).toEqual([
      "plan.indexer.replicas: several indexer nodes need at least one copy: a node that is replaced comes empty",
    ]);
    expect(await refusedPaths(among(1, { replicas: 1 }))).toEqual([
      "plan.indexer.replicas: each copy needs an indexer node of its own",
    ]);
  });

  it("start together: none waits for another that does not run", () => {
    const nodes = ALL.map((n) => node("indexer", n === 0 ? "starting" : "absent", { n }));
    expect(decide(facts({ nodes }))).toMatchObject({ action: { do: "start", role: "indexer", n: 1 } });
  });

  it("are replaced one at a time, each once all others are in the cluster", () => {
    const [first, second, third] = ALL.map((n) => node("indexer", "running", { n, fits: false }));
    if (!first || !second || !third) throw new Error("three");
    const next = (...nodes: (typeof first)[]) => decide(facts({ settled: true, nodes })).action;
    expect(next(first, second, third)).toEqual({ do: "stop", role: "indexer", n: 0 });
    const back = { ...first, fits: true, prepared: false };
    expect(next(back, second, third)).toEqual({ do: "prepare", role: "indexer", n: 0 });
    expect(next({ ...back, state: "starting" as const }, second, third)).toBeNull();
    expect(next({ ...back, prepared: true }, second, third)).toEqual({ do: "stop", role: "indexer", n: 1 });
  });

  it("take in one that was alone although they can't be whole without it", () => {
    const alone = node("indexer", "running", { fits: false, apart: true });
    const others = [1, 2].map((n) => node("indexer", "running", { n, prepared: false }));
    expect(decide(facts({ settled: true, nodes: [alone, ...others] })).action).toEqual({
      do: "stop",
      role: "indexer",
      n: 0,
    });
  });

  it("are not begun, nor is room made for them, before there are certificates that name them", () => {
    const alone = node("indexer", "running", { fits: false, apart: true });
    const others = [1, 2].map((n) => node("indexer", "absent", { n, certified: false }));
    const rest = [node("manager", "failed"), node("dashboard", "running")];
    const certs = node("certs", "starting");
    const growing = {
      settled: true,
      resizing: true,
      certificateFits: false,
      certs,
      nodes: [alone, ...others, ...rest],
    };
    expect(decide(facts(growing)).action, "what ended is healed").toEqual({ do: "start", role: "manager", n: 0 });
    const nodes = [alone, ...others, node("manager", "running"), node("dashboard", "running")];
    expect(decide(facts({ ...growing, nodes })).action).toBeNull();
    const failed = { ...growing, resizing: false, nodes, certs: node("certs", "absent") };
    expect(decide(facts(failed)).action, "also where the change was given up").toMatchObject({ role: "certs" });
    expect(decide(facts({ ...failed, certificateFits: true })).action).toEqual({ do: "stop", role: "indexer", n: 0 });
  });

  it("serve once their cluster is whole, which is waited for", async () => {
    const id = await tenantOfThree();
    const asked = () =>
      runInDurableObject(env.TENANT.getByName(id), (_, state) =>
        requireWhole(new LiveContext(state, env), 1).catch((error: unknown) => error),
      );
    expect(await asked()).toBeUndefined();
    const whole = { status: "green", number_of_nodes: 3, discovered_cluster_manager: true };
    for (const lack of [
      { status: "yellow" },
      { number_of_nodes: 2 },
      { discovered_cluster_manager: false },
      { status: undefined },
    ]) {
      world.says.set(`${id}:indexer:1/_cluster/health`, { ...whole, ...lack });
      expect(await asked()).toBeInstanceOf(NotYet);
    }
    await runInDurableObject(
      env.TENANT.getByName(id),
      (_, { storage }) =>
        void storage.sql.exec("UPDATE nodes SET ready_at = ready_at - 3600000 WHERE role = 'indexer'"),
    );
    expect(await asked()).toMatchObject({ code: "NODE_NOT_READY" });
    expect(await asked()).not.toBeInstanceOf(NotYet);
  });

  it("become three of one and one of three, with every alert", async () => {
    const id = newTenantId();
    await putTenant(id, specOf(1));
    await until(id, runs);
    await keep(id, "a", "b");
    await expect.poll(() => held(id, 0)).toEqual(["a", "b"]);
    ofOneCluster(id, `grown-${id}`);
    await putTenant(id, specOf(2, { plan: among(3) }));
    await until(id, (view) => runs(view) && view.observed_generation === 2);
    expect(held(id, 2)).toEqual(["a", "b"]);
    await keep(id, "c");
    world.clusters.clear();
    await putTenant(id, specOf(3, { plan: among(1) }));
    await until(id, (view) => runs(view) && view.observed_generation === 3);
    expect(ALL.map((n) => indexer(id, n).running)).toEqual([true, false, false]);
    await expect.poll(() => held(id, 0)).toEqual(["a", "b", "c"]);
  });
});

describe("the journal of three indexers", () => {
  it("goes on where it was after the first of them was replaced by an empty one of the same cluster", async () => {
    const id = await tenantOfThree();
    await keep(id, "a", "b");
    await expect.poll(() => held(id, 0)).toEqual(["a", "b"]);
    await dies(id, 0);
    await restarted(id, [2]);
    await keep(id, "c");
    await expect.poll(() => held(id, 1)).toEqual(["a", "b", "c"]);
    expect(indexer(id, 0).writes, "what the cluster had was not written again").toBe(1);
  });

  it("starts over once the cluster is another one", async () => {
    const id = await tenantOfThree();
    await keep(id, "a", "b");
    await expect.poll(() => held(id, 0)).toEqual(["a", "b"]);
    ofOneCluster(id, `second-${id}`);
    for (const n of ALL) await dies(id, n);
    await restarted(id, [2, 2, 2]);
    expect(held(id, 2)).toEqual(["a", "b"]);
    expect(indexer(id, 0).writes).toBe(2);
  });

  it("starts over behind the snapshot that the new cluster was given", async () => {
    const id = await tenantOfThree();
    await keep(id, "a", "b");
    await expect.poll(() => held(id, 0)).toEqual(["a", "b"]);
    await front(id).saveState();
    await keep(id, "c");
    await expect.poll(() => held(id, 0)).toEqual(["a", "b", "c"]);
    ofOneCluster(id, `second-${id}`);
    for (const n of ALL) await dies(id, n);
    await restarted(id, [2, 2, 2]);
    expect(held(id, 1)).toEqual(["a", "b", "c"]);
    expect(indexer(id, 0).writes, "the snapshot held the others").toBe(1);
    expect(await front(id).restoredFrom()).toBe(1);
    await dies(id, 0);
    await restarted(id, [3, 2, 2]);
    expect(await front(id).restoredFrom(), "its cluster was").toBe(1);
  });

  it("brings alerts to another node while the first is away, and none twice after it", async () => {
    const id = await tenantOfThree();
    world.silent.add(`${id}:indexer:0`);
    await dies(id, 0);
    await until(id, ({ nodes }) =>
      nodes.some(({ role, n, state }) => role === "indexer" && n === 0 && state !== "running"),
    );
    await keep(id, "a", "b");
    await expect.poll(() => held(id, 1)).toEqual(["a", "b"]);
    expect(indexer(id, 1).writes).toBeGreaterThanOrEqual(2);
    world.silent.clear();
    await restarted(id, [2]);
    expect(indexer(id, 0).writes).toBe(0);
  });

  it("passes over a node that its cluster went on without", async () => {
    const id = await tenantOfThree();
    await keep(id, "a");
    await expect.poll(() => held(id, 0)).toEqual(["a"]);
    await front(id).saveState();
    for (const n of [0, 2]) world.clusters.set(`${id}:indexer:${n}`, `second-${id}`);
    const alone = { status: "red", number_of_nodes: 1, discovered_cluster_manager: false };
    world.says.set(`${id}:indexer:1/_cluster/health`, alone);
    for (const n of [0, 2]) await dies(id, n);
    await serving(id, { 0: 2, 2: 2 });
    world.silent.add(`${id}:indexer:0`);
    await dies(id, 0);
    await until(
      id,
      ({ nodes }) => !nodes.some(({ role, n, state }) => role === "indexer" && n === 0 && state === "running"),
    );
    await keep(id, "b");
    await expect.poll(() => held(id, 2)).toEqual(["a", "b"]);
    expect(held(id, 1)).toEqual(["a"]);
    world.silent.clear();
    await serving(id, { 0: 3 });
    expect(indexer(id, 0).writes, "it came to the cluster that lives").toBe(0);
    expect((await front(id).saveState())?.position).toBe(2);
  });

  it("lets a snapshot be taken by a first node that came to a cluster which lives", async () => {
    const id = await tenantOfThree();
    await keep(id, "a");
    await expect.poll(() => held(id, 0)).toEqual(["a"]);
    await front(id).saveState();
    await dies(id, 0);
    await restarted(id, [2]);
    await keep(id, "b");
    await expect.poll(() => held(id, 0)).toEqual(["a", "b"]);
    expect((await front(id).saveState())?.position).toBe(2);
  });
});

describe("whoever asks for the indexer", () => {
  const asked = (id: string) =>
    front(id)
      .fetch("http://node:9200/_plugins/_security/health")
      .then(({ status }) => status);

  it("is answered by another node while the first is away, and by none where all are", async () => {
    const id = await tenantOfThree();
    expect(await asked(id)).toBe(200);
    for (const n of ALL) world.silent.add(`${id}:indexer:${n}`);
    await dies(id, 0);
    await until(id, ({ nodes }) =>
      nodes.some(({ role, n, state }) => role === "indexer" && n === 0 && state !== "running"),
    );
    expect(await asked(id)).toBe(503);
    world.silent.delete(`${id}:indexer:2`);
    expect(await asked(id)).toBe(200);
    await front(id).verifyIngest("probe-1");
    world.silent.clear();
    await until(id, runs);
  });
});
