/** How far alerts have come is told to the feed in marks: few however many alerts come, and none is lost. */
import { abortAllDurableObjects, env, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import { AlertMark, PAUSE_MS, WORTH_A_LOOK } from "../src/events/alert_mark";
import type { EventStream } from "../src/events/stream";
import type { ChangePage } from "../src/schemas/feed";
import { noteAlerts } from "../src/tenant/alerts";
import { LiveContext } from "../src/tenant/live_context";
import { answered, call, stoppedTenant } from "./support/edge";
import { digest, quietStream, streamOf } from "./support/stream";

const marksOf = async (tenant: string) => {
  const page = await answered<ChangePage>(call("GET", "/v1/changes?after=0&limit=500"), 200);
  return page.changes.filter((change) => change.tenant === tenant && change.kind === "alerts").map(({ data }) => data);
};

const inMark = <T>(stream: ReturnType<typeof streamOf>, look: (mark: AlertMark, storage: DurableObjectStorage) => T) =>
  runInDurableObject(stream, (_: EventStream, { storage }) => look(new AlertMark(storage.sql), storage));

/** As if the pause since the mark before were over. */
const restOver = (stream: ReturnType<typeof streamOf>) =>
  inMark(stream, (_, { sql }) => void sql.exec("UPDATE alert_mark SET tried_at = 0"));

describe("what a mark is made of", () => {
  it("is the newest number and the highest level, from the level on that is worth a look", async () => {
    await inMark(quietStream(), (mark) => {
      mark.note(WORTH_A_LOOK - 1, 3);
      expect(mark.dueAt()).toBeNull();
      mark.note(12, 8);
      mark.note(7, 9);
      expect(mark.take(Date.now())).toEqual({ latest: 9, highest: 12 });
    });
  });

  it("is told once in a pause, and again where it did not arrive or more has come", async () => {
    await inMark(quietStream(), (mark) => {
      mark.note(7, 1);
      const now = Date.now();
      const told = mark.take(now);
      expect(mark.take(now + PAUSE_MS - 1)).toBeNull();
      expect(mark.take(now + PAUSE_MS)).toEqual(told);
      mark.note(9, 2);
      if (told) mark.settle(told);
      expect(mark.take(now + 2 * PAUSE_MS)).toEqual({ latest: 2, highest: 9 });
      mark.settle({ latest: 2, highest: 9 });
      expect(mark.dueAt()).toBeNull();
    });
  });
});

describe("marks of alerts", () => {
  it("reach the feed at once, without the alerts themselves", async () => {
    const tenant = await stoppedTenant();
    const { last } = await streamOf(tenant).append([digest("a", 3), digest("b", 10), digest("c", 7)]);
    await expect.poll(() => marksOf(tenant)).toEqual([{ latest: last, highest: 10 }]);
  });

  it("are not made for alerts of a low level, nor for one that came before", async () => {
    const tenant = await stoppedTenant();
    await streamOf(tenant).append([digest("a", 6)]);
    await inMark(streamOf(tenant), (mark) => expect(mark.dueAt()).toBeNull());
    await streamOf(tenant).append([digest("b", 8)]);
    await expect.poll(() => marksOf(tenant)).toHaveLength(1);
    await streamOf(tenant).append([digest("b", 8)]);
    await inMark(streamOf(tenant), (mark) => expect(mark.dueAt()).toBeNull());
  });

  it("are two for a storm: its beginning, and after a pause everything else", async () => {
    const tenant = await stoppedTenant();
    const stream = streamOf(tenant);
    await stream.append([digest("first", 7)]);
    await expect.poll(() => marksOf(tenant)).toHaveLength(1);
    let last = 0;
    for (let batch = 0; batch < 40; batch++)
      ({ last } = await stream.append(Array.from({ length: 50 }, (_, n) => digest(`${batch}-${n}`, 7 + (n % 5)))));
    expect(await marksOf(tenant)).toHaveLength(1);
    const due = await inMark(stream, async (mark, storage) => [mark.dueAt(), await storage.getAlarm()]);
    expect(due[1]).toBeLessThanOrEqual(due[0] as number);
    await restOver(stream);
    await runDurableObjectAlarm(stream);
    await expect.poll(() => marksOf(tenant)).toEqual([expect.anything(), { latest: last, highest: 11 }]);
  });

  it("outlive a restart right after the alerts were taken", async () => {
    const tenant = await stoppedTenant();
    const stream = streamOf(tenant);
    await stream.append([digest("a", 7)]);
    await expect.poll(() => marksOf(tenant)).toHaveLength(1);
    const { last } = await stream.append([digest("b", 15)]);
    await abortAllDurableObjects();
    await inMark(streamOf(tenant), async (mark, storage) => {
      expect(mark.dueAt()).not.toBeNull();
      expect(await storage.getAlarm()).not.toBeNull();
    });
    await restOver(streamOf(tenant));
    await runDurableObjectAlarm(streamOf(tenant));
    await expect.poll(() => marksOf(tenant)).toContainEqual({ latest: last, highest: 15 });
  });

  it("take in those that still wait for the feed, and keep their level", async () => {
    const tenant = await stoppedTenant();
    const waiting = await runInDurableObject(env.TENANT.getByName(tenant), (_, state) => {
      const ctx = new LiveContext(state, env);
      ctx.transaction(() => {
        noteAlerts(ctx, { latest: 5, highest: 15 });
        noteAlerts(ctx, { latest: 9, highest: 7 });
      });
      return ctx.sql.exec<{ data: string }>("SELECT data FROM outbox WHERE kind = 'alerts'").toArray();
    });
    expect(waiting.map(({ data }) => JSON.parse(data))).toEqual([{ latest: 9, highest: 15 }]);
  });
});
