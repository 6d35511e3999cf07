/** `/v1`: what is ordered of agents that are there: their groups, an upgrade, their removal. */
import { createRoute, z } from "@hono/zod-openapi";
import { type EdgeApp, errorResponses, jsonContent } from "../edge_app";
import { AgentOrder, AgentOrderView, OrderId } from "../schemas/agent_orders";
import { TenantId } from "../schemas/basics";

const OfOrder = z.object({ id: TenantId, order: OrderId });
const order = { description: "The order, with what became of it for each agent", content: jsonContent(AgentOrderView) };
const common = ["UNAUTHENTICATED", "DOOR_FORBIDDEN", "TENANT_UNKNOWN", "INVALID_REQUEST", "TENANT_DELETED"] as const;

const putOrder = createRoute({
  method: "put",
  path: "/v1/tenants/{id}/agent-orders/{order}",
  request: { params: OfOrder, body: { content: jsonContent(AgentOrder), required: true } },
  responses: { 202: order, ...errorResponses(...common, "AGENT_ORDER_CONFLICT", "STALE_EPOCH") },
});

const getOrder = createRoute({
  method: "get",
  path: "/v1/tenants/{id}/agent-orders/{order}",
  request: { params: OfOrder },
  responses: { 200: order, ...errorResponses(...common, "AGENT_ORDER_NOT_FOUND") },
});

export function mount(app: EdgeApp): void {
  app.openapi(putOrder, async (c) => {
    return c.json(await c.var.tenant.orderOfAgents(c.req.valid("param").order, c.req.valid("json")), 202);
  });
  app.openapi(getOrder, async (c) => c.json(await c.var.tenant.agentOrder(c.req.valid("param").order), 200));
}
