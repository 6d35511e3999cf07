/** When the tenant's own backups are made, and how long each is kept: as the plan says, or a day apart. Pure. */
import type { BackupSchedule } from "../schemas/plan";

const HOUR_MS = 3600 * 1000;
const DAY_MS = 24 * HOUR_MS;
const KEPT_DAYS = 7;
/** A daily one of a Sunday stays four weeks, which makes 7 daily and 4 weekly. */
const WEEKLY_KEPT_DAYS = 28;
const SUNDAY = 0;
/** A Sunday: times of the day are counted from here, so that a week's backup is made on one. */
const FIRST_SUNDAY_MS = Date.UTC(1970, 0, 4);

/** How long one that is made now stays, in milliseconds. @param at milliseconds since 1970 */
export function keptFor(schedule: BackupSchedule | undefined, at: number): number {
  if (schedule) return schedule.keep * schedule.every_hours * HOUR_MS;
  return (new Date(at).getUTCDay() === SUNDAY ? WEEKLY_KEPT_DAYS : KEPT_DAYS) * DAY_MS;
}

/**
 * When the next one is made, in milliseconds since 1970.
 * @param due when it would be made as things stand; null where none is due
 * @param made whether one is made right now
 * @param chance 0 to 1: tenants that were made together do not all save at the same hour
 */
export function nextBackup(
  schedule: BackupSchedule | undefined,
  { now, due, made, chance }: { now: number; due: number | null; made: boolean; chance: number },
): number {
  const every = (schedule?.every_hours ?? 24) * HOUR_MS;
  if (schedule?.at_utc !== undefined) return onTheClock(schedule.at_utc, every, now);
  if (made) return now + every;
  // One that is further away is of a schedule that holds no more.
  if (due !== null && due <= now + 1.5 * every) return due;
  return now + Math.round((0.5 + chance) * every);
}

function onTheClock(at: string, every: number, now: number): number {
  const [hours = 0, minutes = 0] = at.split(":").map(Number);
  const first = FIRST_SUNDAY_MS + hours * HOUR_MS + minutes * 60_000;
  return first + (Math.floor((now - first) / every) + 1) * every;
}
