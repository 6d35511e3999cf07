import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  byHour,
  HOUR_MS,
  hourOf,
  type Interval,
  type Meter,
  metered,
  type Running,
  settled,
} from "../src/tenant/meters";

const T0 = Date.UTC(2026, 10, 26, 9);

/** What a meter adds up over reports in the order in which they come; `settle` = the hour is told in between. */
function counted(arrivals: (Running | "settle")[]): Interval[] {
  const intervals: Interval[] = [];
  let meter: Meter | null = null;
  for (const arrival of [...arrivals, "settle" as const]) {
    if (arrival === "settle") {
      if (!meter) continue;
      const step: ReturnType<typeof settled> = settled(meter);
      meter = step.meter;
      intervals.push(step.open);
    } else {
      const step: ReturnType<typeof metered> = metered(meter, arrival);
      meter = step.meter;
      if (step.earlier) intervals.push(step.earlier);
    }
  }
  return intervals.filter(({ from, to }) => to > from);
}

const sum = (intervals: Interval[]) => intervals.reduce((all, { from, to }) => all + to - from, 0);

/** What happens to a node, in its own object's time. `step` sets the clock, also back. */
type Happening =
  | { is: "start" }
  | { is: "end"; told: boolean }
  | { is: "look" }
  | { is: "settle" }
  | { is: "wait"; ms: number }
  | { is: "step"; ms: number };

const happenings = fc.array(
  fc.oneof(
    fc.constant<Happening>({ is: "start" }),
    fc.boolean().map((told): Happening => ({ is: "end", told })),
    fc.constant<Happening>({ is: "look" }),
    fc.constant<Happening>({ is: "settle" }),
    fc.integer({ min: 1, max: 3 * HOUR_MS }).map((ms): Happening => ({ is: "wait", ms })),
    fc.integer({ min: -HOUR_MS, max: HOUR_MS }).map((ms): Happening => ({ is: "step", ms })),
  ),
  { maxLength: 40 },
);

interface Told {
  arrivals: (Running | "settle")[];
  /** Each start as its object saw it: from when to when. */
  lives: Interval[];
}

/** Plays a node object that starts, ends and is asked; an end that is not told is seen at the next look. */
function play(events: Happening[]): Told {
  const arrivals: Told["arrivals"] = [];
  const lives: Interval[] = [];
  let [now, start] = [T0, 0];
  let alive: { startedAt: number; endedAt: number | null } | null = null;
  const report = () => {
    if (alive) arrivals.push({ start, startedAt: alive.startedAt, at: now, endedAt: alive.endedAt });
  };
  const end = () => {
    if (!alive || alive.endedAt !== null) return;
    alive.endedAt = now;
    lives.push({ from: alive.startedAt, to: now });
  };
  for (const event of events) {
    if (event.is === "wait" || event.is === "step") now += event.ms;
    if (event.is === "start" && (!alive || alive.endedAt !== null)) {
      start += 1;
      alive = { startedAt: now, endedAt: null };
      report();
    }
    if (event.is === "end") {
      end();
      if (event.told) report();
    }
    if (event.is === "look") report();
    if (event.is === "settle") arrivals.push("settle");
  }
  end();
  report();
  return { arrivals, lives };
}

/** The seconds of all lives, each moment once: what was lived before the clock was set back is not lived again. */
function modelled(lives: Interval[]): number {
  let [total, until] = [0, 0];
  for (const { from, to } of lives) {
    const begin = Math.max(from, until);
    total += Math.max(0, to - begin);
    until = Math.max(until, to, begin);
  }
  return total;
}

const withoutSteps = (events: Happening[]) => events.filter(({ is }) => is !== "step");
const allTold = (events: Happening[]) => events.map((event) => (event.is === "end" ? { ...event, told: true } : event));

describe("how long containers ran", () => {
  it("is what they lived, to the millisecond, however often it was looked at and told in between", () => {
    fc.assert(
      fc.property(happenings, (events) => {
        const { arrivals, lives } = play(allTold(withoutSteps(events)));
        expect(sum(counted(arrivals))).toBe(sum(lives));
      }),
    );
  });

  it("counts no moment twice where the clock is set, and nothing that was not lived", () => {
    fc.assert(
      fc.property(happenings, (events) => {
        const { arrivals, lives } = play(allTold(events));
        const intervals = counted(arrivals).sort((a, b) => a.from - b.from);
        for (const [index, { from }] of intervals.slice(1).entries())
          expect(from).toBeGreaterThanOrEqual(intervals[index]?.to ?? 0);
        const seenAlive = arrivals.flatMap((arrival) =>
          arrival === "settle" ? [] : [{ from: arrival.startedAt, to: arrival.endedAt ?? arrival.at }],
        );
        expect(sum(intervals)).toBeLessThanOrEqual(covered(seenAlive));
        expect(sum(intervals)).toBeGreaterThanOrEqual(modelled(lives));
      }),
    );
  });

  it("is the same where reports come twice or late", () => {
    fc.assert(
      fc.property(happenings, fc.infiniteStream(fc.nat(5)), (events, chances) => {
        const { arrivals, lives } = play(allTold(withoutSteps(events)));
        const disturbed = arrivals.flatMap((arrival, index) => {
          const again = arrivals[index - (chances.next().value ?? 0)];
          return again && again !== "settle" ? [arrival, again] : [arrival];
        });
        expect(sum(counted(disturbed))).toBe(sum(lives));
      }),
    );
  });

  it("of an end that nobody told goes on until the next start, and no further", () => {
    fc.assert(
      fc.property(happenings, (events) => {
        const { arrivals, lives } = play(withoutSteps(events));
        const starts = arrivals.flatMap((arrival) => (arrival === "settle" ? [] : [arrival.startedAt]));
        const total = sum(counted(arrivals));
        expect(total).toBeGreaterThanOrEqual(sum(lives));
        expect(total).toBeLessThanOrEqual(lives.length > 0 ? (lives.at(-1)?.to ?? 0) - Math.min(...starts) : 0);
      }),
    );
  });

  it("falls into the hours in which it was", () => {
    const interval = fc
      .tuple(fc.integer({ min: 0, max: 5 * HOUR_MS }), fc.integer({ min: 0, max: 5 * HOUR_MS }))
      .map(([from, length]) => ({ from: T0 + from, to: T0 + from + length }));
    fc.assert(
      fc.property(interval, ({ from, to }) => {
        const parts = byHour({ from, to });
        expect(parts.reduce((all, { ms }) => all + ms, 0)).toBe(to - from);
        expect(parts.every(({ hour, ms }) => hour === hourOf(hour) && ms > 0 && ms <= HOUR_MS)).toBe(true);
        expect(new Set(parts.map(({ hour }) => hour)).size).toBe(parts.length);
      }),
    );
    expect(byHour({ from: T0 + 1, to: T0 })).toEqual([]);
  });
});

/** How much time the intervals cover together. */
function covered(intervals: Interval[]): number {
  let [total, until] = [0, 0];
  for (const { from, to } of [...intervals].sort((a, b) => a.from - b.from)) {
    total += Math.max(0, to - Math.max(from, until));
    until = Math.max(until, to);
  }
  return total;
}
