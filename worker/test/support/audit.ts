/** A reader that checks a tenant's audit trail by what the documentation says of it, and by nothing of the product. */
import { createHash } from "node:crypto";
import type { StreamEvent } from "../../src/events/events";
import type { AuditHead, AuditLink } from "../../src/schemas/audit";

export type Recorded = { action: string; by: string; chain: AuditLink } & Record<string, unknown>;

export const recordsOf = (events: StreamEvent[]) =>
  events.filter(({ kind }) => kind === "audit").map(({ data }) => data as Recorded);

function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([name, inner]) => `${JSON.stringify(name)}:${canonical(inner)}`).join(",")}}`;
}

/** @returns the first position in doubt, or null where the records lead without a break to the end that is known */
export function brokenAt(tenant: string, records: Recorded[], head: AuditHead): number | null {
  let [position, hash] = [0, ""];
  for (const { chain, ...said } of records) {
    position += 1;
    const text = canonical([tenant, chain.position, chain.at, said, chain.previous]);
    const right = createHash("sha256").update(text).digest("hex");
    if (chain.position !== position || chain.previous !== hash || chain.hash !== right) return position;
    hash = chain.hash;
  }
  return position === head.position && hash === head.hash ? null : position + 1;
}
