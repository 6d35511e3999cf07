import { env, runInDurableObject } from "cloudflare:test";
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import type { ErrorBody } from "../src/errors";
import type { IndexerContainer } from "../src/index";
import { indexSettings } from "../src/plan";
import type { PutTenant } from "../src/schemas/orders";
import { MAX_COUNT, type Plan } from "../src/schemas/plan";
import type { TenantView } from "../src/schemas/tenant";
import { attentionOf, type Signs } from "../src/tenant/attention";
import { LiveContext } from "../src/tenant/live_context";
import { outdated } from "../src/tenant/nodes/searchable";
import { searchableFrom } from "../src/tenant/searchable_days";
import { acceptSpec } from "../src/tenant/spec";
import { world } from "./support/containers";
import { dashboardAnswers, noDashboards, open, signIn } from "./support/dashboard";
import { answered, call, newTenantId, PLAN } from "./support/edge";
import { getTenant, putTenant, runningTenant, specOf, until } from "./support/tenants";

afterEach(noDashboards);

const running = (view: TenantView) => view.observed === "running";
const refused = (id: string, plan: unknown, generation = 2) =>
  answered<ErrorBody>(call("PUT", `/v1/tenants/${id}`, specOf(generation, { plan })), 422);
const container = (id: string, role: string, n = 0) => world.containers.get(`${id}:${role}:${n}`);
const withRole = (role: keyof typeof PLAN.roles, change: object) => ({
  ...PLAN,
  roles: { ...PLAN.roles, [role]: { ...PLAN.roles[role], ...change } },
});

/** What may be wrong with a plan, by path. Any set of these is refused with just these paths. */
const FAULTS: Record<string, unknown[]> = {
  "plan.version": ["", "v".repeat(33), 4, null],
  "plan.roles.manager.count": [0, MAX_COUNT.manager + 1, 1.5, "1"],
  "plan.roles.manager.instance": ["huge", 2],
  "plan.roles.indexer.count": [-1, MAX_COUNT.indexer + 1],
  "plan.roles.indexer.instance": ["lite", "standard-1", "standard-9"],
  "plan.roles.dashboard.count": [MAX_COUNT.dashboard + 1, null],
  "plan.roles.dashboard.image": ["", 7],
  "plan.roles.dashboard.colour": ["red"],
  "plan.certificate_days": [0, 3651, "year"],
  "plan.retention_days": [0, 1e9, true],
  "plan.archive_days": [-1, 3651, "all"],
  "plan.max_agents": [-1, 100_001, {}],
  "plan.indexer.shards": [0, 6, "2"],
  "plan.indexer.replicas": [-1, MAX_COUNT.indexer],
  "plan.indexer.refresh_interval_s": [0, 301],
  "plan.indexer.heap": ["1g"],
  "plan.thresholds.silent_agents_percent": [-1, 101],
  "plan.thresholds.agent_silence_minutes": [0, 10_081],
  "plan.thresholds.manager_silence_minutes": [2, 1441],
  "plan.thresholds.ingest_lag_seconds": [29, 86_401],
  "plan.thresholds.disk_warning_percent": [49, 95],
  "plan.backups": ["daily", 7],
  "plan.sidecar": [true],
};
const broken = fc
  .uniqueArray(fc.constantFrom(...Object.keys(FAULTS)), { minLength: 1, maxLength: 6 })
  .chain((paths) =>
    fc.tuple(...paths.map((path) => fc.constantFrom(...(FAULTS[path] ?? [])).map((value) => ({ path, value })))),
  );

function planWith(faults: { path: string; value: unknown }[]): unknown {
  const plan: Record<string, unknown> = structuredClone(PLAN);
  for (const { path, value } of faults) {
    const names = path.split(".").slice(1);
    const last = names.pop() ?? "";
    let inner = plan;
    for (const name of names) {
      inner[name] ??= {};
      inner = inner[name] as Record<string, unknown>;
    }
    inner[last] = value;
  }
  return plan;
}

const everything = (id: string) =>
  runInDurableObject(env.TENANT.getByName(id), (_object, { storage }) =>
    ["tenant", "runs", "outbox", "due"].map((table) => storage.sql.exec(`SELECT * FROM ${table}`).toArray()),
  );

describe("a plan that can't be", () => {
  it("is refused naming each fault by its path, and the running one stays as it is", async () => {
    const id = newTenantId();
    await putTenant(id, specOf(1, { requested: "stopped" }));
    const before = [await until(id, ({ observed }) => observed === "stopped"), await everything(id)];
    await fc.assert(
      fc.asyncProperty(broken, async (faults) => {
        const error = await refused(id, planWith(faults));
        expect(error.code).toBe("INVALID_PLAN");
        expect(new Set(error.details?.map(({ path }) => path))).toEqual(new Set(faults.map(({ path }) => path)));
      }),
      { numRuns: 60 },
    );
    expect([await getTenant(id), await everything(id)]).toEqual(before);
  });

  it("for its size is refused with the arithmetic, beside versions that are not offered", async () => {
    const id = newTenantId();
    await putTenant(id, specOf(1, { requested: "stopped" }));
    const large = { ...PLAN, max_agents: 120, retention_days: 90 };
    const error = await refused(id, large);
    expect(error).toMatchObject({ code: "PLAN_TOO_LARGE", details: [{ path: "plan.retention_days" }] });
    expect(error.message).toContain("120 agents × 90 days × 17 MB = 183.6 GB, and the indexer's disk holds 9.2 GB");
    const both = await refused(id, { ...large, roles: withRole("manager", { image: "9.9.9" }).roles });
    expect([both.code, both.details?.map(({ path }) => path)]).toEqual([
      "UNKNOWN_VERSION",
      ["plan.roles.manager.image", "plan.retention_days"],
    ]);
    expect((await getTenant(id)).generation).toBe(1);
  });

  it("which was taken before it was judged keeps nobody from stopping or starting", async () => {
    await runInDurableObject(env.TENANT.getByName(newTenantId()), async (_object, state) => {
      const ctx = new LiveContext(state, env);
      const plan = { ...PLAN, max_agents: 5000 } as Plan;
      acceptSpec(ctx, specOf(1) as PutTenant);
      state.storage.sql.exec("UPDATE tenant SET plan = ?", JSON.stringify(plan));
      acceptSpec(ctx, specOf(2, { plan, requested: "stopped" }) as PutTenant);
      acceptSpec(ctx, specOf(3, { plan }) as PutTenant);
      expect(() => acceptSpec(ctx, specOf(4, { plan: { ...plan, max_agents: 4000 } }) as PutTenant)).toThrow("GB");
      await state.storage.deleteAlarm();
    });
  });
});

describe("a plan's settings", () => {
  it("reach the indexer, which is replaced for them and alone", async () => {
    const id = await runningTenant();
    const indexer = { shards: 2, refresh_interval_s: 30 };
    await putTenant(id, specOf(2, { plan: { ...PLAN, indexer } }));
    await until(id, (view) => running(view) && view.observed_generation === 2);
    expect(container(id, "indexer")?.env).toMatchObject({ INDEX_SHARDS: "2", INDEX_REFRESH_SECONDS: "30" });
    expect(["indexer", "manager"].map((role) => container(id, role)?.starts)).toEqual([2, 1]);
    expect(indexSettings({ ...PLAN, indexer } as Plan)).toEqual({ ...indexer, replicas: 0 });
  });

  it("give one role a version of its own, and replace that role alone", async () => {
    const id = await runningTenant();
    await putTenant(id, specOf(2, { plan: withRole("dashboard", { image: "4.14.8" }) }));
    const view = await until(id, (now) => running(now) && now.observed_generation === 2);
    const images = view.nodes.map(({ role, image }) => [role, image]);
    expect(images).toContainEqual(["dashboard", "wazuh:4.14.8"]);
    expect(images).toContainEqual(["manager", "wazuh:4.14.7"]);
    expect(["dashboard", "manager", "indexer"].map((role) => container(id, role)?.starts)).toEqual([2, 1, 1]);
    const { message } = await refused(id, withRole("dashboard", { image: "4.0.0" }), 3);
    expect(message).toContain("roles.dashboard.image: 4.0.0 is not offered here, only 4.14.7,");
  });

  it("bring several dashboards up and down again, and the name of each is in the certificates", async () => {
    const id = newTenantId();
    await putTenant(id, specOf(1, { plan: withRole("dashboard", { count: 3 }) }));
    const names = (view: TenantView) => view.nodes.filter(({ role }) => role === "dashboard").map(({ n }) => n);
    expect(names(await until(id, running))).toEqual([0, 1, 2]);
    expect(container(id, "dashboard", 2)?.env.NODE_CERTIFICATES).toContain("dashboard-2-key.pem");
    await putTenant(id, specOf(2));
    const fewer = await until(id, (view) => running(view) && view.observed_generation === 2);
    expect(names(fewer)).toEqual([0]);
    expect([0, 1, 2].map((n) => container(id, "dashboard", n)?.running)).toEqual([true, false, false]);
    await putTenant(id, specOf(3, { plan: withRole("dashboard", { count: 2 }) }));
    expect(names(await until(id, (view) => running(view) && view.observed_generation === 3))).toEqual([0, 1]);
  });
});

describe("a session at several dashboards", () => {
  it("is answered by another one while its own is away, unless that could do a thing twice", async () => {
    const id = newTenantId();
    await putTenant(id, specOf(1, { requested: "stopped", plan: withRole("dashboard", { count: 3 }) }));
    const cookie = await signIn(id);
    let away = 2;
    const gone = () => Response.json({}, { status: 503, headers: { "x-edge-error": "NODE_NOT_RUNNING" } });
    const seen = dashboardAnswers(() => (away-- > 0 ? gone() : new Response("hello")));
    expect(await (await open(id, "/dashboard/", cookie)).text()).toBe("hello");
    expect(seen).toHaveLength(3);
    away = 1;
    const headers = { origin: `http://${id}.dashboards.test`, accept: "application/json" };
    const posted = await open(id, "/dashboard/api/x", cookie, { method: "POST", body: "{}", headers });
    expect(await answered<ErrorBody>(posted, 503)).toMatchObject({ code: "NODE_NOT_RUNNING" });
    expect(seen).toHaveLength(4);
  });
});

describe("the days in the indexer", () => {
  const noon = Date.UTC(2026, 10, 26, 12);

  it("begin at midnight, today's among them", () => {
    expect(searchableFrom(1, noon)).toBe(Date.UTC(2026, 10, 26));
    expect(searchableFrom(10, noon)).toBe(Date.UTC(2026, 10, 17));
  });

  it("are judged by an index's name, and what has no date stays", () => {
    const names = ["wazuh-alerts-4.x-2026.11.16", "wazuh-archives-4.x-2026.11.17", "wazuh-alerts-probe", ".kibana_1"];
    expect(outdated(names, searchableFrom(10, noon))).toEqual(["wazuh-alerts-4.x-2026.11.16"]);
    expect(outdated(names, searchableFrom(10, noon), ["2026-11-16"])).toEqual([]);
  });

  it("are held to by the indexer's object: what left them is deleted at its hourly look", async () => {
    const id = await runningTenant();
    const asked: string[] = [];
    const fake = container(id, "indexer");
    if (!fake) throw new Error("no indexer");
    const today = new Date().toISOString().slice(0, 10).replaceAll("-", ".");
    const answers = [`wazuh-alerts-4.x-${today}`, "wazuh-alerts-4.x-2026.01.01"].map((index) => ({ index }));
    await runInDurableObject(env.INDEXER.getByName(`${id}:indexer:0`), async (node: IndexerContainer) => {
      fake.getTcpPort = () => ({
        fetch: async (input: RequestInfo, init?: RequestInit) => {
          const { method, url } = new Request(input, init);
          asked.push(`${method} ${new URL(url).pathname}`);
          return Response.json(method === "GET" ? answers : { acknowledged: true });
        },
      });
      await node.alarm();
    });
    expect(asked).toEqual(["GET /_cat/indices/wazuh-alerts-*,wazuh-archives-*", "DELETE /wazuh-alerts-4.x-2026.01.01"]);
  });
});

describe("attention", () => {
  const now = Date.UTC(2026, 10, 26);
  const calm: Signs = {
    ...{ now, agents: { enrolled: 4, active: 4 } },
    silent: [],
    ...{ managerSince: now - 3_600_000, lastEventAt: now - 60_000, behindSince: null },
  };
  const codes = (signs: Partial<Signs>, thresholds = {}) =>
    attentionOf({ ...calm, ...signs }, { ...PLAN, thresholds } as Plan).map(({ code }) => code);

  it.each<[string, Partial<Signs>, object, string[]]>([
    ["nothing that is calm", {}, {}, []],
    ["any agent that is silent", { agents: { enrolled: 4, active: 3 } }, {}, ["AGENTS_SILENT"]],
    ["not what the threshold allows", { agents: { enrolled: 4, active: 3 } }, { silent_agents_percent: 25 }, []],
    ["a manager that fell silent", { lastEventAt: now - 601_000 }, {}, ["MANAGER_SILENT"]],
    ["not one that started just now", { lastEventAt: now - 601_000, managerSince: now - 1000 }, {}, []],
    ["not one that does not run", { lastEventAt: null, managerSince: null }, {}, []],
    ["alerts that wait", { behindSince: now - 31_000 }, { ingest_lag_seconds: 30 }, ["INGEST_LAGS"]],
    ["not alerts that have just come", { behindSince: now - 31_000 }, {}, []],
  ])("is called to %s", (_what, signs, thresholds, expected) => {
    expect(codes(signs, thresholds)).toEqual(expected);
  });

  it("names the agents that were told to be silent, the first of many", () => {
    const signs = { ...calm, agents: { enrolled: 9, active: 4 }, silent: ["a", "b", "c", "d", "e"] };
    const [reason] = attentionOf(signs, PLAN as Plan);
    expect(reason?.message).toBe("5 of 9 agents are silent. For more than 15 minutes: a, b, c and 2 more.");
  });

  it("shows in the tenant's view as soon as the indexer told that alerts wait", async () => {
    const id = await runningTenant();
    const report = await env.INDEXER.getByName(`${id}:indexer:0`).report();
    await env.TENANT.getByName(id).nodeReported({ ...report, behind_since: Date.now() - 400_000 });
    const view = await until(id, ({ attention }) => attention.length > 0, 5);
    expect(view).toMatchObject({ observed: "running", attention: [{ code: "INGEST_LAGS" }] });
  });
});
