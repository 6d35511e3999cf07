/** What the control plane asks of a tenant. */
import { z } from "@hono/zod-openapi";
import { BackupId } from "./backups";
import { Epoch, Generation, OperationId, TenantId, Time } from "./basics";
import { Plan } from "./plan";

export const PutTenant = z
  .strictObject({
    epoch: Epoch,
    generation: Generation,
    operation_id: OperationId,
    requested: z.enum(["running", "stopped"]),
    plan: Plan,
    /** Only of a tenant that is new: it starts with the data of a backup, and with secrets of its own. */
    from: z.strictObject({ tenant: TenantId, backup: BackupId }).optional(),
    /** The plan's version is the one before: its roles take up the backup from before the change to the present one. */
    rollback: z.literal(true).optional(),
    /** The tenant was deleted and lies in the recycle bin: it is stopped, and nobody comes in. */
    bin: z.strictObject({ erases_at: Time }).optional(),
  })
  .refine(({ bin, requested }) => !bin || requested === "stopped", {
    path: ["requested"],
    message: "a tenant in the recycle bin is stopped",
  })
  .refine(({ from, requested }) => !from || requested === "running", {
    path: ["requested"],
    message: "a clone is started, or its data would come from nowhere",
  })
  .openapi("PutTenant");
export type PutTenant = z.infer<typeof PutTenant>;

export const DeleteTenant = z
  .strictObject({ epoch: Epoch, generation: Generation, operation_id: OperationId })
  .openapi("DeleteTenant");
export type DeleteTenant = z.infer<typeof DeleteTenant>;

export const RotateCredentials = z
  .strictObject({ epoch: Epoch, operation_id: OperationId })
  .openapi("RotateCredentials");
export type RotateCredentials = z.infer<typeof RotateCredentials>;

export const RotateCertificates = z
  .strictObject({ epoch: Epoch, operation_id: OperationId })
  .openapi("RotateCertificates");
export type RotateCertificates = z.infer<typeof RotateCertificates>;

export const ChangeSleep = z.strictObject({ epoch: Epoch, operation_id: OperationId }).openapi("ChangeSleep");
export type ChangeSleep = z.infer<typeof ChangeSleep>;

export const Requested = z.enum(["running", "stopped", "deleted"]);
export type Requested = z.infer<typeof Requested>;
