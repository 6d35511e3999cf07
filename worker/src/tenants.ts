/** The way from a tenant id in a request to its object. */
import type { EdgeContext } from "./edge_app";
import { EdgeError } from "./errors";
import { isTenantId } from "./ids";
import type { TenantObject } from "./tenant/tenant_object";
import type { Answer } from "./tenant/tenant_traffic";

/**
 * The tenant object of an id.
 * @throws EdgeError TENANT_UNKNOWN for an id that no control plane made; a guess must not make an object.
 */
export function tenantStub(c: EdgeContext, id: string): DurableObjectStub<TenantObject> {
  if (!isTenantId(c.var.settings, id)) throw new EdgeError("TENANT_UNKNOWN", "No tenant has this id.");
  return tenantAnswering(c, id);
}

/**
 * A tenant object whose refusals come back as values and are thrown here. Thrown inside the object they would cross as
 * rejected calls, which the runtime logs as uncaught exceptions: every mistyped token would look like a fault. The
 * request's id goes along.
 * @param id checked before
 */
export function tenantAnswering(c: EdgeContext, id: string): DurableObjectStub<TenantObject> {
  const stub = c.env.TENANT.getByName(id);
  return new Proxy(stub, {
    get(_target, method) {
      // A promise-like stub would be called when it is awaited.
      if (typeof method !== "string" || method === "then") return undefined;
      return async (...parameters: unknown[]) => {
        const answer = (await stub.answer(method, parameters, c.var.requestId)) as Answer;
        if (!("refused" in answer)) return answer.told;
        const { code, message, details, retryAfterS } = answer.refused;
        throw new EdgeError(code, message, details, retryAfterS);
      };
    },
  });
}
