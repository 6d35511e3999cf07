/** Signed receipts about a tenant for the portal, and the public keys that they are verified with, for everybody. */
import { createRoute, z } from "@hono/zod-openapi";
import { receiptKeys } from "../auth/receipt_keys";
import { type EdgeApp, errorResponses, jsonContent } from "../edge_app";
import { TenantId } from "../schemas/basics";
import { ReceiptKeys, SignedReceipt } from "../schemas/receipts";

const params = z.object({ id: TenantId });
const signed = (description: string) => ({ description, content: jsonContent(SignedReceipt) });

const erasure = createRoute({
  method: "get",
  path: "/v1/tenants/{id}/erasure-certificate",
  request: { params },
  responses: {
    200: signed("What was destroyed, when and by whose order, and what remains"),
    ...errorResponses("UNAUTHENTICATED", "DOOR_FORBIDDEN", "TENANT_UNKNOWN", "NOT_ERASED"),
  },
});

const isolation = createRoute({
  method: "get",
  path: "/v1/tenants/{id}/isolation-receipt",
  request: { params },
  responses: {
    200: signed("What is this tenant's alone, as it is now"),
    ...errorResponses("UNAUTHENTICATED", "DOOR_FORBIDDEN", "TENANT_UNKNOWN", "TENANT_DELETED"),
  },
});

const keys = createRoute({
  method: "get",
  path: "/.well-known/jwks.json",
  responses: {
    200: { description: "The public keys of receipts (RFC 7517)", content: jsonContent(ReceiptKeys) },
    ...errorResponses(),
  },
});

export function mount(app: EdgeApp): void {
  app.openapi(erasure, async (c) => c.json(await c.var.tenant.erasureCertificate(), 200));
  app.openapi(isolation, async (c) => c.json(await c.var.tenant.isolationReceipt(), 200));
  app.openapi(keys, async (c) => {
    const headers = { "cache-control": "public, max-age=300" };
    return c.json({ keys: await receiptKeys(c.var.settings) }, 200, headers);
  });
}
