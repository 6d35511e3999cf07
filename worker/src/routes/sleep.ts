/** `/v1`: sending a tenant to sleep that nobody uses, and waking it without a request of its own. */
import { createRoute, z } from "@hono/zod-openapi";
import { type EdgeApp, errorResponses, jsonContent } from "../edge_app";
import type { ErrorCode } from "../errors";
import { TenantId } from "../schemas/basics";
import { ChangeSleep } from "../schemas/orders";
import { TenantView } from "../schemas/tenant";

const routeOf = <P extends string>(path: P, description: string, own: ErrorCode[]) =>
  createRoute({
    method: "post",
    path,
    request: {
      params: z.object({ id: TenantId }),
      body: { required: true, content: jsonContent(ChangeSleep) },
    },
    responses: {
      202: { description, content: jsonContent(TenantView) },
      ...errorResponses(
        ...own,
        "UNAUTHENTICATED",
        "PROOF_REPLAYED",
        "DOOR_FORBIDDEN",
        "TENANT_UNKNOWN",
        "TENANT_NOT_RUNNING",
        "OPERATION_IN_PROGRESS",
        "STALE_EPOCH",
        "GENERATION_CONFLICT",
        "TENANT_DELETED",
        "INVALID_REQUEST",
      ),
    },
  });

const sleep = routeOf("/v1/tenants/{id}/sleep", "The nodes stop; the tenant as it is now", [
  "AGENTS_CONNECTED",
  "DASHBOARD_IN_USE",
  "ACTIVITY_UNKNOWN",
]);

const wake = routeOf("/v1/tenants/{id}/wake", "The nodes start, or are verified; the tenant as it is now", []);

export function mount(app: EdgeApp): void {
  app.openapi(sleep, async (c) => c.json(await c.var.tenant.fallAsleep(c.req.valid("json")), 202));
  app.openapi(wake, async (c) => c.json(await c.var.tenant.wakeUp(c.req.valid("json")), 202));
}
