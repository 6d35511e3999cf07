/** What a tenant used: measured by the hour, told once, and read as a feed. */
import { env, evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { afterEach, describe, expect, it } from "vitest";
import { readBulk } from "../src/gates/bulk";
import type { Usage, UsagePage } from "../src/schemas/usage";
import { LiveContext } from "../src/tenant/live_context";
import { HOUR_MS, hourOf } from "../src/tenant/meters";
import { nodeStub } from "../src/tenant/nodes/names";
import { closeHours, takeCounts } from "../src/tenant/usage";
import { isTaken } from "../src/tunnel/carrying";
import { channelAddress } from "../src/tunnel/channels";
import { pruneUsage } from "../src/usage_store";
import { enrolledAgent, knock, pair } from "./support/connector";
import { world } from "./support/containers";
import { answered, call, enroll, newTenantId, newToken, PLAN } from "./support/edge";
import { listenOnManagers } from "./support/manager_port";
import { alert, streamOf } from "./support/stream";
import { newOperation, putTenant, runningTenant, specOf, until } from "./support/tenants";

const object = (id: string) => env.TENANT.getByName(id);
const page = (query: string) => answered<UsagePage>(call("GET", `/v1/usage?${query}`), 200);
const sql = (id: string, statement: string, ...values: (string | number)[]) =>
  runInDurableObject(object(id), (_, { storage }) => storage.sql.exec(statement, ...values).toArray());

async function rowsOf(id: string): Promise<Usage[]> {
  const rows: Usage[] = [];
  for (let after = 0; ; ) {
    const found = (await page(`after=${after}`)).rows;
    if (found.length === 0) return rows.filter(({ tenant }) => tenant === id);
    rows.push(...found);
    after = found.at(-1)?.seq ?? after;
  }
}

/** As if everything so far had been hours ago: the object closes the hour and delivers. */
async function hourEnds(id: string): Promise<Usage[]> {
  const before = await rowsOf(id);
  await runInDurableObject(object(id), async (_, state) => {
    const { sql } = state.storage;
    const ctx = new LiveContext(state, env);
    await takeCounts(ctx);
    sql.exec("UPDATE usage SET hour = hour - ?", 2 * HOUR_MS);
    sql.exec("UPDATE node_meters SET counted = counted - ?1, seen = seen - ?1", 2 * HOUR_MS);
    await closeHours(ctx);
    sql.exec("UPDATE node_meters SET counted = counted + ?1, seen = seen + ?1", 2 * HOUR_MS);
    await ctx.outbox.flush();
  });
  return (await rowsOf(id)).slice(before.length);
}

const total = (rows: Usage[], kind: string, role: string | null = null) =>
  rows.filter((row) => row.kind === kind && row.role === role).reduce((all, row) => all + row.quantity, 0);

async function keep(id: string, count: number): Promise<void> {
  const lines = Array.from({ length: count }, (_, n) => [
    JSON.stringify({ index: { _index: "wazuh-alerts-4.x-2026.11.26" } }),
    JSON.stringify({ id: `${crypto.randomUUID()}.${n}` }),
  ]);
  const items = readBulk(id, 0, `${lines.flat().join("\n")}\n`).filter((item) => "lines" in item);
  await nodeStub(env, id, "indexer", 0).keep(items);
}

/** The clear frame with which an agent asks whether the manager is there. */
const PING = new Uint8Array([5, 0, 0, 0, ...new TextEncoder().encode("#ping")]);

let stopListening = () => {};
afterEach(() => stopListening());

/** A tenant with a connected agent that sent three frames and heard seven bytes. */
async function withAgent() {
  const id = await runningTenant();
  const agent = await enrolledAgent(id);
  const { connections, stop } = listenOnManagers();
  stopListening = stop;
  const { webSocket: socket } = await knock(id, pair(agent.connector));
  if (!socket) throw new Error("the agent is not connected");
  let heard = 0;
  socket.binaryType = "arraybuffer";
  socket.addEventListener("message", ({ data }) => {
    heard += (data as ArrayBuffer).byteLength;
  });
  socket.accept();
  for (let sent = 0; sent < 3; sent++) socket.send(PING);
  await connections[0]?.send(id, "command");
  await expect.poll(() => [connections[0]?.text.length, heard]).toEqual([3 * PING.length, 7]);
  return { id, socket, connections };
}

const carriedBy = (rows: Usage[]) => [total(rows, "tunnel_bytes_up"), total(rows, "tunnel_bytes_down")];

describe("bytes of agents' connections", () => {
  it("are told for both ways, each once, also while the agent stays connected", async () => {
    const { id, socket, connections } = await withAgent();
    expect(carriedBy(await hourEnds(id))).toEqual([3 * PING.length, 7]);
    socket.send(PING);
    await expect.poll(() => connections[0]?.text.length).toBe(4 * PING.length);
    expect(carriedBy(await hourEnds(id))).toEqual([PING.length, 0]);
    expect(carriedBy(await hourEnds(id))).toEqual([0, 0]);
  });

  it("are those of every manager, also of one that the plan has no more", async () => {
    const id = newTenantId();
    const roles = { ...PLAN.roles, manager: { ...PLAN.roles.manager, count: 2 } };
    await putTenant(id, specOf(1, { plan: { ...PLAN, roles } }));
    await until(id, ({ observed }) => observed === "running");
    await enrolledAgent(id);
    const { connections, stop } = listenOnManagers();
    stopListening = stop;
    const dialled = nodeStub(env, id, "manager", 1).connect(channelAddress("001"));
    expect(await isTaken(dialled)).toBe(true);
    await dialled.writable.getWriter().write(PING);
    await expect.poll(() => connections[0]?.text.length).toBe(PING.length);
    stop();
    await putTenant(id, specOf(2));
    await until(id, ({ nodes }) => !nodes.some(({ role, n }) => role === "manager" && n === 1));
    expect(carriedBy(await hourEnds(id))).toEqual([PING.length, 0]);
  });

  it("outlive the manager's object once the last agent is gone", async () => {
    const { id, socket } = await withAgent();
    const manager = nodeStub(env, id, "manager", 0);
    socket.close();
    await expect.poll(async () => (await manager.use()).open).toBe(0);
    await evictDurableObject(manager);
    world.containers.get(`${id}:manager:0`)?.unwatched();
    expect(carriedBy(await hourEnds(id))).toEqual([3 * PING.length, 7]);
  });

  it("are told with the end of a tenant that is deleted while its agent is connected", async () => {
    const { id } = await withAgent();
    await answered(call("DELETE", `/v1/tenants/${id}`, { epoch: 1, generation: 2, operation_id: newOperation() }), 202);
    await until(id, ({ observed }) => observed === "absent");
    await sql(id, "INSERT OR REPLACE INTO due (kind, key, at, attempts) VALUES ('outbox', '', 1, 0)");
    await runDurableObjectAlarm(object(id));
    expect(carriedBy(await rowsOf(id))).toEqual([3 * PING.length, 7]);
  });
});

describe("what a tenant used", () => {
  it("is the time of every container by role and size, told once its hour has ended, and each second once", async () => {
    const began = Date.now();
    const id = await runningTenant();
    await sql(id, "UPDATE nodes SET checked_at = 0");
    await sql(id, "UPDATE due SET at = 1 WHERE kind = 'drive'");
    await runDurableObjectAlarm(object(id));
    expect(await rowsOf(id)).toEqual([]);
    const rows = await hourEnds(id);
    const seconds = rows.filter(({ kind }) => kind === "container_seconds");
    expect(new Set(seconds.map(({ role, size }) => `${role} ${size}`))).toEqual(
      new Set(["certs basic", "indexer standard-2", "manager standard-1", "dashboard standard-1"]),
    );
    for (const { quantity, hour } of seconds) {
      expect(quantity).toBeLessThanOrEqual((Date.now() - began) / 1000);
      expect(Date.parse(hour) % HOUR_MS).toBe(0);
    }
    expect(total(rows, "container_seconds", "indexer")).toBeGreaterThan(0);
    expect(await hourEnds(id)).toEqual([]);
    const [due] = await sql(id, "SELECT at FROM due WHERE kind = 'usage'");
    expect(Number(due?.at)).toBeGreaterThanOrEqual(hourOf(Date.now()) + HOUR_MS);
  });

  it("goes on over restarts of objects and ends with the container, as its own object saw it", async () => {
    const id = await runningTenant();
    const node = env.INDEXER.getByName(`${id}:indexer:0`);
    const started = (await node.report()).started_at ?? 0;
    await evictDurableObject(object(id));
    await evictDurableObject(node);
    world.containers.get(`${id}:indexer:0`)?.unwatched();
    await putTenant(id, specOf(2, { requested: "stopped" }));
    await until(id, ({ observed }) => observed === "stopped");
    const { ended_at, state } = await node.report();
    expect(state).toBe("stopped");
    const rows = await hourEnds(id);
    expect(total(rows, "container_seconds", "indexer")).toBeCloseTo(((ended_at ?? 0) - started) / 1000, 5);
    expect(await sql(id, "SELECT at FROM due WHERE kind = 'usage'")).toEqual([]);
  });

  it("counts a container that died while its object was away until it was seen to be gone", async () => {
    const id = await runningTenant();
    const node = env.MANAGER.getByName(`${id}:manager:0`);
    const { started_at } = await node.report();
    await evictDurableObject(node);
    world.containers.get(`${id}:manager:0`)?.unwatched().exit(1);
    const seenGone = Date.now();
    await node.report();
    await until(id, ({ nodes }) => nodes.some(({ role, restarts }) => role === "manager" && restarts === 1));
    const [meter] = await sql(id, "SELECT * FROM usage WHERE role = 'manager'");
    expect(Number(meter?.quantity)).toBeGreaterThanOrEqual(seenGone - (started_at ?? 0));
    expect(Number(meter?.quantity)).toBeLessThanOrEqual(Date.now() - (started_at ?? 0));
  });

  it("holds what was journaled and alerted, each batch once though its answer was lost", async () => {
    const id = await runningTenant();
    await keep(id, 3);
    await streamOf(id).append([alert("a"), alert("b"), { kind: "heartbeat", data: {} }]);
    await streamOf(id).append([alert("a")]);
    const [one, again] = [await streamOf(id).handOverCounts(0), await streamOf(id).handOverCounts(0)];
    expect(again).toEqual(one);
    expect(one.counts).toMatchObject([{ kind: "alerts", quantity: 2 }]);
    await streamOf(id).append([alert("c")]);
    const rows = await hourEnds(id);
    expect(total(rows, "alerts")).toBe(2);
    const more = await hourEnds(id);
    expect(total(more, "alerts")).toBe(1);
    const bytes = await runInDurableObject(nodeStub(env, id, "indexer", 0), (_, { storage }) =>
      Number(storage.sql.exec("SELECT sum(bytes) AS n FROM batches").one().n),
    );
    expect(total([...rows, ...more], "ingested_bytes")).toBe(bytes);
    expect(bytes).toBeGreaterThan(0);
  });

  it("has of agents the most there were", async () => {
    const id = await runningTenant();
    const { text } = await newToken(id);
    for (const name of ["web-1", "web-2"]) await answered(enroll(text, name), 201);
    await runInDurableObject(object(id), (_, { storage }) => void storage.sql.exec("UPDATE agents SET active = 1"));
    await sql(id, "INSERT OR REPLACE INTO due (kind, key, at, attempts) VALUES ('count_agents', '', 1, 0)");
    await runDurableObjectAlarm(object(id));
    const rows = await hourEnds(id);
    expect([total(rows, "agents_enrolled"), total(rows, "agents_active")]).toEqual([2, 0]);
  });

  it("has of the indexers' disks the most that lay on one", async () => {
    const id = await runningTenant();
    for (let checks = 0; checks < 2; checks++) {
      await sql(id, "INSERT OR REPLACE INTO due (kind, key, at, attempts) VALUES ('health', '', 1, 0)");
      await runDurableObjectAlarm(object(id));
    }
    const rows = await hourEnds(id);
    expect(rows.filter(({ kind }) => kind === "disk_used_bytes")).toMatchObject([{ role: "indexer", quantity: 400 }]);
  });

  it("is asked for again soon where a part of it was not handed over, and the rest is told meanwhile", async () => {
    const id = await runningTenant();
    const stream = streamOf(id);
    await keep(id, 1);
    await runInDurableObject(stream, (_, { storage }) => void storage.sql.exec("ALTER TABLE counts RENAME TO away"));
    await runInDurableObject(stream, (_, { storage }) => void storage.sql.exec("CREATE TABLE counts (x)"));
    const told = await runInDurableObject(object(id), async (_, state) => {
      const ctx = new LiveContext(state, env);
      await closeHours(ctx);
      return state.storage.sql.exec("SELECT at FROM due WHERE kind = 'usage'").one().at;
    });
    expect(Number(told) - Date.now()).toBeLessThanOrEqual(5 * 60_000);
  });

  it("is told to its end when the tenant is deleted, the hour under way among it", async () => {
    const id = await runningTenant();
    await keep(id, 1);
    await answered(call("DELETE", `/v1/tenants/${id}`, { epoch: 1, generation: 2, operation_id: newOperation() }), 202);
    await until(id, ({ observed }) => observed === "absent");
    await sql(id, "INSERT OR REPLACE INTO due (kind, key, at, attempts) VALUES ('outbox', '', 1, 0)");
    await runDurableObjectAlarm(object(id));
    const rows = await rowsOf(id);
    expect(total(rows, "container_seconds", "dashboard")).toBeGreaterThan(0);
    expect(total(rows, "ingested_bytes")).toBeGreaterThan(0);
    expect(await sql(id, "SELECT * FROM usage")).toEqual([]);
  });

  it("of a tenant that never ran asks nobody", async () => {
    const id = newTenantId();
    await putTenant(id, specOf(1, { requested: "stopped" }));
    await answered(call("DELETE", `/v1/tenants/${id}`, { epoch: 1, generation: 2, operation_id: newOperation() }), 202);
    await until(id, ({ observed }) => observed === "absent");
    expect(await rowsOf(id)).toEqual([]);
  });
});

describe("the usage feed", () => {
  it("can be read in pages without a gap, keeps its numbers, and says where it begins after old rows went", async () => {
    const id = await runningTenant();
    await hourEnds(id);
    const whole = await rowsOf(id);
    const first = whole[0]?.seq ?? 0;
    const pages = [];
    for (let after = first - 1, rows = whole; rows.length > 0; after = rows.at(-1)?.seq ?? after) {
      rows = (await page(`after=${after}&limit=2`)).rows;
      pages.push(...rows);
    }
    expect(pages.filter(({ tenant }) => tenant === id)).toEqual(whole);
    const latest = (await page("after=0")).latest_seq;
    await pruneUsage(env.WAZUH_META, Date.now() + 93 * 24 * HOUR_MS);
    const after = await page("after=0");
    expect(after).toMatchObject({ oldest_seq: latest + 1, latest_seq: latest, rows: [] });
    expect(after.feed_epoch).toMatch(/^[0-9a-f]{16}$/);
  });
});
