import { createHash } from "node:crypto";
import { z } from "zod";
import type { NewEvent } from "../events/events";
import type { NodeProps } from "./table";

const short = z.string().max(256);
const list = z.array(short).max(64);

/** What of an alert goes to the stream. Unknown fields are dropped: never `full_log`, never `data`. */
export const Digest = z.object({
  timestamp: short,
  id: z.string().min(1).max(128),
  rule: z.object({
    id: short,
    level: z.int().min(0).max(16),
    description: z.string().max(2048),
    groups: list.default([]),
    mitre: z.object({ id: list.default([]), tactic: list.default([]), technique: list.default([]) }).optional(),
  }),
  agent: z.object({ id: short, name: short, ip: short.optional() }),
  location: z.string().max(1024).optional(),
});

export const Digests = z.array(Digest).max(1000);

/** A manager's sign of life: small numbers and words about itself. */
export const Heartbeat = z
  .record(
    z.string().max(64),
    z.union([z.string().max(256), z.number(), z.boolean(), z.null(), z.record(z.string().max(64), z.number())]),
  )
  .refine((value) => Object.keys(value).length <= 32, "at most 32 fields");

/** Alert events, each under a key made of tenant, manager and alert id: the same alert twice is one event. */
export function alertEvents(props: NodeProps, digests: z.output<typeof Digests>): NewEvent[] {
  return digests.map((digest) => ({
    kind: "alert",
    data: { ...digest, manager: props.n },
    key: createHash("sha256").update(`${props.n}|${digest.id}`).digest("base64url").slice(0, 22),
  }));
}

export function heartbeatEvent(props: NodeProps, beat: z.output<typeof Heartbeat>): NewEvent {
  return { kind: "heartbeat", data: { ...beat, node: `${props.role}-${props.n}` } };
}
