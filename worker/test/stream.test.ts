import { abortAllDurableObjects, env, runInDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import type { Page } from "../src/events/events";
import type { EventStream } from "../src/events/stream";
import { stoppedTenant } from "./support/edge";
import { alert, alertsOf, gapless, randomText, replayAll, streamOf } from "./support/stream";

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

  it("carries what the tenant's life tells", async () => {
    const tenant = await stoppedTenant();
    const kinds = async () => new Set((await replayAll(tenant)).map(({ kind }) => kind));
    await expect.poll(kinds).toEqual(new Set(["audit", "lifecycle"]));
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
