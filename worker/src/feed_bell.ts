/** One object a cell that ends the waiting of polls: whoever adds to the changes feed rings it. Keeps nothing on disk. */
import { DurableObject } from "cloudflare:workers";
import type { Env } from "./bindings";

export class FeedBell extends DurableObject<Env> {
  #rings = 0;
  #waiting = new Set<() => void>();

  /** How often it rang since it woke. Read it before looking at the feed, and wait past it afterwards. */
  rings(): number {
    return this.#rings;
  }

  ring(): void {
    this.#rings += 1;
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }

  /** Resolves at the next ring, at once if it rang since `seen` (or woke anew), and after `ms` at the latest. */
  async waitPast(seen: number, ms: number): Promise<void> {
    if (this.#rings !== seen) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    await new Promise<void>((resolve) => {
      this.#waiting.add(resolve);
      timer = setTimeout(() => {
        this.#waiting.delete(resolve);
        resolve();
      }, ms);
    });
    clearTimeout(timer);
  }
}

const bellOf = (env: Env) => env.FEED_BELL.getByName("changes");

export const ringFeed = (env: Env): Promise<void> => bellOf(env).ring();
export const feedRings = (env: Env): Promise<number> => bellOf(env).rings();
export const waitForFeed = (env: Env, seen: number, ms: number): Promise<void> => bellOf(env).waitPast(seen, ms);
