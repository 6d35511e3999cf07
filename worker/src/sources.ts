/** Bounds how often one source comes to the doors that strangers may knock at, before a tenant's object is touched. */
import { clientAddress, sourceOf } from "./auth/address";
import type { EdgeContext } from "./edge_app";
import { EdgeError } from "./errors";

/** The period of the binding in `wrangler.jsonc`; it tells nobody how much of it is left. */
const PERIOD_S = 60;

/**
 * Counts a request by Cloudflare's own limiter: for each of its locations, and not exactly. What is exact is counted by
 * the tenant object, which this keeps from being flooded.
 * @throws EdgeError RATE_LIMITED
 */
export async function countSource(c: EdgeContext, door: "enroll" | "tunnel" | "session"): Promise<void> {
  const key = `${door}:${sourceOf(clientAddress(c.req.raw.headers))}`;
  const { success } = (await c.env.SOURCE_LIMIT?.limit({ key })) ?? { success: true };
  if (success) return;
  throw new EdgeError("RATE_LIMITED", "There were too many requests from this address.", undefined, PERIOD_S);
}
