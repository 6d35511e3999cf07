/** Bounds how long something is waited for. What was asked goes on; only its answer is no longer awaited. */

/** What was asked for is not known to have failed: it may still come about. */
export class Late extends Error {
  override readonly name = "Late";
}

/** @throws Late where `work` did not settle within `ms` */
export async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Late(`It did not finish within ${ms / 1000} seconds.`)), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
