/** Backups, and archived days that are loaded again. */
import { z } from "@hono/zod-openapi";
import { Epoch, IdempotencyKey, OperationId, orNull, Reason, Time } from "./basics";
import { Role } from "./plan";

export const BackupId = z.string().regex(/^bak_[a-z2-7]{20}$/, "must be a backup id (bak_ and 20 characters)");

export const BackupKind = z.enum(["on-demand", "scheduled", "before-change"]);
export type BackupKind = z.infer<typeof BackupKind>;

export const BackupView = z
  .object({
    id: BackupId,
    kind: BackupKind,
    state: z.enum(["running", "succeeded", "failed"]),
    at: Time,
    expires_at: Time,
    parts: z.array(
      z.object({
        ...{ role: Role, n: z.int().min(0), bytes: z.int().min(0), sha256: z.string() },
        version: orNull(z.string()).openapi({
          description: "Wazuh's, of the node that wrote it; null where not noted",
        }),
      }),
    ),
    error: orNull(Reason),
  })
  .openapi("Backup");
export type BackupView = z.infer<typeof BackupView>;

export const BackupList = z.object({ backups: z.array(BackupView) }).openapi("BackupList");

export const OrderBackup = z
  .strictObject({
    epoch: Epoch,
    idempotency_key: IdempotencyKey,
    backup: BackupId.optional().openapi({ description: "What it is to be called; the same again is the same backup" }),
  })
  .openapi("OrderBackup");
export type OrderBackup = z.infer<typeof OrderBackup>;

export const RestoreBackup = z
  .strictObject({ epoch: Epoch, idempotency_key: IdempotencyKey, operation_id: OperationId, backup: BackupId })
  .openapi("RestoreBackup");
export type RestoreBackup = z.infer<typeof RestoreBackup>;

const Day = z.iso.date().openapi("Day", { description: "A day in UTC, YYYY-MM-DD" });

export const RehydrationView = z
  .object({
    day: Day,
    state: z.enum(["running", "succeeded", "failed"]),
    at: Time,
    until: Time.openapi({ description: "Until then it stays in the indexer" }),
    /** Of the day in the archive. */
    bytes: z.int().min(0),
    /** Loaded so far. */
    documents: z.int().min(0),
    error: orNull(Reason),
  })
  .openapi("Rehydration");
export type RehydrationView = z.infer<typeof RehydrationView>;

export const RehydrationList = z.object({ rehydrations: z.array(RehydrationView) }).openapi("RehydrationList");

export const OrderRehydration = z
  .strictObject({ epoch: Epoch, idempotency_key: IdempotencyKey, day: Day })
  .openapi("OrderRehydration");
export type OrderRehydration = z.infer<typeof OrderRehydration>;
