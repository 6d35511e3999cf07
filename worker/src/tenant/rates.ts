/** The doors' rates at one tenant. Kept in memory: an object that begins anew has forgotten them, which lets nobody in. */
import { EdgeError } from "../errors";
import { RATES, RateCounter, type RateName } from "../rates";
import type { TenantContext } from "./context";

const counters = new WeakMap<TenantContext, RateCounter>();

function counterOf(ctx: TenantContext): RateCounter {
  const known = counters.get(ctx) ?? new RateCounter(() => ctx.now(), ctx.settings.rateLimits);
  counters.set(ctx, known);
  return known;
}

/**
 * Counts one use. Only whoever has proved a right to it is counted: else strangers would use up a tenant's share.
 * @throws EdgeError RATE_LIMITED, and counts nothing
 */
export function spend(ctx: TenantContext, rate: RateName, key = ""): void {
  refuseAbove(ctx, rate, key);
  counterOf(ctx).count(rate, key);
}

/** @throws EdgeError RATE_LIMITED for an address that guessed too often, also where its next guess were right */
export function refuseGuesser(ctx: TenantContext, rate: RateName, address: string): void {
  refuseAbove(ctx, rate, address);
}

export function noteGuess(ctx: TenantContext, rate: RateName, address: string): void {
  counterOf(ctx).count(rate, address);
}

function refuseAbove(ctx: TenantContext, rate: RateName, key: string): void {
  const counter = counterOf(ctx);
  const seconds = counter.wait(rate, key);
  if (seconds === 0) return;
  const message = `There were more than ${counter.limitOf(rate)} ${RATES[rate].of} in a minute.`;
  throw new EdgeError("RATE_LIMITED", message, undefined, seconds);
}
