/** When certificates are renewed by themselves. */

const DAY_MS = 24 * 3600 * 1000;
const LONGEST_BEFORE_MS = 30 * DAY_MS;
/** A renewal that failed is begun anew after this long: often enough within any lifetime, seldom enough to bear its restarts. */
export const RENEW_AGAIN_MS = 6 * 3600 * 1000;

/** Where a third of the lifetime is left, at most 30 days; all times in milliseconds since 1970. */
export const renewalAt = (mintedAt: number, notAfter: number): number =>
  notAfter - Math.min((notAfter - mintedAt) / 3, LONGEST_BEFORE_MS);
