/** Which days lie in the indexer. */
const DAY_MS = 24 * 3600 * 1000;

/** The first moment of so many days, that of `now` among them (UTC, as in indices' names). */
export const searchableFrom = (days: number, now: number): number => (Math.floor(now / DAY_MS) - (days - 1)) * DAY_MS;
