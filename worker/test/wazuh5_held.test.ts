import { env, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { agentToken, isSignedBy } from "../src/auth/agent_jwt";
import { type Batch, hold } from "../src/tenant/held_batches";
import { LiveContext } from "../src/tenant/live_context";
import { answered, call } from "./support/edge";
import { AFTER_MINUTES, asleepTenant, isAsleep, passMinutes, resetClock, runs } from "./support/sleeping";
import { replayAll } from "./support/stream";
import { getTenant, until } from "./support/tenants";
import {
  type Agent5,
  agent5,
  ask,
  batchOf,
  type Managers5,
  managersTakeAgents,
  quarantine5,
  say,
  tenant5,
} from "./support/wazuh5";

let managers: Managers5;

beforeEach(() => {
  managers = managersTakeAgents();
});
afterEach(() => {
  managers.stop();
  vi.restoreAllMocks();
  resetClock();
});

const SLEEPY = { sleep: { after_minutes: AFTER_MINUTES } };
const LIFE = JSON.stringify({ type: "notify", agent: { version: "5.0.0" } });

const batches = (tenant: string) =>
  managers.arrived.filter((one) => one.tenant === tenant && one.target.endsWith("/stateless"));
const caughtUp = (tenant: string) => until(tenant, (view) => view.detection_delayed_since === null && runs(view));

async function asleepWithAgent(): Promise<{ tenant: string; agent: Agent5 }> {
  const tenant = await tenant5(SLEEPY);
  const agent = await agent5(tenant);
  expect((await say(tenant, agent, "/control", LIFE)).status).toBe(202);
  await until(tenant, runs);
  await asleepTenant(tenant);
  return { tenant, agent };
}

/** What the stream says of the detection's delay. */
async function delays(tenant: string): Promise<object[]> {
  const events = await replayAll(tenant);
  return events.map(({ data }) => data as object).filter((data) => "detection" in data);
}

describe("events of a Wazuh 5 agent whose tenant sleeps", () => {
  it("are taken at once, wake the tenant, and reach the manager in order, each once, under a fresh bearer", async () => {
    const { tenant, agent } = await asleepWithAgent();
    const sent = ["one", "two", "three"].map((line) => batchOf(agent, line));
    for (const body of sent) expect((await say(tenant, agent, "/stateless", body)).status).toBe(202);
    expect((await say(tenant, agent, "/stateless", sent[1] ?? "")).status).toBe(202);
    expect(batches(tenant)).toEqual([]);
    const seen = await getTenant(tenant);
    expect(seen.sleeping).toBeNull();
    expect(Date.parse(seen.detection_delayed_since ?? "")).toBeGreaterThan(Date.now() - 60_000);
    await caughtUp(tenant);
    expect(batches(tenant).map(({ body }) => body)).toEqual(sent);
    for (const { headers } of batches(tenant)) {
      const token = agentToken(headers.authorization ?? null);
      expect(token?.agent).toBe(agent.id);
      expect(token && isSignedBy(token, agent.key, Date.now())).toBe(true);
      expect(headers).toMatchObject({ "protocol-version": "1", "edge-batch": expect.stringMatching(/^[0-9a-f]{64}$/) });
    }
    expect(new Set(batches(tenant).map(({ headers }) => headers["edge-batch"])).size).toBe(3);
    await expect
      .poll(() => delays(tenant))
      .toMatchObject([
        { detection: "delayed", since: seen.detection_delayed_since },
        { detection: "caught_up", since: seen.detection_delayed_since, batches: { taken: 3, refused: 0 } },
      ]);
  });

  it("keep their compression", async () => {
    const { tenant, agent } = await asleepWithAgent();
    expect((await say(tenant, agent, "/stateless", "zstd's bytes", { "content-encoding": "zstd" })).status).toBe(202);
    await caughtUp(tenant);
    expect(batches(tenant)).toMatchObject([{ body: "zstd's bytes", headers: { "content-encoding": "zstd" } }]);
  });

  it("are refused, and wake nobody, without a good bearer of an agent that is not shut out", async () => {
    const { tenant, agent } = await asleepWithAgent();
    const stranger = { ...agent, key: "ab".repeat(32) };
    expect((await say(tenant, stranger, "/stateless", batchOf(agent, "x"))).status).toBe(401);
    await quarantine5(tenant, agent);
    expect((await say(tenant, agent, "/stateless", batchOf(agent, "x"))).status).toBe(403);
    expect(await getTenant(tenant)).toMatchObject({
      detection_delayed_since: null,
      sleeping: { because: "It was asked for." },
    });
  });

  it("are sent again by an agent whose batch is too large to be held", async () => {
    const { tenant, agent } = await asleepWithAgent();
    const answer = await say(tenant, agent, "/stateless", batchOf(agent, "x".repeat(1024 * 1024)));
    expect([answer.status, answer.headers.get("retry-after")]).toEqual([503, "5"]);
    await until(tenant, runs);
    expect((await say(tenant, agent, "/stateless", batchOf(agent, "x".repeat(1024 * 1024)))).status).toBe(202);
  });

  it("are let go where the manager will never take them, and the rest follows", async () => {
    const { tenant, agent } = await asleepWithAgent();
    managers.answer = ({ body }) => new Response(null, { status: body.includes("broken") ? 400 : 202 });
    for (const line of ["broken", "sound"]) await say(tenant, agent, "/stateless", batchOf(agent, line));
    await caughtUp(tenant);
    expect(batches(tenant).map(({ body }) => body.includes("sound"))).toEqual([false, true]);
    await expect.poll(() => delays(tenant)).toMatchObject([{}, { batches: { taken: 1, refused: 1 } }]);
  });

  it("are not those of an agent that was shut out before they were replayed", async () => {
    const { tenant, agent } = await asleepWithAgent();
    await say(tenant, agent, "/stateless", batchOf(agent, "x"));
    await quarantine5(tenant, agent);
    await caughtUp(tenant);
    expect(batches(tenant)).toEqual([]);
  });

  it("wait until the manager takes them, and what comes later waits behind them", async () => {
    const { tenant, agent } = await asleepWithAgent();
    await say(tenant, agent, "/stateless", batchOf(agent, "first"));
    managers.answer = ({ target }) => new Response(null, { status: target.endsWith("/stateless") ? 503 : 200 });
    await until(tenant, (view) => view.observed === "running");
    await expect.poll(() => batches(tenant).length).toBeGreaterThan(0);
    const tried = batches(tenant).length;
    expect((await say(tenant, agent, "/stateless", batchOf(agent, "second"))).status).toBe(202);
    expect(
      batches(tenant)
        .slice(tried)
        .every(({ body }) => body.includes("first")),
    ).toBe(true);
    managers.answer = () => new Response(null, { status: 202 });
    await caughtUp(tenant);
    const taken = batches(tenant)
      .slice(-2)
      .map(({ body }) => /first|second/.exec(body)?.[0]);
    expect(taken).toEqual(["first", "second"]);
  });
});

describe("a tenant that has agents of Wazuh 5 alone", () => {
  it("falls asleep under their signs of life, and they do not wake it", async () => {
    const tenant = await tenant5(SLEEPY);
    const agent = await agent5(tenant);
    await until(tenant, runs);
    for (let minute = 0; minute <= AFTER_MINUTES; minute += 5) {
      passMinutes(5);
      expect((await say(tenant, agent, "/control", LIFE)).status).toBe(202);
    }
    await until(tenant, isAsleep);
    const answer = await say(tenant, agent, "/control", LIFE);
    expect([answer.status, answer.headers.get("retry-after")]).toEqual([503, "5"]);
    expect((await say(tenant, agent, "/config", "{}")).status).toBe(503);
    for (const path of ["/", "/cacerts"]) expect((await ask(tenant, path, { method: "GET" })).status).toBe(503);
    await runDurableObjectAlarm(env.TENANT.getByName(tenant));
    expect(isAsleep(await getTenant(tenant))).toBe(true);
  });

  it("stays awake while they send events", async () => {
    const tenant = await tenant5(SLEEPY);
    const agent = await agent5(tenant);
    await until(tenant, runs);
    for (let minute = 0; minute <= 2 * AFTER_MINUTES; minute += 10) {
      passMinutes(10);
      expect((await say(tenant, agent, "/stateless", batchOf(agent, `${minute}`))).status).toBe(202);
      await runDurableObjectAlarm(env.TENANT.getByName(tenant));
    }
    expect((await getTenant(tenant)).sleeping).toBeNull();
  });

  it("wakes for an agent that starts, which sends no events before it was answered", async () => {
    const { tenant, agent } = await asleepWithAgent();
    const start = JSON.stringify({ type: "startup", version: "5.0.0" });
    const packed = await say(tenant, agent, "/control", start, { "content-encoding": "zstd" });
    expect(await answered(packed, 415)).toMatchObject({ code: "ENCODING_REFUSED" });
    expect(isAsleep(await getTenant(tenant))).toBe(true);
    expect(await answered(say(tenant, agent, "/control", start), 503)).toMatchObject({ code: "TENANT_ASLEEP" });
    await until(tenant, runs);
    expect((await say(tenant, agent, "/control", start)).status).toBe(202);
  });

  it("does not sleep before everything that was held is replayed", async () => {
    const { tenant, agent } = await asleepWithAgent();
    managers.answer = () => new Response(null, { status: 503 });
    await say(tenant, agent, "/stateless", batchOf(agent, "x"));
    await until(tenant, runs);
    const asked = { epoch: 1, operation_id: `op_${"a".repeat(20)}` };
    const refusal = answered(call("POST", `/v1/tenants/${tenant}/sleep`, asked), 409);
    expect(await refusal).toMatchObject({ code: "OPERATION_IN_PROGRESS" });
  });

  it("takes a batch whose manager went away under it, once", async () => {
    const tenant = await tenant5();
    const agent = await agent5(tenant);
    managers.answer = () => {
      throw new Error("the connection broke");
    };
    expect((await say(tenant, agent, "/stateless", batchOf(agent, "x"))).status).toBe(202);
    managers.answer = () => new Response(null, { status: 202 });
    await caughtUp(tenant);
    const ids = batches(tenant).map(({ headers }) => headers["edge-batch"]);
    expect(new Set(ids).size).toBe(1);
  });
});

describe("how much is held", () => {
  const batch = (id: string, size: number): Batch => ({ id, agent: "001", encoding: "", body: new Uint8Array(size) });

  it("is bounded; what is held already counts once", async () => {
    const tenant = await tenant5();
    await runInDurableObject(env.TENANT.getByName(tenant), (_object, state) => {
      const ctx = new LiveContext(state, env);
      const held = (id: string, size: number) => () => hold(ctx, batch(id, size), 4000);
      for (const fits of [held("a", 1000), held("b", 1000), held("b", 1000)]) fits();
      expect(held("c", 1000)).toThrow("As much waits");
      held("d", 100)();
    });
  });
});
