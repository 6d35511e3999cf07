/** Waits for a container to serve. */
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 1000;

/**
 * Probes until the container serves, with growing pauses; the tenant object holds the deadline.
 * @param wanted whether it is still waited for
 * @returns whether it serves and was waited for until then
 */
export async function servesOnceReady(serves: () => Promise<boolean>, wanted: () => boolean): Promise<boolean> {
  let pause = FIRST_PAUSE_MS;
  while (wanted()) {
    if (await serves()) return wanted();
    await scheduler.wait(pause);
    pause = Math.min(pause * 1.2, LONGEST_PAUSE_MS);
  }
  return false;
}
