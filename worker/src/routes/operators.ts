/** Operators' actions on a tenant: named, each with a reason, and recorded in the tenant's own audit trail. */
import { createRoute, z } from "@hono/zod-openapi";
import { type EdgeApp, errorResponses, jsonContent } from "../edge_app";
import { TenantId } from "../schemas/basics";
import { ActionTaken, OperatorAction, OrderAction } from "../schemas/operators";
import { tenantStub } from "../tenants";

const act = createRoute({
  method: "post",
  path: "/operators/tenants/{id}/actions/{action}",
  request: {
    params: z.object({ id: TenantId, action: OperatorAction }),
    body: { required: true, content: jsonContent(OrderAction) },
  },
  responses: {
    202: { description: "It is done or under way", content: jsonContent(ActionTaken) },
    ...errorResponses(
      ...(["OPERATOR_REFUSED", "NOT_CONFIGURED", "NOT_READY", "RATE_LIMITED", "INVALID_REQUEST"] as const),
      ...(["TENANT_UNKNOWN", "TENANT_DELETED", "TENANT_NOT_RUNNING", "TENANT_ASLEEP"] as const),
      ...(["OPERATION_IN_PROGRESS", "IDEMPOTENCY_CONFLICT"] as const),
    ),
  },
});

export function mount(app: EdgeApp): void {
  app.openapi(act, async (c) => {
    const { id, action } = c.req.valid("param");
    const order = { ...c.req.valid("json"), action, operator: c.var.operator };
    return c.json(await tenantStub(c, id).operatorActs(order), 202);
  });
}
