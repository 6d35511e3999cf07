/** What operators of the platform may do to a tenant, by name. */
import { z } from "@hono/zod-openapi";
import { IdempotencyKey, OperationId, orNull, TenantId } from "./basics";

export const OperatorAction = z
  .enum(["look-again", "wake", "back-up", "rotate-certificates", "rotate-credentials", "end-access"])
  .openapi("OperatorAction");
export type OperatorAction = z.infer<typeof OperatorAction>;

export const OrderAction = z
  .strictObject({
    idempotency_key: IdempotencyKey,
    reason: z.string().trim().min(8, "must say why, in at least 8 characters").max(500),
  })
  .openapi("OrderAction", { description: "The same key again is the same action, whatever became of it" });
export type OrderAction = z.infer<typeof OrderAction>;

/** Nothing of the tenant's: whoever operates the platform learns here what was begun, and no more. */
export const ActionTaken = z
  .object({
    tenant: TenantId,
    action: OperatorAction,
    operation_id: orNull(OperationId).openapi({
      description: "Under which the portal shows it; null for what is done",
    }),
  })
  .openapi("ActionTaken");
export type ActionTaken = z.infer<typeof ActionTaken>;
