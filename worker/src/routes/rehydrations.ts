/** `/v1`: archived days that can be searched again. */
import { createRoute, z } from "@hono/zod-openapi";
import { type EdgeApp, errorResponses, jsonContent } from "../edge_app";
import { OrderRehydration, RehydrationList, RehydrationView } from "../schemas/backups";
import { TenantId } from "../schemas/basics";

const params = z.object({ id: TenantId });
const common = ["UNAUTHENTICATED", "DOOR_FORBIDDEN", "TENANT_UNKNOWN", "TENANT_DELETED"] as const;
const refusals = ["DAY_NOT_ARCHIVED", "DAY_DOES_NOT_FIT", "NODE_NOT_RUNNING", "TENANT_ASLEEP"] as const;
const writes = ["PROOF_REPLAYED", "STALE_EPOCH", "IDEMPOTENCY_CONFLICT", "INVALID_REQUEST"] as const;

const order = createRoute({
  method: "post",
  path: "/v1/tenants/{id}/rehydrations",
  request: { params, body: { required: true, content: jsonContent(OrderRehydration) } },
  responses: {
    202: { description: "The day is being loaded; look again", content: jsonContent(RehydrationView) },
    ...errorResponses(...common, ...writes, ...refusals),
  },
});

const list = createRoute({
  method: "get",
  path: "/v1/tenants/{id}/rehydrations",
  request: { params },
  responses: {
    200: { description: "Every day that was loaded, the newest first", content: jsonContent(RehydrationList) },
    ...errorResponses(...common),
  },
});

export function mount(app: EdgeApp): void {
  app.openapi(order, async (c) => c.json(await c.var.tenant.rehydrate(c.req.valid("json")), 202));
  app.openapi(list, async (c) => c.json({ rehydrations: await c.var.tenant.rehydrations() }, 200));
}
