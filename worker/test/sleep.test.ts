import { env, evictDurableObject, runInDurableObject } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { contentHash } from "../src/canonical";
import { DashboardContainer, ManagerContainer } from "../src/index";
import type { TenantView } from "../src/schemas/tenant";
import { hindrances, maySleepAt } from "../src/tenant/idle";
import { nodeStub } from "../src/tenant/nodes/names";
import { connect, enrolledAgent } from "./support/connector";
import { world } from "./support/containers";
import { signIn } from "./support/dashboard";
import { answered, call, PLAN } from "./support/edge";
import {
  AFTER_MINUTES,
  alive,
  asleepTenant,
  change,
  isAsleep,
  isAwake,
  managersServe,
  passMinutes,
  resetClock,
  runs,
  SLEEPY,
  sleepyTenant,
} from "./support/sleeping";
import { getTenant, hurry, newOperation, putTenant, runningTenant, specOf, until } from "./support/tenants";

const DAY = 86_400_000;
const names = (view: TenantView) => (view.run?.steps ?? []).map(({ name, state }) => `${name} ${state}`);

/** Every alarm that is due by now rings. */
async function look(id: string): Promise<TenantView> {
  await runInDurableObject(env.TENANT.getByName(id), (object) => object.alarm?.());
  return getTenant(id);
}

let restore = () => {};
beforeEach(() => {
  restore = managersServe();
});
afterEach(() => {
  restore();
  resetClock();
  vi.restoreAllMocks();
  world.exits.clear();
  world.silent.clear();
});

describe("what keeps a tenant awake", () => {
  const use = (open = 0, last_at = 0) => ({ open, last_at });

  it("is every open connection, and every node that does not say", () => {
    const codes = (found: ReturnType<typeof hindrances>) => found.map(({ code }) => code);
    expect(codes(hindrances({ manager: use(), dashboard: use(), lastAt: 0 }))).toEqual([]);
    expect(codes(hindrances({ manager: use(2), dashboard: use(1), lastAt: 0 }))).toEqual([
      "AGENTS_CONNECTED",
      "DASHBOARD_IN_USE",
    ]);
    expect(codes(hindrances({ manager: null, dashboard: use(), lastAt: 0 }))).toEqual(["ACTIVITY_UNKNOWN"]);
  });

  it("is use until it lies long enough back, whoever noticed it", () => {
    expect(maySleepAt({ manager: use(0, 10), dashboard: use(0, 30), lastAt: 20 }, 100, 50)).toBe(80);
    expect(maySleepAt({ manager: use(0, 10), dashboard: use(0, 30), lastAt: 60 }, 100, 50)).toBe(110);
    expect(maySleepAt({ manager: use(1, 10), dashboard: use(), lastAt: 0 }, 100, 50)).toBe(150);
    expect(maySleepAt({ manager: use(), dashboard: null, lastAt: 0 }, 100, 50)).toBeGreaterThan(100);
  });
});

describe("a tenant that nobody uses", () => {
  it("sleeps after the plan's minutes: dashboard, manager and indexer stop, and nothing looks after it", async () => {
    const id = await sleepyTenant();
    passMinutes(AFTER_MINUTES - 1);
    expect((await look(id)).sleeping).toBeNull();
    passMinutes(2);
    await look(id);
    const view = await until(id, isAsleep);
    expect(view).toMatchObject({ requested: "running", observed: "stopped", observed_generation: 1, reason: null });
    expect(view.sleeping?.because).toBe(`Nobody used it for ${AFTER_MINUTES} minutes.`);
    expect(view.run).toMatchObject({ kind: "sleep", state: "succeeded" });
    expect(names(view)).toEqual(["dashboard succeeded", "manager succeeded", "indexer succeeded"]);
    expect(alive(id)).toEqual([]);
    const { resting } = (await env.WAZUH_META.prepare("SELECT resting FROM tenants WHERE id = ?").bind(id).first()) as {
      resting: number;
    };
    expect(resting).toBe(1);
    // What was planned while it ran comes up once more, and finds nothing to do.
    passMinutes(60);
    await look(id);
    const due = await runInDurableObject(env.TENANT.getByName(id), (_, { storage }) =>
      storage.sql.exec<{ kind: string; at: number }>("SELECT kind, at FROM due").toArray(),
    );
    expect(due.filter(({ kind, at }) => kind !== "usage" && at < Date.now() + 60 * 60_000)).toEqual([]);
  });

  it("stays awake without a policy", async () => {
    const id = await runningTenant();
    passMinutes(20_000);
    await look(id);
    expect(await look(id)).toMatchObject({ sleeping: null, observed: "running" });
  });

  it("stays awake while an agent is connected, and for a while after that and after any use of the dashboard", async () => {
    const id = await sleepyTenant();
    const agent = await enrolledAgent(id);
    await until(id, runs);
    const socket = await connect(id, agent);
    passMinutes(AFTER_MINUTES + 1);
    expect((await look(id)).sleeping).toBeNull();
    socket?.close();
    await expect.poll(() => nodeStub(env, id, "manager", 0).use()).toMatchObject({ open: 0 });
    passMinutes(AFTER_MINUTES - 1);
    expect((await look(id)).sleeping).toBeNull();
    await signIn(id);
    passMinutes(AFTER_MINUTES - 1);
    expect((await look(id)).sleeping).toBeNull();
    passMinutes(2);
    await look(id);
    await until(id, isAsleep);
  });

  it("stays awake where a node does not say who uses it", async () => {
    const id = await sleepyTenant();
    vi.spyOn(DashboardContainer.prototype, "use").mockImplementation(() => {
      throw new Error("the object is away");
    });
    passMinutes(2 * AFTER_MINUTES);
    expect((await look(id)).sleeping).toBeNull();
    vi.mocked(DashboardContainer.prototype.use).mockRestore();
    passMinutes(2 * AFTER_MINUTES);
    await look(id);
    await until(id, isAsleep);
  });

  it("stays awake where somebody comes while the nodes are asked", async () => {
    const id = await sleepyTenant();
    const agent = await enrolledAgent(id);
    await until(id, runs);
    vi.spyOn(ManagerContainer.prototype, "use").mockImplementation(async function (this: ManagerContainer) {
      await connect(id, agent);
      return { open: 0, last_at: 0 };
    } as never);
    expect(await answered(change(id, "sleep"), 503)).toMatchObject({ code: "ACTIVITY_UNKNOWN", retryable: true });
    expect(await getTenant(id)).toMatchObject({ sleeping: null, observed: "running" });
  });
});

describe("sending a tenant to sleep", () => {
  it("is refused with every reason while it is used, and done once it is not", async () => {
    const id = await sleepyTenant();
    const agent = await enrolledAgent(id);
    await until(id, runs);
    const socket = await connect(id, agent);
    const refusal = await answered<{ details: object[] }>(change(id, "sleep"), 409);
    expect(refusal).toMatchObject({ code: "AGENTS_CONNECTED", message: "1 agent connection is open." });
    expect(refusal.details).toEqual([{ path: "AGENTS_CONNECTED", message: "1 agent connection is open." }]);
    socket?.close();
    const operation = newOperation();
    await expect.poll(async () => (await change(id, "sleep", operation)).status).toBe(202);
    await answered(change(id, "sleep", operation), 202);
    expect((await until(id, isAsleep)).run).toMatchObject({ operation_id: operation, state: "succeeded" });
  });

  it("sends no other tenant to sleep and wakes no other than the one it names", async () => {
    const [one, other] = [await sleepyTenant(), await asleepTenant()];
    await asleepTenant(one);
    await answered(change(one, "wake"), 202);
    await until(one, runs);
    expect(isAsleep(await getTenant(other))).toBe(true);
    await answered(change(other, "wake"), 202);
    await until(other, runs);
    await asleepTenant(one);
    expect(runs(await getTenant(other))).toBe(true);
  });

  it("is refused while something else is under way", async () => {
    const id = await sleepyTenant();
    world.silent.add(`${id}:certs:0`);
    await answered(call("POST", `/v1/tenants/${id}/certs/rotate`, { epoch: 1, operation_id: newOperation() }), 202);
    expect(await answered(change(id, "sleep"), 409)).toMatchObject({ code: "OPERATION_IN_PROGRESS" });
    expect(await answered(change(id, "wake"), 409)).toMatchObject({ code: "OPERATION_IN_PROGRESS" });
  });
});

describe("waking a tenant", () => {
  it("starts indexer, manager and dashboard in order, verifies, and is one operation however often it is asked", async () => {
    const id = await asleepTenant();
    const operation = newOperation();
    await answered(change(id, "wake", operation), 202);
    await answered(change(id, "wake", operation), 202);
    const view = await until(id, runs);
    expect(view.run).toMatchObject({ operation_id: operation, kind: "wake", state: "succeeded" });
    expect(names(view)).toEqual(["indexer", "manager", "dashboard", "verify"].map((name) => `${name} succeeded`));
    const starts = view.nodes.filter(({ role }) => role !== "certs").map(({ started_at }) => started_at);
    expect([...starts].sort()).toEqual(starts);
    expect((await answered<TenantView>(change(id, "wake", operation), 202)).run?.state).toBe("succeeded");
  });

  it("verifies that one which is awake serves", async () => {
    const id = await sleepyTenant();
    await answered(change(id, "wake"), 202);
    const view = await until(id, runs);
    expect(view.run).toMatchObject({ kind: "wake", state: "succeeded" });
    expect(world.containers.get(`${id}:indexer:0`)?.starts).toBe(1);
  });

  it("wins over going to sleep, at whatever point that is", async () => {
    const id = await sleepyTenant();
    const sleeping = newOperation();
    await answered(change(id, "sleep", sleeping), 202);
    await answered(change(id, "wake"), 202);
    expect(await answered(change(id, "sleep"), 409)).toMatchObject({ code: "OPERATION_IN_PROGRESS" });
    await until(id, runs);
    const states = await runInDurableObject(env.TENANT.getByName(id), (_, { storage }) =>
      storage.sql.exec("SELECT kind, state FROM runs WHERE kind <> 'start' ORDER BY position").toArray(),
    );
    expect(states).toEqual([
      { kind: "sleep", state: "cancelled" },
      { kind: "wake", state: "succeeded" },
    ]);
  });

  it("goes on where it was after its object was evicted", async () => {
    const id = await asleepTenant();
    world.silent.add(`${id}:manager:0`);
    await answered(change(id, "wake"), 202);
    await until(id, (view) => names(view).includes("manager running"));
    await evictDurableObject(env.TENANT.getByName(id));
    world.silent.clear();
    expect((await until(id, runs)).run).toMatchObject({ kind: "wake", state: "succeeded" });
    expect(world.containers.get(`${id}:indexer:0`)?.starts).toBe(2);
  });

  it("that fails is told as such, and healed like any other loss", async () => {
    const id = await asleepTenant();
    world.exits.set(`${id}:manager:0`, 1);
    await answered(change(id, "wake"), 202);
    const failed = await until(id, isAwake);
    expect(failed).toMatchObject({ observed: "failed", run: { state: "failed" }, reason: { code: "NODE_CRASH_LOOP" } });
    world.exits.clear();
    await answered(change(id, "wake"), 202);
    await until(id, runs);
  });
});

describe("a tenant that sleeps", () => {
  it("wakes for a newer plan, and stops for good where that is asked", async () => {
    const id = await asleepTenant();
    await putTenant(id, specOf(2, { plan: { ...SLEEPY, max_agents: 7 } }));
    expect((await until(id, runs)).run).toMatchObject({ kind: "start", state: "succeeded" });
    await asleepTenant(id);
    await putTenant(id, specOf(3, { requested: "stopped", plan: SLEEPY }));
    const view = await until(id, ({ run }) => run?.kind === "stop" && run.state === "succeeded");
    expect(view).toMatchObject({ observed: "stopped", sleeping: null });
    expect(await answered(change(id, "wake"), 409)).toMatchObject({ code: "TENANT_NOT_RUNNING" });
  });

  it("wakes when its certificates are due, exchanges them, and may sleep again", async () => {
    const id = await asleepTenant();
    await runInDurableObject(env.TENANT.getByName(id), (_, { storage }) => {
      const end = Date.now() + 29 * DAY;
      storage.sql.exec("UPDATE certificates SET not_after = ?, minted_at = ?", end, end - 365 * DAY);
    });
    await hurry(id);
    const view = await until(id, ({ run }) => run?.kind === "rotate" && run.state === "succeeded");
    expect(view.certificate?.generation).toBe(2);
    passMinutes(2 * AFTER_MINUTES);
    await look(id);
    await until(id, isAsleep);
  });

  it("wakes for an exchange of its certificates that somebody asks for, which comes again", async () => {
    const id = await asleepTenant();
    const rotate = () => call("POST", `/v1/tenants/${id}/certs/rotate`, { epoch: 1, operation_id: newOperation() });
    expect(await answered(rotate(), 503)).toMatchObject({ code: "TENANT_ASLEEP", retryable: true });
    await until(id, runs);
    await answered(rotate(), 202);
  });
});

describe("a plan", () => {
  it("without a word of sleep keeps the hash it was stored under", async () => {
    const id = await runningTenant();
    const spec = specOf(2, { plan: PLAN });
    await putTenant(id, spec);
    const { body_hash } = await runInDurableObject(env.TENANT.getByName(id), (_, { storage }) =>
      storage.sql.exec<{ body_hash: string }>("SELECT body_hash FROM tenant").one(),
    );
    expect(body_hash).toBe(contentHash(spec));
  });

  it.each([
    ["less than a quarter of an hour", { after_minutes: 14 }],
    ["more than a week", { after_minutes: 10_081 }],
    ["a time and something else", { after_minutes: 15, never: true }],
  ])("can't have a tenant sleep after %s", async (_, sleep) => {
    const answer = await answered<{ details: { path: string }[] }>(
      call("PUT", `/v1/tenants/${await sleepyTenant()}`, specOf(2, { plan: { ...PLAN, sleep } })),
      422,
    );
    expect(answer).toMatchObject({ code: "INVALID_PLAN" });
    expect(answer.details[0]?.path).toContain("plan.sleep");
  });
});
