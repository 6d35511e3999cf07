import { digest } from "./ids";

/** SHA-256 (hex) of a value's canonical JSON: no space, names in order; the same for the same content, however it was ordered. */
export function contentHash(value: unknown): string {
  return digest(JSON.stringify(value, (_key, inner: unknown) => (isRecord(inner) ? sorted(inner) : inner)));
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const sorted = (record: Record<string, unknown>) =>
  Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));
