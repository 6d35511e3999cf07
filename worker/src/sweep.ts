/** The cron's work, in small pages: wake objects that nobody has looked at, and forget what is old in the feeds. */
import type { Env } from "./bindings";
import { log } from "./log";
import { pruneChanges, takeForSweep } from "./store";
import { pruneUsage } from "./usage_store";

const PAGE = 20;
/** One run of the cron stays small; the next goes on. After a reboot there is no next, and everybody waits. */
const PAGES = 10;
/** A tenant object looks after itself by its alarm; the sweep is for alarms that were lost. */
const LEFT_ALONE_MS = 5 * 60_000;
/** Sent by the local launcher at its start, when the containers of all tenants are gone. */
const REBOOT = "@reboot";

export async function sweep(env: Env, cron: string, now: number): Promise<void> {
  const [before, pages] = cron === REBOOT ? [now, Number.POSITIVE_INFINITY] : [now - LEFT_ALONE_MS, PAGES];
  for (let page = 0; page < pages; page++) {
    const ids = await takeForSweep(env.WAZUH_META, now, before, PAGE);
    const woken = await Promise.allSettled(ids.map((id) => env.TENANT.getByName(id).wake()));
    for (const [index, result] of woken.entries()) {
      if (result.status === "rejected")
        log("warn", "a tenant was not woken", { tenant: ids[index], error: String(result.reason) });
    }
    if (ids.length < PAGE) break;
  }
  await pruneChanges(env.WAZUH_META, now);
  await pruneUsage(env.WAZUH_META, now);
}
