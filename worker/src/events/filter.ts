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

/** Looks at the data only where the filter is about it: stored data is parsed by that. */
export function passes(filter: EventFilter, event: Pick<StreamEvent, "kind" | "data">): boolean {
  const { kinds, minLevel, agent } = filter;
  if (kinds && !kinds.includes(event.kind)) return false;
  const anyAlert = minLevel === undefined && agent === undefined;
  return anyAlert || event.kind !== "alert" || passesAsAlert(filter, event.data);
}

function passesAsAlert({ minLevel, agent }: EventFilter, data: unknown): boolean {
  const { rule, agent: of } = data as { rule?: { level?: number }; agent?: { id?: string } };
  return (minLevel === undefined || (rule?.level ?? 0) >= minLevel) && (agent === undefined || of?.id === agent);
}

/** Whether a stored batch can hold one of the kinds, by its text alone: most of a log is alerts, and parsing is dear. */
export function mayHold({ kinds }: EventFilter, batch: string): boolean {
  return kinds === undefined || kinds.some((kind) => batch.includes(`","${kind}",`));
}
