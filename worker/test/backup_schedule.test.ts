import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { BackupSchedule } from "../src/schemas/plan";
import { keptFor, nextBackup } from "../src/tenant/backup_schedule";

const HOUR = 3_600_000;
const at = (text: string) => Date.parse(text);
const NOW = at("2026-11-27T12:00:00Z");

const schedules = fc.record(
  {
    every_hours: fc.integer({ min: 6, max: 168 }),
    keep: fc.integer({ min: 1, max: 90 }),
    at_utc: fc.constantFrom("00:00", "02:30", "23:59"),
  },
  { requiredKeys: ["every_hours", "keep"] },
) as fc.Arbitrary<BackupSchedule>;

describe("a schedule of backups", () => {
  it("keeps a daily one a week, and a Sunday's four, where nothing was chosen", () => {
    expect(keptFor(undefined, at("2026-11-27T12:00:00Z"))).toBe(7 * 24 * HOUR);
    expect(keptFor(undefined, at("2026-11-29T12:00:00Z"))).toBe(28 * 24 * HOUR);
  });

  it("keeps as many as were chosen while one follows the other", () => {
    expect(keptFor({ every_hours: 6, keep: 28 }, NOW)).toBe(7 * 24 * HOUR);
  });

  it.each([
    [{ every_hours: 24, at_utc: "02:30", keep: 7 }, "2026-11-28T02:30:00Z"],
    [{ every_hours: 6, at_utc: "02:30", keep: 7 }, "2026-11-27T14:30:00Z"],
    // A week's is made on Sunday.
    [{ every_hours: 168, at_utc: "02:30", keep: 7 }, "2026-11-29T02:30:00Z"],
    // One that is due at this very moment is the one being made.
    [{ every_hours: 24, at_utc: "12:00", keep: 7 }, "2026-11-28T12:00:00Z"],
  ])("%o makes the next one at its time of the day", (schedule, next) => {
    expect(nextBackup(schedule, { now: NOW, due: null, made: false, chance: 0.5 })).toBe(at(next));
  });

  it("lets one that is due stay due, and draws one near that an older schedule had put far away", () => {
    const schedule = { every_hours: 6, keep: 4 };
    const soon = NOW + 5 * HOUR;
    expect(nextBackup(schedule, { now: NOW, due: soon, made: false, chance: 0.5 })).toBe(soon);
    const far = NOW + 20 * HOUR;
    expect(nextBackup(schedule, { now: NOW, due: far, made: false, chance: 0.5 })).toBe(NOW + 6 * HOUR);
  });

  it("always makes the next one ahead and within one and a half of its hours, and asked again says the same", () => {
    fc.assert(
      fc.property(
        schedules,
        fc.integer({ min: 0, max: 4e12 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (s, now, chance) => {
          const next = nextBackup(s, { now, due: null, made: false, chance });
          expect(next).toBeGreaterThan(now);
          expect(next - now).toBeLessThanOrEqual(1.5 * s.every_hours * HOUR + 1);
          expect(nextBackup(s, { now, due: next, made: false, chance: 1 - chance })).toBe(next);
        },
      ),
    );
  });
});
