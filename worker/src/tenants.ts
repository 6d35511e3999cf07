/** The way from a tenant id in a request to its object. */
import type { EdgeContext } from "./edge_app";
import { EdgeError } from "./errors";
import { isTenantId } from "./ids";
import type { TenantObject } from "./tenant/tenant_object";

/**
 * The tenant object of an id.
 * @throws EdgeError TENANT_UNKNOWN for an id that no control plane made; a guess must not make an object.
 */
export function tenantStub(c: EdgeContext, id: string): DurableObjectStub<TenantObject> {
  if (!isTenantId(c.var.settings, id)) throw new EdgeError("TENANT_UNKNOWN", "No tenant has this id.");
  return c.env.TENANT.getByName(id);
}
