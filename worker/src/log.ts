/** Structured log lines. Callers pass ids, codes and times; never bodies, headers, tokens or queries. */

type Level = "info" | "warn" | "error";

/** Writes one JSON line. */
export function log(level: Level, message: string, fields: Record<string, unknown> = {}): void {
  console.log(JSON.stringify({ level, message, at: new Date().toISOString(), ...fields }));
}
