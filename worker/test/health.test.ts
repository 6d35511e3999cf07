/** How a tenant's nodes are: asked of them, told to D1, feed and stream, and shown. */
import { env, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { afterEach, describe, expect, it } from "vitest";
import type { Change, ChangePage } from "../src/schemas/feed";
import type { NodeView, TenantView } from "../src/schemas/tenant";
import { DAEMONS, diskOf, world } from "./support/containers";
import { answered, call } from "./support/edge";
import { replayAll } from "./support/stream";
import { getTenant, newOperation, putTenant, runningTenant, specOf, until } from "./support/tenants";

const ROLES = ["indexer", "manager", "dashboard"];
const object = (id: string) => env.TENANT.getByName(id);
const nodeOf = (view: TenantView, role: string) => view.nodes.find((node) => node.role === role) as NodeView;
const states = (view: TenantView) => ROLES.map((role) => nodeOf(view, role).health.state);
const sql = (id: string, statement: string, ...values: (string | number)[]) =>
  runInDurableObject(object(id), (_, { storage }) => storage.sql.exec(statement, ...values).toArray());

/** Has every node asked now, and what follows from it done and delivered. */
async function check(id: string): Promise<TenantView> {
  for (const kind of ["health", "drive", "outbox"]) {
    await sql(id, "INSERT OR REPLACE INTO due (kind, key, at, attempts) VALUES (?, '', 1, 0)", kind);
    await runDurableObjectAlarm(object(id));
  }
  return getTenant(id);
}

async function healthyTenant(): Promise<string> {
  const id = await runningTenant();
  expect(states(await check(id))).toEqual(["ok", "ok", "ok"]);
  return id;
}

async function inD1(id: string) {
  const { results } = await env.WAZUH_META.prepare("SELECT * FROM node_health WHERE tenant = ?").bind(id).all();
  return Object.fromEntries(
    results.map(({ role, state, detail }) => [role, [state, JSON.parse(String(detail))?.code]]),
  );
}

async function changesOf(id: string): Promise<Change[]> {
  const { changes } = await answered<ChangePage>(call("GET", "/v1/changes?after=0"), 200);
  return changes.filter(({ tenant }) => tenant === id);
}

const healthEvents = async (id: string) =>
  (await replayAll(id)).map(({ data }) => data as Record<string, unknown>).filter((data) => "health" in data);

afterEach(() => {
  world.says.clear();
  world.silent.clear();
});

describe("the health of a tenant's nodes", () => {
  it("is asked of each once it runs, and what was found is in view, D1 and feed; a well node is no event", async () => {
    const id = await healthyTenant();
    const health = nodeOf(await getTenant(id), "indexer").health;
    expect(health).toMatchObject({ state: "ok", detail: null, since: expect.any(String) });
    expect(Date.parse(health.checked_at ?? "")).toBeGreaterThan(Date.now() - 60_000);
    expect(nodeOf(await getTenant(id), "certs").health.state).toBe("unknown");
    expect(await inD1(id)).toEqual({
      indexer: ["ok", undefined],
      manager: ["ok", undefined],
      dashboard: ["ok", undefined],
    });
    expect((await changesOf(id)).filter(({ kind }) => kind === "health").map(({ data }) => data.role)).toEqual(ROLES);
    expect(await healthEvents(id)).toEqual([]);
  });

  it("asks again by itself, and tells nobody of a check that found the same", async () => {
    const id = await healthyTenant();
    const [before, told] = [await getTenant(id), (await changesOf(id)).length];
    await sql(id, "UPDATE node_health SET checked_at = checked_at - 1000");
    const after = await check(id);
    expect(nodeOf(after, "manager").health.checked_at).not.toBe(nodeOf(before, "manager").health.checked_at);
    expect([after.seq, (await changesOf(id)).length]).toEqual([before.seq, told]);
    const [due] = await sql(id, "SELECT at FROM due WHERE kind = 'health'");
    expect(Number(due?.at) - Date.now()).toBeGreaterThan(50_000);
  });

  it.each([
    ["indexer", "/_cluster/health", { status: "red" }, "CLUSTER_RED"],
    ["indexer", "/_nodes/stats/fs", diskOf(100, 2), "DISK_FULL"],
    ["indexer", "/_cluster/health", "not an object", "NO_ANSWER"],
    ["indexer", "/_bulk", { errors: true, items: [] }, "INGEST_NOT_VERIFIED"],
    [
      "manager",
      "/manager/status",
      { data: { affected_items: [{ ...DAEMONS, "wazuh-remoted": "failed" }] } },
      "DAEMON_DOWN",
    ],
    ["manager", "/manager/status", { data: { affected_items: [] } }, "NO_ANSWER"],
    ["dashboard", "/dashboard/api/status", { status: { overall: { state: "red" } } }, "DASHBOARD_RED"],
  ])("of an ailing %s (%s) is told at once, and after three checks the tenant is degraded", async (...given) => {
    const [role, path, answer, code] = given;
    const id = await healthyTenant();
    await sql(id, "UPDATE ingest_probe SET tried_at = 0");
    const starts = world.containers.get(`${id}:${role}:0`)?.starts;
    world.says.set(`${id}:${role}:0${path}`, answer);
    const first = await check(id);
    expect([first.observed, nodeOf(first, role).health.detail?.code]).toEqual(["running", code]);
    expect((await inD1(id))[role]).toEqual(["failing", code]);
    const [due] = await sql(id, "SELECT at FROM due WHERE kind = 'health'");
    expect(Number(due?.at) - Date.now()).toBeLessThan(30_000);
    expect((await check(id)).observed).toBe("running");
    const third = await check(id);
    expect(third).toMatchObject({ observed: "degraded", reason: { code: "NODE_UNHEALTHY" } });
    expect(third.run?.state).toBe("succeeded");

    world.says.clear();
    const well = await check(id);
    expect([well.observed, well.reason, ...states(well)]).toEqual(["running", null, "ok", "ok", "ok"]);
    expect(world.containers.get(`${id}:${role}:0`)?.starts).toBe(starts);
    expect(await healthEvents(id)).toMatchObject([
      { node: `${role}-0`, health: "failing", before: "ok", reason: { code } },
      { node: `${role}-0`, health: "ok", before: "failing", reason: null },
    ]);
  });

  it("is failing where a node that runs does not answer, and unknown once it ended", async () => {
    const id = await healthyTenant();
    world.silent.add(`${id}:dashboard:0`);
    expect(nodeOf(await check(id), "dashboard").health.detail?.code).toBe("NO_ANSWER");
    await putTenant(id, specOf(2, { requested: "stopped" }));
    const view = await until(id, ({ observed }) => observed === "stopped");
    expect(states(view)).toEqual(["unknown", "unknown", "unknown"]);
    expect(Object.values(await inD1(id))).toEqual(Array(3).fill(["unknown", undefined]));
    expect((await check(id)).observed).toBe("stopped");
    expect(await sql(id, "SELECT 1 FROM due WHERE kind = 'health'")).toEqual([]);
  });

  it("waits in the outbox while D1 is away, and holds up nothing", async () => {
    const id = await healthyTenant();
    world.says.set(`${id}:indexer:0/_cluster/health`, { status: "yellow" });
    await env.WAZUH_META.exec("ALTER TABLE node_health RENAME TO node_health_away");
    const view = await check(id).finally(() =>
      env.WAZUH_META.exec("ALTER TABLE node_health_away RENAME TO node_health"),
    );
    expect([view.observed, ...states(view)]).toEqual(["running", "warning", "ok", "ok"]);
    expect((await inD1(id)).indexer).toEqual(["ok", undefined]);
    await check(id);
    expect((await inD1(id)).indexer).toEqual(["warning", "CLUSTER_YELLOW"]);
  });

  it("is no more once the tenant is deleted", async () => {
    const id = await healthyTenant();
    await answered(call("DELETE", `/v1/tenants/${id}`, { epoch: 1, generation: 2, operation_id: newOperation() }), 202);
    await until(id, ({ observed }) => observed === "absent");
    await check(id);
    expect(await inD1(id)).toEqual({});
    expect(await sql(id, "SELECT * FROM node_health")).toEqual([]);
  });
});

describe("the ingest probe", () => {
  const verifiedAt = (view: TenantView) => Date.parse(view.ingest.verified_at ?? "1970-01-01");

  it("counts from the start's own verification, and is repeated after a quarter of an hour, not before", async () => {
    const id = await runningTenant();
    const atStart = verifiedAt(await getTenant(id));
    expect(atStart).toBeGreaterThan(Date.now() - 60_000);
    expect(verifiedAt(await check(id))).toBe(atStart);
    const earlier = Date.now() - 15 * 60_000;
    await sql(id, "UPDATE ingest_probe SET verified_at = ?, tried_at = ?", earlier, earlier);
    expect(verifiedAt(await check(id))).toBeGreaterThan(earlier + 60_000);
    expect(world.containers.get(`${id}:indexer:0`)?.documents.size).toBe(0);
  });

  it("that fails keeps the time of the last one that succeeded, and is tried at each check", async () => {
    const id = await healthyTenant();
    await sql(id, "UPDATE ingest_probe SET verified_at = 1000, tried_at = 1000");
    world.says.set(`${id}:indexer:0/_bulk`, { errors: true, items: [] });
    const view = await check(id);
    expect([verifiedAt(view), states(view)[0]]).toEqual([1000, "failing"]);
    world.says.clear();
    expect(verifiedAt(await check(id))).toBeGreaterThan(1000);
  });
});
