/** What tenants used, as it crosses the wire. */
import { z } from "@hono/zod-openapi";
import { orNull, TenantId, Time } from "./basics";
import { Instance, Role } from "./plan";

export const UsageKind = z.enum([
  "container_seconds",
  "ingested_bytes",
  "alerts",
  "tunnel_bytes_up",
  "tunnel_bytes_down",
  "agents_enrolled",
  "agents_active",
  "disk_used_bytes",
]);
export type UsageKind = z.infer<typeof UsageKind>;

export const Usage = z
  .object({
    seq: z.int(),
    tenant: TenantId,
    object_seq: z
      .int()
      .openapi({ description: "Numbers what the tenant tells, for ever: the same row twice has the same" }),
    hour: Time.openapi({ description: "When the UTC hour began" }),
    kind: UsageKind,
    role: orNull(Role),
    size: orNull(Instance),
    quantity: z
      .number()
      .min(0)
      .openapi({ description: "Rows of the same hour add up; of `agents_…` and `disk_…` the highest counts" }),
  })
  .openapi("Usage");
export type Usage = z.infer<typeof Usage>;

export const UsagePage = z
  .object({ feed_epoch: z.string(), oldest_seq: z.int(), latest_seq: z.int(), rows: z.array(Usage) })
  .openapi("UsagePage");
export type UsagePage = z.infer<typeof UsagePage>;
