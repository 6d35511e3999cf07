/** What this deployment signs about a tenant. */
import { z } from "@hono/zod-openapi";

export const SignedReceipt = z
  .object({
    receipt: z.string().openapi({
      description: "A compact JWS of type edge-receipt+jwt; its key is in /.well-known/jwks.json",
    }),
  })
  .openapi("SignedReceipt");
export type SignedReceipt = z.infer<typeof SignedReceipt>;

const ReceiptKey = z
  .object({
    kty: z.literal("OKP"),
    crv: z.literal("Ed25519"),
    use: z.literal("sig"),
    alg: z.literal("EdDSA"),
    kid: z.string(),
    x: z.string(),
  })
  .openapi("ReceiptKey");

export const ReceiptKeys = z.object({ keys: z.array(ReceiptKey) }).openapi("ReceiptKeys");
