import { runInDurableObject, SELF } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import type { Page } from "../src/events/events";
import { Subscribers } from "../src/events/subscribers";
import { API, answered, call, iso, scopedToken, stoppedTenant } from "./support/edge";
import { alert, alertsOf, asHeader, gapless, listen, replayAll, streamOf } from "./support/stream";

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
