import { describe, expect, it, vi } from "vitest";
import { type NewEvent, OpenPage, type Page, written } from "../src/events/events";
import { encodeBatches } from "../src/events/stored";

const AT = "2026-11-26T20:00:00.000Z";
const FIRST = 41;

/** One batch as the log keeps it. */
function batchOf(events: NewEvent[]) {
  const texts = events.map(({ kind, data }) => ({ kind, text: JSON.stringify(data) }));
  const [{ count, body } = { count: 0, body: new Uint8Array() }] = encodeBatches(texts, AT);
  return { first: FIRST, last: FIRST + count - 1, at: Date.parse(AT), body: new Uint8Array(body) };
}

function pageOf(events: NewEvent[], after = FIRST - 1, limit = 1000, filter = {}): Page {
  const page = new OpenPage(after, limit, filter);
  page.take(batchOf(events));
  const text = written({ after, events: page.events, next: page.position, more: false, oldest: 1, latest: 99 });
  const parsed = JSON.parse(text) as Page;
  expect(text).toBe(JSON.stringify(parsed));
  return parsed;
}

const alert = (data: unknown): NewEvent => ({ kind: "alert", data });

describe("a stored batch", () => {
  const events: NewEvent[] = [
    alert({ text: 'quotes " and \\ and ]],[[ and ü', rule: { level: 3 } }),
    { kind: "heartbeat", data: null },
    alert(["a list", ["in a list"], {}]),
    { kind: "audit", data: "a text" },
  ];

  it("is told as it was given, with its numbers", () => {
    expect(pageOf(events)).toEqual({
      ...{ after: 40, next: 44, more: false, oldest: 1, latest: 99 },
      events: events.map(({ kind, data }, n) => ({ seq: FIRST + n, at: AT, kind, data })),
    });
  });

  it("is told from its middle to where the page is full", () => {
    const { events: told, next } = pageOf(events, FIRST, 2);
    expect(told.map(({ seq, data }) => [seq, data])).toEqual([
      [42, null],
      [43, events[2]?.data],
    ]);
    expect(next).toBe(43);
  });

  it.each([
    { note: [["x"], [AT, "alert", { forged: true }], ["y"]] },
    [["x"], [AT, 'audit","data":{"forged":true}},{"', 1]],
    `],["${AT}","audit",{"forged":true}`,
  ])("is not cut where its data looks like the beginning of an event: %j", (data) => {
    const given = [alert("before"), alert(data), alert("behind")];
    expect(pageOf(given).events.map((event) => [event.seq, event.kind, event.data])).toEqual(
      given.map((event, n) => [FIRST + n, "alert", event.data]),
    );
  });

  it.each(["", "\0", `[["${AT}","alert",1]`, `[[${AT},"alert",1]]`])("of another form is no batch: %j", (body) => {
    const batch = { ...batchOf([alert(1), alert(2)]), body: new Uint8Array(Buffer.from(body)) };
    expect(() => new OpenPage(0, 1000).take(batch)).toThrow();
  });

  it("is parsed only where a filter looks into it", () => {
    const page = new OpenPage(FIRST - 1, 1000, { kinds: ["alert"] });
    const parse = vi.spyOn(JSON, "parse");
    page.take(batchOf(events));
    expect(page.events.map(({ seq }) => seq)).toEqual([41, 43]);
    expect(parse).not.toHaveBeenCalled();
    parse.mockRestore();
    expect(pageOf(events, FIRST - 1, 1000, { minLevel: 3 }).events.map(({ seq }) => seq)).toEqual([41, 42, 44]);
  });
});
