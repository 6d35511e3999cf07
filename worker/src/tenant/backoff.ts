/** How long to wait after a failure. */

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 60_000;
const GROWTH = 3;

/**
 * The pause after the `failures`-th failure in a row, in milliseconds, spread by a fifth either way so that tenants that
 * failed together do not return together.
 * @param chance a number in [0, 1)
 */
export function pauseAfter(failures: number, chance: number): number {
  const pause = Math.min(FIRST_PAUSE_MS * GROWTH ** (failures - 1), LONGEST_PAUSE_MS);
  return Math.round(pause * (0.8 + 0.4 * chance));
}
