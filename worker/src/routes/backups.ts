/** `/v1`: a tenant's backups, and the way back to one. */
import { createRoute, z } from "@hono/zod-openapi";
import { type EdgeApp, errorResponses, jsonContent } from "../edge_app";
import { BackupList, BackupView, OrderBackup, RestoreBackup } from "../schemas/backups";
import { TenantId } from "../schemas/basics";
import { TenantView } from "../schemas/tenant";

const params = z.object({ id: TenantId });
const common = ["UNAUTHENTICATED", "DOOR_FORBIDDEN", "TENANT_UNKNOWN", "TENANT_DELETED"] as const;
const writes = [...common, "PROOF_REPLAYED", "STALE_EPOCH", "INVALID_REQUEST"] as const;

const order = createRoute({
  method: "post",
  path: "/v1/tenants/{id}/backups",
  request: { params, body: { required: true, content: jsonContent(OrderBackup) } },
  responses: {
    202: { description: "The backup is being made; look again", content: jsonContent(BackupView) },
    ...errorResponses(...writes),
  },
});

const list = createRoute({
  method: "get",
  path: "/v1/tenants/{id}/backups",
  request: { params },
  responses: {
    200: { description: "Every backup that is kept, the newest first", content: jsonContent(BackupList) },
    ...errorResponses(...common),
  },
});

const restore = createRoute({
  method: "post",
  path: "/v1/tenants/{id}/restore",
  request: { params, body: { required: true, content: jsonContent(RestoreBackup) } },
  responses: {
    202: {
      description: "The restore is under way as a run; the tenant as it is now",
      content: jsonContent(TenantView),
    },
    ...errorResponses(
      ...writes,
      "IDEMPOTENCY_CONFLICT",
      "BACKUP_NOT_FOUND",
      "BACKUP_NEWER",
      "TENANT_NOT_RUNNING",
      "OPERATION_IN_PROGRESS",
    ),
  },
});

export function mount(app: EdgeApp): void {
  app.openapi(order, async (c) => c.json(await c.var.tenant.orderBackup(c.req.valid("json")), 202));
  app.openapi(list, async (c) => c.json({ backups: await c.var.tenant.backups() }, 200));
  app.openapi(restore, async (c) => c.json(await c.var.tenant.restore(c.req.valid("json")), 202));
}
