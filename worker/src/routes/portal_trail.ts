/** `/v1`: the portal tells where its own trail ends, and learns where the tenant's ends. */
import { createRoute, z } from "@hono/zod-openapi";
import { type EdgeApp, errorResponses, jsonContent } from "../edge_app";
import { TellTrail, TrailEnds } from "../schemas/audit";
import { TenantId } from "../schemas/basics";

const tell = createRoute({
  method: "put",
  path: "/v1/tenants/{id}/portal-trail",
  request: { params: z.object({ id: TenantId }), body: { required: true, content: jsonContent(TellTrail) } },
  responses: {
    200: { description: "Noted, or known before; both ends", content: jsonContent(TrailEnds) },
    ...errorResponses(
      "UNAUTHENTICATED",
      "PROOF_REPLAYED",
      "DOOR_FORBIDDEN",
      "TENANT_UNKNOWN",
      "STALE_EPOCH",
      "TRAIL_FORKED",
      "TENANT_DELETED",
      "INVALID_REQUEST",
    ),
  },
});

export function mount(app: EdgeApp): void {
  app.openapi(tell, async (c) => c.json(await c.var.tenant.notePortalTrail(c.req.valid("json")), 200));
}
