/** Which events a reader asked for. What is not said does not narrow. */
import type { EventKind, StreamEvent } from "./events";

export interface EventFilter {
  kinds?: EventKind[] | undefined;
  /** Alerts of a lower rule level are left out; other kinds have none. */
  minLevel?: number | undefined;
  /** Alerts of other agents are left out, by the agent's id. */
  agent?: string | undefined;
}

/** Whether the filter lets everything pass. */
export function isEverything({ kinds, minLevel, agent }: EventFilter): boolean {
  return kinds === undefined && minLevel === undefined && agent === undefined;
}

export function passes(filter: EventFilter, { kind, data }: Pick<StreamEvent, "kind" | "data">): boolean {
  if (filter.kinds && !filter.kinds.includes(kind)) return false;
  return kind !== "alert" || passesAsAlert(filter, data);
}

function passesAsAlert({ minLevel, agent }: EventFilter, data: unknown): boolean {
  const { rule, agent: of } = data as { rule?: { level?: number }; agent?: { id?: string } };
  return (minLevel === undefined || (rule?.level ?? 0) >= minLevel) && (agent === undefined || of?.id === agent);
}

/** Whether a stored batch can hold one of the kinds, by its text alone: most of a log is alerts, and parsing is dear. */
export function mayHold({ kinds }: EventFilter, batch: string): boolean {
  return kinds === undefined || kinds.some((kind) => batch.includes(`","${kind}",`));
}
