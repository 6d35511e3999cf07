/** Runs and their steps: what the edge does for a tenant, as far as it has come. */
import { z } from "@hono/zod-openapi";
import { ErrorSchema, orNull, Time } from "./basics";

export const STEPS = {
  start: ["certs", "indexer", "manager", "dashboard", "verify"],
  stop: ["dashboard", "manager", "indexer"],
  delete: ["stop", "erase"],
  // A rotation that fails after its switch gets one more: the way back.
  rotate: ["mint", "switch", "indexer", "manager", "dashboard", "verify"],
  // A change of version that fails after a role moved gets one more: the way back.
  upgrade: ["backup", "indexer", "manager", "dashboard", "verify"],
  resize: ["certs", "indexer", "manager", "dashboard", "verify"],
  // All credentials are exchanged together; each role proves its own before the next is touched.
  rotate_credentials: ["generate", "switch", "indexer", "manager", "dashboard", "verify"],
  restore: ["backup", "stop", "put_state", "indexer", "manager", "dashboard", "verify"],
  clone: ["copy", "certs", "indexer", "manager", "dashboard", "verify"],
  // Of content alone: no node is touched.
  content: ["content_apply", "content_check"],
  sleep: ["dashboard", "manager", "indexer"],
  wake: ["indexer", "manager", "dashboard", "verify"],
} as const;

export const StepName = z.enum([
  "certs",
  "mint",
  "generate",
  "switch",
  "indexer",
  "manager",
  "dashboard",
  "verify",
  "rollback",
  "stop",
  "erase",
  "backup",
  "put_state",
  "copy",
  "content_apply",
  "content_check",
]);
export type StepName = z.infer<typeof StepName>;

export const Step = z
  .object({
    name: StepName,
    state: z.enum(["pending", "running", "succeeded", "failed"]),
    attempts: z.int().min(0),
    started_at: orNull(Time),
    finished_at: orNull(Time),
    error: orNull(ErrorSchema),
  })
  .openapi("Step");
export type Step = z.infer<typeof Step>;

const RUN_KINDS = [
  "start",
  "stop",
  "delete",
  "rotate",
  "rotate_credentials",
  "restore",
  "clone",
  "upgrade",
  "resize",
  "content",
  "sleep",
  "wake",
] as const;

export const RunKind = z.enum(RUN_KINDS);
export type RunKind = z.infer<typeof RunKind>;

export const Run = z
  .object({
    operation_id: z.string(),
    kind: RunKind,
    state: z.enum(["running", "succeeded", "failed", "cancelled"]),
    steps: z.array(Step),
  })
  .openapi("Run");
export type Run = z.infer<typeof Run>;
