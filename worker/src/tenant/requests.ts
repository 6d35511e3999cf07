/** Which request a tenant object works for, so that what it writes down can be joined with the logs of Worker and portal. */
import { AsyncLocalStorage } from "node:async_hooks";

const current = new AsyncLocalStorage<string>();

/** Does the work as part of a request. @param request its id; undefined from callers of the version before */
export function during<T>(request: string | undefined, work: () => T): T {
  return request === undefined ? work() : current.run(request, work);
}

/** The id of the request that this is done for; null for what the object does by itself. */
export const requestUnderWay = (): string | null => current.getStore() ?? null;
