/** Rotating a tenant's certificates: for the control plane by id, for people and integrations by their credential. */
import { createRoute, z } from "@hono/zod-openapi";
import { verifyScoped } from "../auth/scoped";
import { type EdgeApp, errorResponses, jsonContent } from "../edge_app";
import { OperationId, TenantId } from "../schemas/basics";
import { RotateCertificates } from "../schemas/orders";
import { TenantView } from "../schemas/tenant";
import { tenantAnswering } from "../tenants";

const REFUSALS = [
  "TENANT_NOT_RUNNING",
  "TENANT_ASLEEP",
  "OPERATION_IN_PROGRESS",
  "BAD_REQUEST",
  "INVALID_REQUEST",
] as const;

const Asked = z
  .strictObject({ idempotency_key: z.string().min(1).max(128) })
  .openapi("AskRotation", { description: "The same key again is the same rotation, whatever became of it" });

const Begun = z
  .object({ operation_id: OperationId })
  .openapi("Rotation", { description: "The portal shows the operation under this id" });

const rotate = createRoute({
  method: "post",
  path: "/v1/tenants/{id}/certs/rotate",
  request: {
    params: z.object({ id: TenantId }),
    body: { required: true, content: jsonContent(RotateCertificates) },
  },
  responses: {
    202: {
      description: "The rotation is under way or known; the tenant as it is now",
      content: jsonContent(TenantView),
    },
    ...errorResponses(
      ...REFUSALS,
      "UNAUTHENTICATED",
      "PROOF_REPLAYED",
      "DOOR_FORBIDDEN",
      "TENANT_UNKNOWN",
      "STALE_EPOCH",
      "GENERATION_CONFLICT",
      "TENANT_DELETED",
    ),
  },
});

const ask = createRoute({
  method: "post",
  path: "/api/certs/rotate",
  request: { body: { required: true, content: jsonContent(Asked) } },
  responses: {
    202: { description: "The rotation is under way or known", content: jsonContent(Begun) },
    ...errorResponses(...REFUSALS, "UNAUTHENTICATED", "ADDRESS_REFUSED", "RATE_LIMITED"),
  },
});

export function mount(app: EdgeApp): void {
  app.openapi(rotate, async (c) => c.json(await c.var.tenant.rotateCertificates(c.req.valid("json")), 202));
  app.openapi(ask, async (c) => {
    const { tenant, claims } = await verifyScoped(c.var.settings, c.req.raw.headers, "certs:rotate");
    const { idempotency_key } = c.req.valid("json");
    return c.json(await tenantAnswering(c, tenant).rotateCertificatesFor(claims, idempotency_key), 202);
  });
}
