/** What of a tenant that runs is past its plan's thresholds. Pure; messages hold no figure that moves with every look. */
import { type ErrorCode, errorBody } from "../errors";
import { type Thresholds, thresholdsOf } from "../plan";
import type { Reason } from "../schemas/basics";
import type { Plan } from "../schemas/plan";

export interface Signs {
  now: number;
  agents: { enrolled: number; active: number };
  /** Names of the agents that were told to be silent; see silence.ts. */
  silent: string[];
  /** When the manager began to serve; null while it does not. */
  managerSince: number | null;
  /** When the stream's newest event came (milliseconds since 1970); null where none ever did. */
  lastEventAt: number | null;
  /** Since when acknowledged alerts wait for an indexer; null where none do. */
  behindSince: number | null;
}

type Check = (signs: Signs, thresholds: Thresholds) => string | null;

const CHECKS: [ErrorCode, Check][] = [
  ["AGENTS_SILENT", silentAgents],
  ["MANAGER_SILENT", silentManager],
  ["INGEST_LAGS", lag],
];

/** Every reason to look at the tenant, in a fixed order. */
export function attentionOf(signs: Signs, plan: Plan): Reason[] {
  const thresholds = thresholdsOf(plan);
  return CHECKS.flatMap(([code, check]) => {
    const message = check(signs, thresholds);
    return message === null ? [] : [reasonOf(code, message)];
  });
}

function reasonOf(code: ErrorCode, message: string): Reason {
  const { hint } = errorBody(code, message);
  return { code, message, hint };
}

function silentAgents({ agents: { enrolled, active }, silent: told }: Signs, thresholds: Thresholds): string | null {
  const silent = enrolled - active;
  if (silent <= 0 || (100 * silent) / enrolled <= thresholds.silent_agents_percent) return null;
  const words = `${silent} of ${enrolled} agents ${silent === 1 ? "is" : "are"} silent.`;
  return told.length === 0
    ? words
    : `${words} For more than ${thresholds.agent_silence_minutes} minutes: ${listed(told)}.`;
}

const NAMED = 3;

function listed(names: string[]): string {
  const more = names.length - NAMED;
  return more > 0 ? `${names.slice(0, NAMED).join(", ")} and ${more} more` : names.join(", ");
}

/** A manager that has just started may be silent for as long as one that fell silent. */
function silentManager({ now, managerSince, lastEventAt }: Signs, thresholds: Thresholds): string | null {
  const minutes = thresholds.manager_silence_minutes;
  if (managerSince === null || now - Math.max(managerSince, lastEventAt ?? 0) <= minutes * 60_000) return null;
  return `Nothing has come from the manager for more than ${minutes} minutes.`;
}

function lag({ now, behindSince }: Signs, thresholds: Thresholds): string | null {
  const seconds = thresholds.ingest_lag_seconds;
  if (behindSince === null || now - behindSince <= seconds * 1000) return null;
  return `Alerts wait for the indexer for more than ${seconds} seconds.`;
}
