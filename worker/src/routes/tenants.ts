/** The tenants of this cell: what is wanted of each, and what is. */
import { createRoute, z } from "@hono/zod-openapi";
import { type EdgeApp, errorResponses, jsonContent } from "../edge_app";
import { EdgeError, faultsOf } from "../errors";
import { TenantId } from "../schemas/basics";
import { DeleteTenant, PutTenant } from "../schemas/orders";
import { TenantPage, TenantView } from "../schemas/tenant";
import { tenantsAfter } from "../store";
import { tenantStub } from "../tenants";

const params = z.object({ id: TenantId });
const answer = (description: string) => ({ description, content: jsonContent(TenantView) });
const DOOR_ERRORS = ["UNAUTHENTICATED", "DOOR_FORBIDDEN"] as const;

const put = createRoute({
  method: "put",
  path: "/v1/tenants/{id}",
  request: { params, body: { required: true, content: jsonContent(PutTenant) } },
  responses: {
    202: answer("Stored; the tenant as it is now"),
    ...errorResponses(
      ...DOOR_ERRORS,
      "BAD_REQUEST",
      "PROOF_REPLAYED",
      "TENANT_UNKNOWN",
      "STALE_GENERATION",
      "GENERATION_CONFLICT",
      "TENANT_DELETED",
      "BODY_TOO_LARGE",
      "INVALID_REQUEST",
      "INVALID_PLAN",
      "UNKNOWN_VERSION",
      "CLONE_REFUSED",
      "PLAN_TOO_LARGE",
      "CONTENT_MISSING",
      "CONTENT_UNSUPPORTED",
    ),
  },
});

const get = createRoute({
  method: "get",
  path: "/v1/tenants/{id}",
  request: { params },
  responses: { 200: answer("The tenant as it is now"), ...errorResponses(...DOOR_ERRORS, "TENANT_UNKNOWN") },
});

const remove = createRoute({
  method: "delete",
  path: "/v1/tenants/{id}",
  request: { params, body: { required: true, content: jsonContent(DeleteTenant) } },
  responses: {
    202: answer("The deletion is under way or done; a tombstone stays"),
    ...errorResponses(
      ...DOOR_ERRORS,
      "BAD_REQUEST",
      "PROOF_REPLAYED",
      "TENANT_UNKNOWN",
      "STALE_GENERATION",
      "GENERATION_CONFLICT",
      "INVALID_REQUEST",
    ),
  },
});

const list = createRoute({
  method: "get",
  path: "/v1/tenants",
  request: {
    query: z.object({
      after: z.string().max(26).default(""),
      limit: z.coerce.number().int().min(1).max(500).default(100),
    }),
  },
  responses: {
    200: { description: "Tenants by id, tombstones among them", content: jsonContent(TenantPage) },
    ...errorResponses(...DOOR_ERRORS, "INVALID_REQUEST"),
  },
});

export function mount(app: EdgeApp): void {
  app.openapi(
    put,
    async (c) => {
      const body = c.req.valid("json");
      // A guessed source must not make an object.
      if (body.from) tenantStub(c, body.from.tenant);
      return c.json(await c.var.tenant.put(body), 202);
    },
    (result) => {
      if (result.success) return;
      const faults = faultsOf(result.error);
      const ofPlan = faults.every((fault) => fault.path === "plan" || fault.path.startsWith("plan."));
      throw new EdgeError(
        ofPlan ? "INVALID_PLAN" : "INVALID_REQUEST",
        "The tenant's description does not fit.",
        faults,
      );
    },
  );
  app.openapi(get, async (c) => c.json(await c.var.tenant.view(), 200));
  app.openapi(remove, async (c) => c.json(await c.var.tenant.remove(c.req.valid("json")), 202));
  app.openapi(list, async (c) => {
    const { after, limit } = c.req.valid("query");
    return c.json(await tenantsAfter(c.env.WAZUH_META, after, limit), 200);
  });
}
