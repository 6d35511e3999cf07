import { abortAllDurableObjects, env, runInDurableObject, SELF } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import type { NewEvent, Page, StreamEvent } from "../src/events/events";
import type { EventStream } from "../src/events/stream";
import { Subscribers } from "../src/events/subscribers";
import { API, answered, call, iso, scopedToken, stoppedTenant } from "./support/edge";

const streamOf = (tenant: string) => env.WAZUH_EVENTS.getByName(tenant);

const alert = (key: string, more: Record<string, unknown> = {}): NewEvent => ({
  kind: "alert",
  key,
  data: { id: key, ...more },
});

async function replayAll(tenant: string, limit = 1000): Promise<StreamEvent[]> {
  const events: StreamEvent[] = [];
  for (;;) {
    const page = JSON.parse(await streamOf(tenant).replay(events.at(-1)?.seq ?? 0, limit)) as Page;
    if (page.events.length === 0) return events;
    events.push(...page.events);
  }
}

const alertsOf = (events: StreamEvent[]) => events.filter((event) => event.kind === "alert");
const gapless = (events: StreamEvent[]) => events.every((event, index) => event.seq === index + 1);

/** How a browser, which can set no header, carries its credential. */
const asProtocol = (credential: string) => ({ "sec-websocket-protocol": `events.v1, bearer.${credential}` });

const asHeader = (credential: string) => ({ authorization: `Bearer ${credential}` });

/** Opens a live reader and collects its frames. */
async function listen(
  tenant: string,
  query = "",
  token?: string,
  proofOf: typeof asProtocol | typeof asHeader = asProtocol,
) {
  const credential = token ?? (await scopedToken(tenant));
  const headers = { upgrade: "websocket", host: "edge.test", ...proofOf(credential) };
  const answer = await SELF.fetch(`${API}/api/events${query}`, { headers });
  const socket = answer.webSocket;
  if (!socket) return { status: answer.status, answer, socket: null, frames: [] as Page[], closed: Promise.resolve(0) };
  const frames: Page[] = [];
  const closed = new Promise<number>((resolve) => socket.addEventListener("close", (event) => resolve(event.code)));
  socket.addEventListener("message", (event) => {
    frames.push(JSON.parse(event.data as string) as Page);
  });
  socket.accept();
  return { status: 101, answer, socket, frames, closed };
}

describe("the event stream", () => {
  it("numbers events from racing writers without gaps, one row a batch", async () => {
    const tenant = await stoppedTenant();
    const writers = Array.from({ length: 40 }, (_, w) => [alert(`${w}-a`), alert(`${w}-b`)]);
    await Promise.all(writers.map((events) => streamOf(tenant).append(events)));
    const events = await replayAll(tenant);
    expect(alertsOf(events)).toHaveLength(80);
    expect(gapless(events)).toBe(true);
    const rows = await runInDurableObject(streamOf(tenant), (_: EventStream, state) =>
      state.storage.sql.exec<{ n: number }>("SELECT count(*) AS n FROM batches").one(),
    );
    expect(rows.n).toBeLessThan(45);
  });

  it("drops an alert whose key it has, also after a restart and within one call", async () => {
    const tenant = await stoppedTenant();
    const stream = streamOf(tenant);
    expect(await stream.append([alert("a"), alert("b"), alert("a")])).toMatchObject({ added: 2 });
    await abortAllDurableObjects();
    expect(await streamOf(tenant).append([alert("b"), alert("c")])).toMatchObject({ added: 1 });
    expect(alertsOf(await replayAll(tenant)).map((event) => (event.data as { id: string }).id)).toEqual([
      "a",
      "b",
      "c",
    ]);
  });

  it("loses nothing that was acknowledged and doubles nothing when the object is killed while writing", async () => {
    const tenant = await stoppedTenant();
    const acknowledged = new Set<string>();
    const write = async (key: string) => {
      for (let attempt = 0; attempt < 20 && !acknowledged.has(key); attempt++) {
        await streamOf(tenant)
          .append([alert(key)])
          .then(() => acknowledged.add(key))
          .catch(() => scheduler.wait(5));
      }
    };
    const writing = Promise.all(Array.from({ length: 120 }, (_, n) => scheduler.wait(n).then(() => write(`k${n}`))));
    for (let kill = 0; kill < 5; kill++) {
      await scheduler.wait(20);
      await abortAllDurableObjects();
    }
    await writing;
    const events = await replayAll(tenant, 7);
    const ids = alertsOf(events).map((event) => (event.data as { id: string }).id);
    expect(acknowledged.size).toBe(120);
    expect(gapless(events)).toBe(true);
    expect(ids.sort()).toEqual([...acknowledged].sort());
  });

  it("refuses an event that is too large, and keeps none of its batch", async () => {
    const tenant = await stoppedTenant();
    const append = async () => streamOf(tenant).append([alert("a"), alert("b", { text: "x".repeat(70_000) })]);
    await expect(append()).rejects.toThrow(/bound/);
    expect(alertsOf(await replayAll(tenant))).toEqual([]);
  });

  it("carries what enrollment and lifecycle tell, once", async () => {
    const tenant = await stoppedTenant();
    await expect.poll(async () => (await replayAll(tenant)).length).toBeGreaterThan(0);
    expect((await replayAll(tenant)).every((event) => event.kind === "lifecycle")).toBe(true);
  });

  it("moves old batches to the archive, sealed, and replays across the border", async () => {
    const tenant = await stoppedTenant();
    const stream = streamOf(tenant);
    const word = "needle-in-the-archive";
    for (let batch = 0; batch < 24; batch++) {
      const events = Array.from({ length: 15 }, (_, n) => alert(`${batch}-${n}`, { word, text: randomText(50_000) }));
      await stream.append(events);
    }
    await runInDurableObject(stream, (object: EventStream) => object.alarm());
    const { objects } = await env.ARCHIVE.list({ prefix: `${tenant}/events/` });
    expect(objects.length).toBeGreaterThan(0);
    const stored = new TextDecoder("latin1").decode(
      await (await env.ARCHIVE.get(objects[0]?.key ?? ""))?.arrayBuffer(),
    );
    expect(stored).not.toContain(word);
    const events = await replayAll(tenant, 100);
    expect(alertsOf(events)).toHaveLength(360);
    expect(gapless(events)).toBe(true);
  });

  it("forgets what is past the plan's retention, and says where it now begins", async () => {
    const tenant = await stoppedTenant({ retention_days: 1 });
    const stream = streamOf(tenant);
    await stream.append([alert("old")]);
    await runInDurableObject(stream, async (object: EventStream, state) => {
      state.storage.sql.exec("UPDATE batches SET at = at - 90000000");
      await object.alarm();
    });
    const { last } = await stream.append([alert("new")]);
    const page = JSON.parse(await stream.replay(0, 10)) as Page;
    expect(page).toMatchObject({ oldest: last, next: last, latest: last });
    expect(page.events.map((event) => event.seq)).toEqual([last]);
  });

  it("is gone after it was erased", async () => {
    const tenant = await stoppedTenant();
    const other = await stoppedTenant();
    for (const owner of [tenant, other]) await env.ARCHIVE.put(`${owner}/events/000001-000002`, "sealed");
    await streamOf(tenant).append([alert("a")]);
    await streamOf(tenant).erase();
    expect((await env.ARCHIVE.list({ prefix: `${tenant}/` })).objects).toEqual([]);
    expect((await env.ARCHIVE.list({ prefix: `${other}/` })).objects).toHaveLength(1);
    expect(await streamOf(tenant).position()).toEqual({ seq: 0, last_event_at: null });
  });
});

describe("/api/events", () => {
  const get = async (tenant: string, query: string, token?: string) => {
    const authorization = `Bearer ${token ?? (await scopedToken(tenant))}`;
    return SELF.fetch(`${API}/api/events${query}`, { headers: { authorization, host: "edge.test" } });
  };

  it("replays in pages", async () => {
    const tenant = await stoppedTenant();
    await streamOf(tenant).append(Array.from({ length: 30 }, (_, n) => alert(`k${n}`)));
    const first = await answered<Page>(get(tenant, "?after=0&limit=10"), 200);
    expect(first.events).toHaveLength(10);
    const second = await answered<Page>(get(tenant, `?after=${first.next}&limit=10`), 200);
    expect(second.events[0]?.seq).toBe(first.next + 1);
  });

  it.each(["?after=-1", "?after=x", "?limit=0", "?limit=100000", "?after=1e99"])(
    "refuses the query %s",
    async (query) => {
      await answered(get(await stoppedTenant(), query), 422);
    },
  );

  it("takes no credential from the query, and none that is wrong", async () => {
    const tenant = await stoppedTenant();
    const token = await scopedToken(tenant);
    const now = Math.floor(Date.now() / 1000);
    const bare = (query: string) => SELF.fetch(`${API}/api/events${query}`, { headers: { host: "edge.test" } });
    await answered(bare(""), 401);
    await answered(bare(`?token=${token}&access_token=${token}`), 401);
    const wrong = [
      await scopedToken(tenant, {}, "control"),
      await scopedToken(tenant, {}, "stranger"),
      await scopedToken(tenant, { aud: "edge:production:lo" }),
      await scopedToken(tenant, { iss: "someone" }),
      await scopedToken(tenant, { scope: "everything" }),
      await scopedToken(tenant, { iat: now - 7200, exp: now - 60 }),
      await scopedToken(tenant, { exp: now + 9 * 3600 }),
      await scopedToken("lo".padEnd(26, "a")),
    ];
    for (const credential of wrong) await answered(get(tenant, "", credential), 401);
  });

  it("never shows one tenant's events to another", async () => {
    const [mine, theirs] = [await stoppedTenant(), await stoppedTenant()];
    await streamOf(theirs).append([alert("canary-of-theirs")]);
    expect(await (await get(mine, "?after=0")).text()).not.toContain("canary-of-theirs");
  });

  it("sends live events in coalesced frames after what was missed", async () => {
    const tenant = await stoppedTenant();
    await streamOf(tenant).append(Array.from({ length: 50 }, (_, n) => alert(`old${n}`)));
    const reader = await listen(tenant, "?after=0");
    expect(reader.answer.headers.get("sec-websocket-protocol")).toBe("events.v1");
    await streamOf(tenant).append(Array.from({ length: 50 }, (_, n) => alert(`new${n}`)));
    const seen = () => reader.frames.flatMap((frame) => frame.events);
    await expect.poll(() => alertsOf(seen()).length).toBe(100);
    expect(gapless(seen())).toBe(true);
    expect(reader.frames.length).toBeLessThan(10);
  });

  it("names a subprotocol only to a client that offered it", async () => {
    const tenant = await stoppedTenant();
    const reader = await listen(tenant, "", undefined, asHeader);
    expect(reader.answer.headers.get("sec-websocket-protocol")).toBeNull();
    await streamOf(tenant).append([alert("a")]);
    await expect.poll(() => reader.frames.flatMap((frame) => frame.events)).toHaveLength(1);
  });

  it("bounds pages and frames by their size, and leaves nothing out", async () => {
    const tenant = await stoppedTenant();
    const reader = await listen(tenant);
    const large = (name: string) =>
      Array.from({ length: 40 }, (_, n) => alert(`${name}-${n}`, { text: "x".repeat(60_000) }));
    await Promise.all(["a", "b", "c"].map((name) => streamOf(tenant).append(large(name))));
    const page = await streamOf(tenant).replay(0, 1000);
    expect(page.length).toBeLessThan(1_200_000);
    expect(alertsOf(await replayAll(tenant))).toHaveLength(120);
    await expect.poll(() => reader.frames.flatMap((frame) => frame.events).length, { timeout: 5000 }).toBe(120);
    expect(Math.max(...reader.frames.map((frame) => JSON.stringify(frame).length))).toBeLessThan(1_200_000);
  });

  it("closes a reader that can't be shown what it missed, instead of leaving it silent", async () => {
    const tenant = await stoppedTenant();
    await streamOf(tenant).append([alert("a")]);
    await runInDurableObject(
      streamOf(tenant),
      (_, { storage }) => void storage.sql.exec("UPDATE batches SET body = x'00'"),
    );
    const reader = await listen(tenant, "?after=0");
    expect(await reader.closed).toBe(1011);
  });

  it("acknowledges what is on disk though readers can't be told of it", async () => {
    const tenant = await stoppedTenant();
    await listen(tenant);
    const original = Subscribers.prototype.announce;
    Subscribers.prototype.announce = () => {
      throw new Error("no frame");
    };
    const appended = streamOf(tenant).append([{ kind: "heartbeat", data: {} }]);
    expect(await appended.finally(() => (Subscribers.prototype.announce = original))).toMatchObject({ added: 1 });
  });

  it("starts a reader without `after` from now", async () => {
    const tenant = await stoppedTenant();
    await streamOf(tenant).append([alert("before")]);
    const reader = await listen(tenant);
    await streamOf(tenant).append([alert("after")]);
    await expect
      .poll(() => reader.frames.flatMap((frame) => frame.events).map((event) => event.data))
      .toEqual([{ id: "after" }]);
  });

  it("closes readers that a revocation covers, and refuses their credential from then on", async () => {
    const tenant = await stoppedTenant();
    const [alice, bob] = [await scopedToken(tenant), await scopedToken(tenant, { sub: "usr_bob" })];
    const [hers, his] = [await listen(tenant, "", alice), await listen(tenant, "", bob)];
    const rule = { epoch: 1, idempotency_key: "r1", before: iso(1000), subject: "usr_alice" };
    const { closed } = await answered<{ closed: number }>(
      call("POST", `/v1/tenants/${tenant}/revocations`, rule, "access"),
      200,
    );
    expect(closed).toBe(1);
    expect(await hers.closed).toBe(4401);
    await answered(get(tenant, "", alice), 401);
    expect((await listen(tenant, "", alice)).status).toBe(401);
    await streamOf(tenant).append([alert("still-here")]);
    await expect.poll(() => alertsOf(his.frames.flatMap((frame) => frame.events))).toHaveLength(1);
  });

  it("ends a reader when its right ends, whatever the control plane does", async () => {
    const tenant = await stoppedTenant();
    const now = Math.floor(Date.now() / 1000);
    const reader = await listen(tenant, "", await scopedToken(tenant, { exp: now + 2 }));
    expect(await reader.closed).toBe(4401);
  });

  it("is closed for a tenant that was deleted", async () => {
    const tenant = await stoppedTenant();
    const body = { epoch: 1, generation: 2, operation_id: `op_${"a".repeat(20)}` };
    await answered(call("DELETE", `/v1/tenants/${tenant}`, body), 202);
    await answered(get(tenant, ""), 401);
  });
});

function randomText(length: number): string {
  return Buffer.from(crypto.getRandomValues(new Uint8Array(length / 2))).toString("hex");
}
