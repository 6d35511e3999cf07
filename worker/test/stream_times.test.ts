import { env, runInDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import { BlobLog } from "../src/events/blob_log";
import type { Page } from "../src/events/events";
import type { EventStream } from "../src/events/stream";
import { answered, newTenantId, stoppedTenant } from "./support/edge";
import {
  askEvents,
  digest,
  idsOf,
  listen,
  quietStream,
  randomText,
  readPage,
  readWhole,
  streamOf,
} from "./support/stream";

describe("a search by time", () => {
  const HOUR = 3600_000;
  /** Long enough ago for every hour, and within what a plan keeps. */
  const START = Date.now() - 240 * HOUR;

  /** Hour after hour a batch of three, as if each had been written then; the older ones sealed into segments. */
  async function written(stream: ReturnType<typeof quietStream>, hours: number, seal: boolean): Promise<void> {
    for (let hour = 0; hour < hours; hour++)
      await stream.append(
        [0, 1, 2].map((n) => digest(`${hour}-${n}`, 3, "001", seal ? { text: randomText(60_000) } : {})),
      );
    await runInDurableObject(stream, async (object: EventStream, { storage }) => {
      storage.sql.exec("UPDATE batches SET at = ? + ? * ((first - 1) / 3)", START, HOUR);
      if (seal) await object.alarm();
    });
  }

  const between = (from: number | undefined, to: number | undefined) => ({
    from: from === undefined ? undefined : START + from * HOUR,
    to: to === undefined ? undefined : START + to * HOUR,
  });

  it.each([
    [undefined, undefined, 1, 30],
    [0, 1, 1, 3],
    [3, 5, 10, 15],
    [3.5, 5.5, 13, 18],
    [9, undefined, 28, 30],
    [undefined, 0.5, 1, 3],
    [-5, 100, 1, 30],
  ])("finds what was written from hour %s to before hour %s", async (from, to, first, last) => {
    const stream = quietStream();
    await written(stream, 10, false);
    const { events } = await readWhole(stream, between(from, to));
    expect([events[0]?.seq, events.at(-1)?.seq, events.length]).toEqual([first, last, last - first + 1]);
  });

  it.each([
    [20, 30],
    [-2, -1],
  ])("of hours without events finds none and says that there are no more (%s to %s)", async (from, to) => {
    const stream = quietStream();
    await written(stream, 10, false);
    expect(await readPage(stream, 0, between(from, to))).toMatchObject({ events: [], more: false });
  });

  it("goes on with `next` through pages of any size, and ends at the end that was asked for", async () => {
    const stream = quietStream();
    await written(stream, 10, false);
    const seqs: number[] = [];
    let asked: Page = { after: 0, events: [], next: 0, more: true, oldest: 1, latest: 30 };
    while (asked.more) {
      asked = JSON.parse(await stream.replay(asked.next, 4, between(2, 6))) as Page;
      seqs.push(...asked.events.map(({ seq }) => seq));
    }
    expect(seqs).toEqual(Array.from({ length: 12 }, (_, n) => n + 7));
  });

  it("takes times of any zone at its door", async () => {
    const tenant = await stoppedTenant();
    await streamOf(tenant).append([digest("now")]);
    /** So many hours from now, as a clock two hours ahead shows it. */
    const shown = (hours: number) =>
      encodeURIComponent(new Date(Date.now() + (hours + 2) * HOUR).toISOString().replace("Z", "+02:00"));
    const found = async (from: number, to: number) =>
      idsOf((await answered<Page>(askEvents(tenant, `?from=${shown(from)}&to=${shown(to)}`), 200)).events);
    expect([await found(-2, -1), await found(-1, 1), await found(1, 2)]).toEqual([[], ["now"], []]);
  });

  it("lets a reader begin at a moment and then follow", async () => {
    const tenant = await stoppedTenant();
    await streamOf(tenant).append([digest("old")]);
    await runInDurableObject(
      streamOf(tenant),
      (_: EventStream, { storage }) => void storage.sql.exec("UPDATE batches SET at = at - ?", 2 * HOUR),
    );
    await streamOf(tenant).append([digest("recent")]);
    const reader = await listen(tenant, `?kind=alert&from=${new Date(Date.now() - HOUR).toISOString()}`);
    await expect.poll(() => idsOf(reader.frames.flatMap(({ events }) => events))).toEqual(["recent"]);
  });

  it("opens of the archive only the segment in which the time lies", async () => {
    const tenant = await stoppedTenant();
    const stream = streamOf(tenant);
    await written(stream, 160, true);
    const { objects } = await env.ARCHIVE.list({ prefix: `${tenant}/events/` });
    const kept = objects[1]?.key ?? "";
    for (const { key } of objects) if (key !== kept) await env.ARCHIVE.delete(key);
    const first = Number(/(\d+)-\d+$/.exec(kept)?.[1]);
    const hour = Math.floor((first - 1) / 3) + 2;
    const found = idsOf((await readPage(stream, 0, between(hour, hour + 1))).events);
    expect(found).toHaveLength(3);
    expect(new Set(found.map((id) => id.split("-")[0])).size).toBe(1);
    await expect(readPage(stream, 0)).rejects.toThrow("is missing");
  });

  it("looks at a few rows of the log, not at all of them", () =>
    runInDurableObject(env.WAZUH_EVENTS.getByName(newTenantId()), (_, { storage }) => {
      const log = new BlobLog(storage.sql);
      for (let n = 0; n < 1000; n++) log.append(1, new Uint8Array(10), START + n);
      let rows = 0;
      const exec = (query: string, ...bindings: SqlStorageValue[]) => {
        const cursor = storage.sql.exec(query, ...bindings);
        const found = cursor.toArray();
        rows += cursor.rowsRead;
        return { toArray: () => found, one: () => found[0] };
      };
      const counted = new BlobLog({ exec } as unknown as SqlStorage);
      rows = 0;
      expect([0, 1, 500, 999, 5000].map((ms) => counted.writtenBefore(START + ms))).toEqual([0, 1, 500, 999, 1000]);
      expect(rows).toBeLessThan(5 * 25);
    }));

  it("holds though the clock is set back: nothing counts as written before its forerunner", () =>
    runInDurableObject(env.WAZUH_EVENTS.getByName(newTenantId()), (_, { storage }) => {
      const log = new BlobLog(storage.sql);
      for (const ms of [0, 1000, 500, 2000]) log.append(1, new Uint8Array(1), START + ms);
      expect(log.writtenBefore(START + 1000)).toBe(1);
      expect(log.hotAfter(2)?.at).toBe(START + 1000);
    }));
});
