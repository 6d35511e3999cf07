/** Exports: everything that the edge holds of a tenant's data, as files to take away. */
import { z } from "@hono/zod-openapi";
import { AuditHead } from "./audit";
import { Epoch, ErrorSchema, OperationId, orNull, Reason, TenantId, Time } from "./basics";

export const ExportId = z.string().regex(/^exp_[a-z2-7]{20}$/, "must be an export's id (exp_ and 20 characters)");

export const ExportStepName = z.enum(["tenant", "agents", "events", "alerts", "archive"]);
export type ExportStepName = z.infer<typeof ExportStepName>;

const ExportStep = z
  .object({
    name: ExportStepName,
    state: z.enum(["pending", "running", "succeeded", "failed"]),
    attempts: z.int().min(0),
    started_at: orNull(Time),
    finished_at: orNull(Time),
    error: orNull(ErrorSchema),
  })
  .openapi("ExportStep");

const LeftOut = z
  .object({ what: z.string(), why: z.string() })
  .openapi("LeftOut", { description: "What an export does not hold, in words" });
export type LeftOut = z.infer<typeof LeftOut>;

const view = {
  id: ExportId,
  operation_id: OperationId,
  state: z.enum(["running", "succeeded", "failed"]),
  at: Time,
  finished_at: orNull(Time),
  expires_at: Time.openapi({ description: "Then its files are removed" }),
  steps: z.array(ExportStep),
  files: z.int().min(0),
  records: z.int().min(0),
  bytes: z.int().min(0),
  left_out: z.array(LeftOut),
  error: orNull(Reason),
};

export const ExportView = z.object(view).openapi("Export");
export type ExportView = z.infer<typeof ExportView>;

export const ExportList = z.object({ exports: z.array(ExportView) }).openapi("ExportList");

const ExportFile = z
  .object({
    number: z.int().min(1).openapi({ description: "By which it is fetched" }),
    name: z.string(),
    records: z.int().min(0),
    bytes: z.int().min(0),
    sha256: z.string().openapi({ description: "Of the bytes as they are fetched, in hex" }),
  })
  .openapi("ExportFile");
export type ExportFile = z.infer<typeof ExportFile>;

export const ExportManifest = z
  .object({ ...view, tenant: TenantId, audit: AuditHead, listed: z.array(ExportFile) })
  .openapi("ExportManifest", { description: "An export with each of its files, in their order" });
export type ExportManifest = z.infer<typeof ExportManifest>;

export const OrderExport = z.strictObject({ epoch: Epoch, operation_id: OperationId }).openapi("OrderExport");
export type OrderExport = z.infer<typeof OrderExport>;
