import { createHash } from "node:crypto";
import { z } from "zod";
import type { NewEvent } from "../events/events";
import type { NodeProps } from "./table";

/** Longer texts are cut, not refused: a digest that is not taken is an alert that nobody hears of. */
const text = (characters: number) => z.string().transform((value) => value.slice(0, characters).toWellFormed());
const short = text(128);
const list = z
  .array(z.string())
  .transform((values) => values.slice(0, 32).map((value) => value.slice(0, 64).toWellFormed()));

/**
 * What of an alert goes to the stream. Unknown fields are dropped: never `full_log`, never `data`. At their longest, and
 * each character written as an escape of six, the fields stay below the size of one event.
 */
export const Digest = z.object({
  timestamp: short,
  id: z.string().min(1).max(128),
  rule: z.object({
    id: short,
    level: z.int().min(0).max(16),
    description: text(1024),
    groups: list.default([]),
    mitre: z.object({ id: list.default([]), tactic: list.default([]), technique: list.default([]) }).optional(),
  }),
  agent: z.object({ id: short, name: short, ip: short.optional() }),
  location: text(512).optional(),
});
type Digest = z.output<typeof Digest>;

/** A batch of digests; each is read by itself, so that one that is wrong holds up no other. */
export const DigestBatch = z.array(z.unknown()).max(1000);

const MAX_BEAT_CHARACTERS = 16 * 1024;

/** A manager's sign of life: small numbers and words about itself. */
export const Heartbeat = z
  .record(
    z.string().max(64),
    z.union([z.string().max(256), z.number(), z.boolean(), z.null(), z.record(z.string().max(64), z.number())]),
  )
  .refine((value) => Object.keys(value).length <= 32, "at most 32 fields")
  .refine((value) => JSON.stringify(value).length <= MAX_BEAT_CHARACTERS, "too large");

/** The alert events of a batch, and how many of its digests can't be read. */
export function alertEvents(props: NodeProps, batch: unknown[]): { events: NewEvent[]; refused: number } {
  const digests = batch.map((sent) => Digest.safeParse(sent)).flatMap(({ data }) => data ?? []);
  return { events: digests.map((digest) => alertEvent(props, digest)), refused: batch.length - digests.length };
}

/** Under a key made of manager and alert id, since the stream is the tenant's own: the same alert twice is one event. */
function alertEvent(props: NodeProps, digest: Digest): NewEvent {
  return {
    kind: "alert",
    data: { ...digest, manager: props.n },
    key: createHash("sha256").update(`${props.n}|${digest.id}`).digest("base64url").slice(0, 22),
  };
}

export function heartbeatEvent(props: NodeProps, beat: z.output<typeof Heartbeat>): NewEvent {
  return { kind: "heartbeat", data: { ...beat, node: `${props.role}-${props.n}` } };
}
