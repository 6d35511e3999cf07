/** What decisions are made from and what they are; see lifecycle.ts. */
import type { ErrorBody } from "../errors";
import type { Reason } from "../schemas/basics";
import type { Requested } from "../schemas/orders";
import type { Role, ServingRole } from "../schemas/plan";
import type { StepName } from "../schemas/runs";
import type { NodeState, Observed } from "../schemas/tenant";
import type { ContentStep, Refusal } from "./content";
import type { PreludeAction } from "./preludes";

/** Failures in a row after which a subject is given up until somebody retries. */
export const MAX_FAILURES = 5;
/** How often everything that should run is looked at. */
export const WATCH_MS = 15_000;
/** How often something given up in a tenant that once ran is tried again by itself. */
export const SLOW_RETRY_MS = 5 * 60_000;

const MINUTE_MS = 60_000;
/**
 * How long a node may run without serving or getting on. An indexer on a small disk replays its translog before it answers;
 * how long it takes in its journal depends on how much there is.
 */
export const READY_WITHIN_MS: Record<Role, number> = {
  certs: 2 * MINUTE_MS,
  indexer: 20 * MINUTE_MS,
  manager: 10 * MINUTE_MS,
  dashboard: 10 * MINUTE_MS,
};

/** Failures in a row of one piece of work, and when it may be tried next. */
export interface Effort {
  failures: number;
  retryAt: number;
  error: ErrorBody | null;
}

export interface NodeFact {
  role: Role;
  n: number;
  state: NodeState;
  /** The plan has it; one that it had before is stopped. */
  wanted: boolean;
  /** It was started as the plan wants it now (image, size, certificate). */
  fits: boolean;
  /** It was started with the active certificates, and so they name it. */
  certified: boolean;
  /** It runs as the only one of its role, and is to be one of several: the others can't have it with them before that. */
  apart: boolean;
  /**
   * It has what it needs beside a running process: a manager knows the tenant's agents; one that got new credentials lets
   * them in, and the old ones no more.
   */
  prepared: boolean;
  startedAt: number | null;
  /** When it last got on while it did not serve yet. */
  movedAt: number | null;
  starting: Effort;
  preparing: Effort;
}

/** What can be exchanged in a tenant that runs, and the run that does it. */
export const RUN_OF = { certificates: "rotate", credentials: "rotate_credentials" } as const;
export type Exchanged = keyof typeof RUN_OF;

/** An exchange of the tenant's certificates or credentials that is under way. */
export interface Rotation {
  what: Exchanged;
  /** The next bundle is minted, or the next credentials are generated, and kept. */
  minted: boolean;
  /** It is the active one: nodes that are started get it. */
  switched: boolean;
  /** Ingest was verified since the switch, or since the way back began. */
  verified: boolean;
  /** Why it goes back to the bundle before; null while it goes forward. */
  back: ErrorBody | null;
}

export type Versions = Record<ServingRole, string>;

/** A change of the roles' versions that is under way. */
export interface Upgrade {
  from: Versions;
  to: Versions;
  /** What was there before the change is kept. */
  saved: boolean;
  /** Roles take up a backup's state on the way forward too: it is a way back that somebody asked for. */
  adopts: boolean;
  /** Ingest was verified since all roles moved. */
  verified: boolean;
  /** Why it goes back; null while it goes forward. */
  back: (ErrorBody & { step?: StepName }) | null;
  /** What each role is started with. */
  versions: Versions;
  /** Of the backup and of the moves. */
  effort: Effort;
}

/** A tenant that sleeps or wakes. */
export interface Sleep {
  aim: "asleep" | "awake";
  /** Ingest was verified since it began to wake. */
  verified: boolean;
}

/** What the plan wants of custom content, against what the managers have. */
export interface ContentFact {
  /** It is in use, or none is and none is wanted. */
  applied: boolean;
  /** Its files lie at the manager. */
  placed: boolean;
  /** Why the manager refused it, and in which step; null where it did not. */
  refused: Refusal | null;
  /** A run is under way that brings it. */
  run: boolean;
  effort: Effort;
}

export interface Facts {
  now: number;
  requested: Requested;
  /** The run towards `running` of this generation has succeeded before: what fails now is healed, not set up. */
  settled: boolean;
  /** A change of sizes is under way: what it needs is minted, as in a start. */
  resizing: boolean;
  certificateFits: boolean;
  /** When a tenant that has settled exchanges its certificates by itself. */
  renewAt: number;
  rotation: Rotation | null;
  upgrade: Upgrade | null;
  /** Why the version that was asked for last does not run, once that is settled. */
  versionTrouble: ErrorBody | null;
  sleep: Sleep | null;
  content: ContentFact | null;
  certs: NodeFact;
  /** The nodes of the plan and any others that still run, in the order in which they start. */
  nodes: NodeFact[];
  verified: boolean;
  /** Why a node that runs is not well, and has not been for a while; null where all are. */
  unwell: ErrorBody | null;
  erased: boolean;
  efforts: { mint: Effort; verify: Effort; stop: Effort; erase: Effort };
  /** Steps that come once before all others, the first `done` of them finished; see preludes.ts. */
  prelude: { steps: readonly StepName[]; done: number; effort: Effort } | null;
}

type OfNode<Kind> = { do: Kind; role: Role; n: number };

export type Action =
  | OfNode<"start">
  | OfNode<"stop">
  /** Give a running manager what it needs beside its process. */
  | OfNode<"prepare">
  /** End a container that does not serve in time; counts as a failed start. */
  | OfNode<"give_up_start">
  | { do: "mint" }
  /** Make the credentials that are to take over. */
  | { do: "generate" }
  | { do: "verify" }
  /** Begin a rotation that nobody asked for. */
  | { do: "renew" }
  /** Wake a tenant that nobody asked for, because something of it is due. */
  | { do: "rouse" }
  /** Make what was minted or generated the active one. */
  | { do: "switch" }
  /** Make what was active before active again; `step` is where it failed. */
  | { do: "turn_back"; step: StepName; error: ErrorBody }
  /** Keep what is there before the version changes. */
  | { do: "snapshot" }
  /** Have a role started with this version from now on. */
  | { do: "use_version"; role: ServingRole; version: string }
  /** Go back to the version before; `step` is where it failed. */
  | { do: "roll_back"; step: StepName; error: ErrorBody }
  /** Put the content's files where the manager keeps them; have it look through them and load them. */
  | { do: ContentStep }
  | { do: "erase" }
  | { do: PreludeAction };

export interface Decision {
  observed: Observed;
  /** The step that the action or the waiting belongs to; null where there is nothing left to do. */
  step: StepName | null;
  /** Steps whose result holds now. */
  holding: StepName[];
  action: Action | null;
  /** Why, for the log. */
  because: string;
  /** Why, for people: set where something is wrong. */
  reason: Reason | null;
  error: ErrorBody | null;
  outcome: "going" | "reached" | "gave_up" | "rolled_back";
  /** When to decide again if nothing is reported before; null = only on report. */
  wakeAt: number | null;
}
