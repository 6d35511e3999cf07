/** Exchanging the passwords of a tenant's nodes. */
import { createRoute, z } from "@hono/zod-openapi";
import { type EdgeApp, errorResponses, jsonContent } from "../edge_app";
import { TenantId } from "../schemas/basics";
import { RotateCredentials } from "../schemas/orders";
import { TenantView } from "../schemas/tenant";

const rotate = createRoute({
  method: "post",
  path: "/v1/tenants/{id}/credentials/rotate",
  request: {
    params: z.object({ id: TenantId }),
    body: { required: true, content: jsonContent(RotateCredentials) },
  },
  responses: {
    202: {
      description: "The rotation is under way or known; the tenant as it is now",
      content: jsonContent(TenantView),
    },
    ...errorResponses(
      "UNAUTHENTICATED",
      "PROOF_REPLAYED",
      "DOOR_FORBIDDEN",
      "BAD_REQUEST",
      "INVALID_REQUEST",
      "TENANT_UNKNOWN",
      "TENANT_DELETED",
      "TENANT_NOT_RUNNING",
      "TENANT_ASLEEP",
      "OPERATION_IN_PROGRESS",
      "STALE_EPOCH",
      "GENERATION_CONFLICT",
    ),
  },
});

export function mount(app: EdgeApp): void {
  app.openapi(rotate, async (c) => c.json(await c.var.tenant.rotateCredentials(c.req.valid("json")), 202));
}
