/**
 * How long containers ran, from what their node objects report. Pure; rows are in usage.ts.
 *
 * All times of a node are its own object's clock, so that no interval mixes two clocks; where that clock is set back, the
 * part that was counted is not counted again.
 */

export const HOUR_MS = 3600 * 1000;

export interface Interval {
  from: number;
  to: number;
}

/** What is known of the newest start of a node. Times in milliseconds since 1970. */
export interface Meter {
  start: number;
  /** Up to here it is counted. */
  counted: number;
  /** Up to here it is known to have run. */
  seen: number;
  ended: boolean;
}

export interface Running {
  start: number;
  startedAt: number;
  /** When the report was made: until then it ran, unless it had ended. */
  at: number;
  /** When it ended, or when it was seen to be gone; null while it runs. */
  endedAt: number | null;
}

/**
 * The meter after a report, with what remains to be counted of an earlier start that it ends.
 *
 * Reports may come twice, late, or never: an earlier start of which no end was told ended at the latest when the next began.
 */
export function metered(before: Meter | null, report: Running): { meter: Meter; earlier: Interval | null } {
  const { start, startedAt, at, endedAt } = report;
  const ended = endedAt !== null;
  const until = endedAt ?? at;
  if (before && start < before.start) return { meter: before, earlier: null };
  if (before?.start === start) {
    if (before.ended) return { meter: before, earlier: null };
    return { meter: { ...before, seen: Math.max(before.seen, until), ended }, earlier: null };
  }
  const earlier = before && { from: before.counted, to: before.ended ? before.seen : Math.max(before.seen, startedAt) };
  const counted = Math.max(startedAt, earlier?.to ?? 0);
  return { meter: { start, counted, seen: Math.max(counted, until), ended }, earlier };
}

/** What is known to have run and is not counted yet, and the meter once it is. */
export function settled(meter: Meter): { meter: Meter; open: Interval } {
  return { meter: { ...meter, counted: meter.seen }, open: { from: meter.counted, to: meter.seen } };
}

/** The hour that a moment lies in, as the moment at which it began. */
export const hourOf = (at: number): number => Math.floor(at / HOUR_MS) * HOUR_MS;

/** The parts of an interval by UTC hour. */
export function byHour({ from, to }: Interval): { hour: number; ms: number }[] {
  const parts = [];
  for (let at = from; at < to; ) {
    const end = Math.min(hourOf(at) + HOUR_MS, to);
    parts.push({ hour: hourOf(at), ms: end - at });
    at = end;
  }
  return parts;
}
