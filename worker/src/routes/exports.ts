/** `/v1`: a tenant's exports, and their files. */
import { createRoute, z } from "@hono/zod-openapi";
import { type EdgeApp, errorResponses, jsonContent } from "../edge_app";
import { TenantId } from "../schemas/basics";
import { ExportId, ExportList, ExportManifest, ExportView, OrderExport } from "../schemas/exports";
import { readFile } from "../tenant/exports/files";

const OfTenant = z.object({ id: TenantId });
const OfExport = OfTenant.extend({ export: ExportId });
const OfFile = OfExport.extend({ number: z.coerce.number().int().min(1).max(Number.MAX_SAFE_INTEGER) });
const bothKeys = ["UNAUTHENTICATED", "TENANT_UNKNOWN", "TENANT_DELETED"] as const;
const common = [...bothKeys, "DOOR_FORBIDDEN"] as const;
const ofOne = [...bothKeys, "EXPORT_NOT_FOUND", "INVALID_REQUEST"] as const;
const NDJSON = z
  .string()
  .openapi({ format: "binary", description: "The file; its name and SHA-256 are the manifest's" });

const order = createRoute({
  method: "put",
  path: "/v1/tenants/{id}/exports/{export}",
  request: { params: OfExport, body: { required: true, content: jsonContent(OrderExport) } },
  responses: {
    202: { description: "The export is being made; the same again is the same one", content: jsonContent(ExportView) },
    ...errorResponses(...common, "INVALID_REQUEST", "PROOF_REPLAYED", "STALE_EPOCH", "EXPORT_IN_PROGRESS"),
  },
});

const list = createRoute({
  method: "get",
  path: "/v1/tenants/{id}/exports",
  request: { params: OfTenant },
  responses: {
    200: { description: "Every export that has not expired, the newest first", content: jsonContent(ExportList) },
    ...errorResponses(...common),
  },
});

const manifest = createRoute({
  method: "get",
  path: "/v1/tenants/{id}/exports/{export}",
  request: { params: OfExport },
  responses: {
    200: { description: "One export with its files", content: jsonContent(ExportManifest) },
    ...errorResponses(...ofOne),
  },
});

const file = createRoute({
  method: "get",
  path: "/v1/tenants/{id}/exports/{export}/files/{number}",
  request: { params: OfFile },
  responses: {
    200: { description: "One file of an export", content: { "application/octet-stream": { schema: NDJSON } } },
    ...errorResponses(...ofOne),
  },
});

export function mount(app: EdgeApp): void {
  app.openapi(order, async (c) =>
    c.json(await c.var.tenant.orderExport(c.req.valid("param").export, c.req.valid("json")), 202),
  );
  app.openapi(list, async (c) => c.json({ exports: await c.var.tenant.exports() }, 200));
  app.openapi(manifest, async (c) => c.json(await c.var.tenant.exportManifest(c.req.valid("param").export), 200));
  app.openapi(file, async (c) => {
    const { id, export: name, number } = c.req.valid("param");
    await c.var.tenant.requireExportFile(name, number);
    return c.body(await readFile(c.env, id, name, number), 200, { "content-type": "application/octet-stream" });
  });
}
