import { describe, expect, it } from "vitest";
import { MAX_SCAN_BYTES, type NewEvent, type Page } from "../src/events/events";
import { passes } from "../src/events/filter";
import { answered, stoppedTenant } from "./support/edge";
import { askEvents, digest, idsOf, listen, quietStream, readWhole, streamOf } from "./support/stream";

const page = async (tenant: string, query: string) => answered<Page>(askEvents(tenant, query), 200);

const beat: NewEvent = { kind: "heartbeat", data: { node: "manager-0" } };

describe("a filter", () => {
  const alert = (level: number, agent: string) => ({
    kind: "alert" as const,
    data: { rule: { level }, agent: { id: agent } },
  });

  it.each([
    [{}, alert(3, "001"), true],
    [{ kinds: ["audit" as const] }, alert(3, "001"), false],
    [{ kinds: ["audit" as const, "alert" as const] }, alert(3, "001"), true],
    [{ minLevel: 7 }, alert(6, "001"), false],
    [{ minLevel: 7 }, alert(7, "001"), true],
    [{ agent: "002" }, alert(3, "001"), false],
    [{ agent: "002", minLevel: 3 }, alert(3, "002"), true],
    [{ agent: "002", minLevel: 7 }, { kind: "lifecycle" as const, data: { observed: "running" } }, true],
    [{ minLevel: 1 }, { kind: "alert" as const, data: { id: "of a form that is not known" } }, false],
  ])("%o of %o: %s", (filter, event, expected) => {
    expect(passes(filter, event)).toBe(expected);
  });

  it("narrows a replay, whose `next` moves past what it left out", async () => {
    const tenant = await stoppedTenant();
    const { last } = await streamOf(tenant).append([
      digest("low"),
      beat,
      digest("high", 12),
      digest("other", 12, "002"),
      beat,
    ]);
    const found = await page(tenant, "?kind=alert&min_level=10&agent=001");
    expect(idsOf(found.events)).toEqual(["high"]);
    expect(found).toMatchObject({ after: 0, next: last, more: false, latest: last });
    const kinds = await page(tenant, "?kind=heartbeat&kind=alert&min_level=10");
    expect(kinds.events.map(({ kind }) => kind)).toEqual(["heartbeat", "alert", "alert", "heartbeat"]);
    expect((await page(tenant, `?kind=audit&after=${last}`)).events).toEqual([]);
  });

  it.each([
    ["?kind=alarm", "kind.0"],
    ["?kind=alert&kind=alarm", "kind.1"],
    ["?min_level=17", "min_level"],
    ["?min_level=high", "min_level"],
    ["?kind=audit&min_level=3", "min_level"],
    ["?kind=audit&agent=001", "agent"],
    ["?agent=", "agent"],
    ["?agent=a%20b", "agent"],
    ["?from=yesterday", "from"],
    ["?to=2026-13-01T00:00:00Z", "to"],
    ["?from=2026-11-02T00:00:00Z&to=2026-11-01T00:00:00Z", "to"],
  ])("that can't be is refused by its name: %s", async (query, path) => {
    const refused = await answered<{ details: { path: string }[] }>(askEvents(await stoppedTenant(), query), 422);
    expect(refused.details.map((fault) => fault.path)).toEqual([path]);
  });

  it.each([{ upgrade: "websocket" }, { accept: "text/event-stream" }])(
    "with an end is refused to whoever follows: %o",
    async (headers) => {
      const to = askEvents(await stoppedTenant(), "?to=2026-11-01T00:00:00Z", headers);
      expect((await answered<{ details: { path: string }[] }>(to, 422)).details[0]?.path).toBe("to");
    },
  );

  it("narrows what is sent live, and a reader that nothing is for hears how far the stream is", async () => {
    const tenant = await stoppedTenant();
    const [all, loud] = [await listen(tenant), await listen(tenant, "?min_level=10&kind=alert")];
    const { last } = await streamOf(tenant).append([digest("low"), digest("high", 12), beat]);
    await expect.poll(() => loud.frames).toMatchObject([{ events: [{ kind: "alert" }], next: last }]);
    for (let batch = 0; batch < 3; batch++) {
      await streamOf(tenant).append(Array.from({ length: 400 }, (_, n) => digest(`${batch}-${n}`)));
    }
    await expect.poll(() => loud.frames).toHaveLength(2);
    expect(loud.frames[1]).toMatchObject({ after: last, events: [], next: last + 1200 });
    await expect.poll(() => all.frames.at(-1)?.next).toBe(last + 1200);
    for (const { frames } of [all, loud])
      for (const [index, frame] of frames.entries()) if (index > 0) expect(frame.after).toBe(frames[index - 1]?.next);
  });

  it("narrows what a reader missed before it follows", async () => {
    const tenant = await stoppedTenant();
    await streamOf(tenant).append([digest("low"), digest("high", 12)]);
    const reader = await listen(tenant, "?after=0&kind=alert&min_level=10");
    await streamOf(tenant).append([digest("later", 12)]);
    await expect.poll(() => idsOf(reader.frames.flatMap(({ events }) => events))).toEqual(["high", "later"]);
  });

  it("narrows what is followed by Server-Sent Events", async () => {
    const tenant = await stoppedTenant();
    await streamOf(tenant).append([digest("low"), digest("high", 12)]);
    const { last } = await streamOf(tenant).append([beat]);
    const answer = await askEvents(tenant, "?after=0&kind=alert&min_level=10", { accept: "text/event-stream" });
    const reader = (answer.body as ReadableStream<Uint8Array>).getReader();
    let text = "";
    while (!text.includes(`id: ${last}\n`)) text += new TextDecoder().decode((await reader.read()).value);
    expect([text.includes('"high"'), text.includes('"low"'), text.includes("heartbeat")]).toEqual([true, false, false]);
    await reader.cancel();
  });

  it("that nothing passes reads a bounded part of the log for a page, and comes to the end all the same", async () => {
    const stream = quietStream();
    for (let batch = 0; batch < 12; batch++)
      await stream.append(
        Array.from({ length: 15 }, (_, n) => digest(`${batch}-${n}`, 3, "001", { text: "x".repeat(60_000) })),
      );
    const { last } = await stream.append([{ kind: "audit", data: { action: "found" } }]);
    const { pages, events } = await readWhole(stream, { kinds: ["audit"] });
    expect(events.map(({ seq }) => seq)).toEqual([last]);
    expect(pages.length).toBeGreaterThanOrEqual(Math.floor((12 * 15 * 60_000) / (MAX_SCAN_BYTES + 1024 * 1024)));
    expect(pages[0]?.events).toEqual([]);
    expect(pages[0]).toMatchObject({ more: true });
    expect(pages.at(-1)).toMatchObject({ more: false, next: last });
  });

  it("leaves pages no larger than without it", async () => {
    const stream = quietStream();
    for (let batch = 0; batch < 4; batch++)
      await stream.append(
        Array.from({ length: 10 }, (_, n) => digest(`${batch}-${n}`, 12, "001", { text: "x".repeat(60_000) })),
      );
    const { pages, events } = await readWhole(stream, { minLevel: 10 });
    expect(idsOf(events)).toHaveLength(40);
    for (const one of pages) expect(JSON.stringify(one).length).toBeLessThan(1_200_000);
  });
});
