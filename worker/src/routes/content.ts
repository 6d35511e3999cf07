/** `/v1`: custom content of a tenant's managers, and the test of one event against what they have. */
import { createRoute, z } from "@hono/zod-openapi";
import { type EdgeApp, errorResponses, jsonContent } from "../edge_app";
import { TenantId } from "../schemas/basics";
import { AskLogtest, ContentDigest, LogtestResult, PutContent, StoredContent } from "../schemas/content";

const bothKeys = ["UNAUTHENTICATED", "PROOF_REPLAYED", "TENANT_UNKNOWN", "TENANT_DELETED"] as const;
const stored = (description: string) => ({ description, content: jsonContent(StoredContent) });

const put = createRoute({
  method: "put",
  path: "/v1/tenants/{id}/content/{digest}",
  request: {
    params: z.object({ id: TenantId, digest: ContentDigest }),
    body: { required: true, content: jsonContent(PutContent) },
  },
  responses: {
    201: stored("Stored; a plan can name it from now on"),
    200: stored("It was stored before"),
    ...errorResponses(...bothKeys, "DOOR_FORBIDDEN", "INVALID_REQUEST", "CONTENT_MISMATCH"),
  },
});

const test = createRoute({
  method: "post",
  path: "/v1/tenants/{id}/logtest",
  request: { params: z.object({ id: TenantId }), body: { required: true, content: jsonContent(AskLogtest) } },
  responses: {
    200: { description: "What the event would come to", content: jsonContent(LogtestResult) },
    ...errorResponses(
      ...bothKeys,
      "INVALID_REQUEST",
      "TENANT_NOT_RUNNING",
      "LOGTEST_REFUSED",
      "RATE_LIMITED",
      "TENANT_ASLEEP",
      "NODE_NOT_RUNNING",
      "MANAGER_REFUSED",
    ),
  },
});

export function mount(app: EdgeApp): void {
  app.openapi(put, async (c) => {
    const { created, content } = await c.var.tenant.putContent(c.req.valid("param").digest, c.req.valid("json"));
    return c.json(content, created ? 201 : 200);
  });
  app.openapi(test, async (c) => c.json(await c.var.tenant.logtest(c.req.valid("json")), 200));
}
