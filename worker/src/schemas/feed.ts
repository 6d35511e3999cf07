/** What the control plane reads of all tenants at once. */
import { z } from "@hono/zod-openapi";
import { TenantId, Time } from "./basics";

const KeyUse = z.object({ kek: z.string(), tenants: z.int().min(0) });
export type KeyUse = z.infer<typeof KeyUse>;

export const KeysView = z
  .object({
    current: z.string().openapi({ description: "The key that wraps from now on" }),
    configured: z.array(z.string()).openapi({ description: "All that the edge was given" }),
    in_use: z.array(KeyUse).openapi({ description: "Keys that tenants need; none of them may be taken away" }),
    unknown: z.int().min(0).openapi({ description: "Tenants that have not said yet which key they need" }),
  })
  .openapi("Keys");

export const ChangeKind = z.enum([
  ...(["tenant", "enrollment", "token", "refusal", "dashboard", "certificate", "health"] as const),
  "backup",
  "export",
  "agent_order",
  "agent_silence",
  "alerts",
]);
export type ChangeKind = z.infer<typeof ChangeKind>;

export const Change = z
  .object({
    seq: z.int(),
    tenant: TenantId,
    object_seq: z.int(),
    kind: ChangeKind,
    at: Time,
    data: z.record(z.string(), z.unknown()),
  })
  .openapi("Change");
export type Change = z.infer<typeof Change>;

export const ChangePage = z
  .object({ feed_epoch: z.string(), oldest_seq: z.int(), latest_seq: z.int(), changes: z.array(Change) })
  .openapi("ChangePage");
export type ChangePage = z.infer<typeof ChangePage>;
