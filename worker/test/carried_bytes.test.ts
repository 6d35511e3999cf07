import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { CarriedBytes } from "../src/tunnel/carried_bytes";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function counting() {
  const kept: Record<string, number>[] = [];
  return { kept, carried: new CarriedBytes((sums) => void kept.push(Object.fromEntries(sums))) };
}

it("keeps what was carried once a minute, however many frames it came in", () => {
  const { kept, carried } = counting();
  for (let frame = 0; frame < 1000; frame++) carried.add("up", 10);
  carried.add("down", 3);
  vi.advanceTimersByTime(59_999);
  expect(kept).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(kept).toEqual([{ up: 10_000, down: 3 }]);
  vi.advanceTimersByTime(600_000);
  expect(kept).toHaveLength(1);
  carried.add("down", 1);
  vi.advanceTimersByTime(60_000);
  expect(kept.at(-1)).toEqual({ down: 1 });
});

it("keeps what is in memory when it is asked for, and not again", () => {
  const { kept, carried } = counting();
  carried.add("up", 10);
  carried.keep();
  carried.keep();
  vi.advanceTimersByTime(60_000);
  expect(kept).toEqual([{ up: 10 }]);
});

it("keeps nothing more once its object forgot everything", () => {
  const { kept, carried } = counting();
  carried.add("up", 10);
  carried.end();
  carried.add("up", 10);
  vi.advanceTimersByTime(60_000);
  expect(kept).toEqual([]);
});
