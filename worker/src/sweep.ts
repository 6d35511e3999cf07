/** The cron's work, in small pages: wake objects that nobody has looked at, and forget what is old in the feeds. */
import { type Env, settingsOf } from "./bindings";
import { log } from "./log";
import { pruneChanges, takeForRewrap, takeForSweep } from "./store";
import type { TenantObject } from "./tenant/tenant_object";
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
  const { current } = settingsOf(env).dataKeys;
  const overdue = () => takeForSweep(env.WAZUH_META, now, before, PAGE);
  await inPages(env, pages, overdue, (tenant) => tenant.wake());
  // A tenant that rests rings no alarm, yet holds on to its key like any other.
  const underOtherKeys = () => takeForRewrap(env.WAZUH_META, current, now, now - LEFT_ALONE_MS, PAGE);
  await inPages(env, PAGES, underOtherKeys, (tenant) => tenant.lookAfterKey());
  await pruneChanges(env.WAZUH_META, now);
  await pruneUsage(env.WAZUH_META, now);
}

/** @param take the next page of tenants; one that is not full is the last */
async function inPages(
  env: Env,
  pages: number,
  take: () => Promise<string[]>,
  reach: (tenant: DurableObjectStub<TenantObject>) => Promise<void>,
): Promise<void> {
  for (let page = 0; page < pages; page++) {
    const ids = await take();
    const reached = await Promise.allSettled(ids.map((id) => reach(env.TENANT.getByName(id))));
    for (const [index, result] of reached.entries()) {
      if (result.status === "rejected")
        log("warn", "a tenant was not woken", { tenant: ids[index], error: String(result.reason) });
    }
    if (ids.length < PAGE) break;
  }
}
