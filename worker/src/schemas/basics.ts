/** What the shapes of every door are made of. `contracts/edge-api.json` is generated from the schemas of this folder. */
import { z } from "@hono/zod-openapi";

export const Time = z.iso.datetime().openapi("Time", { description: "UTC, ISO 8601 with Z" });

/** Nullable in the contract too: `.nullable()` on a named schema would make the name itself nullable there. */
export const orNull = <T extends z.ZodType>(schema: T) => z.union([schema, z.null()]);

export const ErrorSchema = z
  .object({
    code: z.string(),
    message: z.string(),
    hint: z.string(),
    retryable: z.boolean(),
    details: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
    request_id: z.string().optional().openapi({ description: "Of an answer: what the edge's log calls the request" }),
  })
  .openapi("Error");

export const TenantId = z
  .string()
  .openapi("TenantId", { description: "26 characters [a-z2-7]: 2 cell, 16 random, 8 check", example: "a".repeat(26) });

export const AgentId = z.string().regex(/^\d{3,8}$/, "must be an agent's id: at least three digits");

/** What a manager takes as a group: "all" is its word for every group, and dots alone are steps in a path. */
export const GroupName = z
  .string()
  .regex(/^(?!(\.{1,2}|all)$)[A-Za-z0-9._-]{1,128}$/, "must be 1-128 of A-Z a-z 0-9 . _ - and not ., .. or all");

/** As a manager takes them. */
export const AgentName = z.string().regex(/^[A-Za-z0-9._-]{2,128}$/, "must be 2-128 of A-Z a-z 0-9 . _ -");
export const AgentVersion = z.string().regex(/^[A-Za-z0-9._-]{1,32}$/, "must be a version");

export const Epoch = z.int().min(1).max(Number.MAX_SAFE_INTEGER);

export const Generation = z.int().min(1).max(Number.MAX_SAFE_INTEGER);

export const OperationId = z.string().regex(/^op_[a-z2-7]{20}$/, "must be an operation id (op_ and 20 characters)");

export const IdempotencyKey = z.string().min(1).max(128);

export const Reason = z.object({ code: z.string(), message: z.string(), hint: z.string() }).openapi("Reason");
export type Reason = z.infer<typeof Reason>;
