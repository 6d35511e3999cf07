/** What one stage (a step) says about itself, from the facts. */
import { ERRORS, type ErrorBody } from "../errors";
import type { Reason } from "../schemas/basics";
import { type Role, SERVING_ROLES } from "../schemas/plan";
import type { StepName } from "../schemas/runs";
import type { Observed } from "../schemas/tenant";
import {
  type Action,
  type Decision,
  type Effort,
  type Facts,
  MAX_FAILURES,
  type NodeFact,
  READY_WITHIN_MS,
  SLOW_RETRY_MS,
  WATCH_MS,
} from "./facts";

export type Verdict =
  | { is: "holding" }
  /** It can't begin before something else has come about; when that is, that one's own verdict tells. */
  | { is: "blocked"; because: string }
  | { is: "acting"; action: Action; because: string }
  | { is: "waiting"; until: number; because: string; error: ErrorBody | null }
  | { is: "given_up"; error: ErrorBody; retryAt: number; because: string };

export interface Stage {
  step: StepName;
  verdict: Verdict;
}

export const HOLDING: Verdict = { is: "holding" };
export const nameOf = (node: NodeFact) => `${node.role} ${node.n}`;
export const alive = (node: NodeFact) => node.state === "starting" || node.state === "running";

/** What every decision about an open stage says of it. */
export function underWay({ step, verdict }: Stage, holding: StepName[], error: ErrorBody | null) {
  const action = verdict.is === "acting" ? verdict.action : null;
  return { step, holding, action, because: becauseOf(verdict), reason: error && reasonOf(error), error };
}

export function roleVerdict(facts: Facts, role: Role): Verdict {
  const nodes = facts.nodes.filter((node) => node.role === role);
  return spokesman(nodes.map((node) => nodeVerdict(facts, node))) ?? HOLDING;
}

/** Whose verdict counts: what can be done, what is on its way, what can't be brought about; then who waits for another. */
const FIRST_HEARD: Verdict["is"][] = ["acting", "waiting", "given_up", "blocked"];

/** Which of a role's nodes speaks for the role. */
export const spokesman = (verdicts: Verdict[]): Verdict | undefined =>
  FIRST_HEARD.map((kind) => verdicts.find(({ is }) => is === kind)).find((verdict) => verdict !== undefined);

export function nodeVerdict(facts: Facts, node: NodeFact): Verdict {
  const { role, n } = node;
  if (!node.wanted && alive(node)) return leaving(facts, node);
  if (alive(node) && !node.fits) return replacing(facts, node);
  if (node.state === "running") return preparedVerdict(facts, node);
  if (node.state === "starting") return startingVerdict(facts, node);
  if (node.state === "stopping") return waiting(facts.now + 1000, `${nameOf(node)} is stopping`, null);
  if (!node.wanted) return HOLDING;
  const master = masterAway(facts, node);
  if (master && !isGivenUp(master)) return { is: "blocked", because: `${nameOf(node)} starts after ${nameOf(master)}` };
  return workVerdict(facts, node.starting, { do: "start", role, n }, `${nameOf(node)} does not run`, facts.now);
}

const isMaster = ({ role, n }: NodeFact) => role === "manager" && n === 0;
const isWorker = ({ role, n }: NodeFact) => role === "manager" && n > 0;

/**
 * The first manager, where this is one of the others and that one does not serve, or not for long: they take all they know
 * from it, and join only one that was started as the plan, and its cluster's key, are now.
 */
const masterAway = ({ nodes }: Facts, node: NodeFact) =>
  isWorker(node) ? nodes.find((one) => isMaster(one) && !(serves(one) && one.fits)) : undefined;

const isGivenUp = ({ starting, preparing }: NodeFact) =>
  [starting, preparing].some(({ failures }) => failures >= MAX_FAILURES);

/** Whoever uses it needs somewhere else to go: it stays until the nodes that stay serve, or never will. */
function leaving(facts: Facts, node: NodeFact): Verdict {
  const { role, n } = node;
  const missing = facts.nodes.find((one) => one.role === role && one.wanted && !serves(one) && !isGivenUp(one));
  if (missing) return { is: "blocked", because: `${nameOf(node)} leaves once ${nameOf(missing)} serves` };
  return workVerdict(facts, facts.efforts.stop, { do: "stop", role, n }, `the plan has no ${role} ${n}`, facts.now);
}

/**
 * A tenant that has settled loses one node at a time: the next is taken down once all others serve. One that is apart goes
 * at once: its role is not whole before that, and another role may wait for it to be.
 */
function replacing(facts: Facts, node: NodeFact): Verdict {
  const { role, n } = node;
  const inTurn = facts.settled && role !== "certs" && serves(node) && !node.apart;
  const others = inTurn ? facts.nodes.filter((other) => other !== node) : [];
  const missing = others.find((other) => !serves(other) && !waitsForAnother(facts, other));
  if (missing) return { is: "blocked", because: `${nameOf(node)} is replaced once ${nameOf(missing)} serves` };
  const because = `${nameOf(node)} runs with what is not wanted any more`;
  return workVerdict(facts, facts.efforts.stop, { do: "stop", role, n }, because, facts.now);
}

/**
 * Whether this node can serve only once another of its role is replaced: a worker once its master is one of its cluster,
 * an indexer once those that are alone are in one with it. Whoever waited for it would keep that other from being replaced.
 */
export const waitsForAnother = ({ nodes }: Facts, { role, n }: NodeFact) =>
  nodes.some((one) => one.role === role && one.n !== n && alive(one) && !one.fits && (isMaster(one) || one.apart));

/** Nodes of other roles, and people, get answers from it. */
export const serves = (node: NodeFact) => node.state === "running" && node.prepared;

function preparedVerdict(facts: Facts, node: NodeFact): Verdict {
  if (node.prepared) return HOLDING;
  const master = masterAway(facts, node);
  if (master) return { is: "blocked", because: `${nameOf(node)} joins once ${nameOf(master)} serves` };
  const [lost] = lostPeers(facts, node);
  if (lost) return { is: "blocked", because: `the cluster of ${nameOf(node)} is whole once ${nameOf(lost)} serves` };
  const action: Action = { do: "prepare", role: node.role, n: node.n };
  return workVerdict(facts, node.preparing, action, `${nameOf(node)} is not prepared`, facts.now);
}

/** Other indexers that nobody tries to start now: no cluster is whole without them, however long one waits. */
const lostPeers = ({ nodes }: Facts, { role, n }: NodeFact) =>
  nodes.filter((one) => role === "indexer" && one.role === role && one.n !== n && isLost(one));

const isLost = (node: NodeFact) => node.wanted && !alive(node) && isGivenUp(node);

function startingVerdict(facts: Facts, node: NodeFact): Verdict {
  const startedAt = node.startedAt ?? facts.now;
  const deadline = Math.max(startedAt, node.movedAt ?? 0) + READY_WITHIN_MS[node.role];
  if (facts.now >= deadline) {
    const action: Action = { do: "give_up_start", role: node.role, n: node.n };
    return { is: "acting", action, because: `${nameOf(node)} did not serve in time` };
  }
  const lost = lostPeers(facts, node);
  if (lost.length > 1) return { is: "blocked", because: `${nameOf(node)} serves once another does` };
  // Nodes report by themselves; looking is for reports that were lost, less often the longer it takes.
  const look = facts.now + Math.round(Math.min(Math.max((facts.now - startedAt) / 5, 2000), 10_000));
  return waiting(Math.min(look, deadline), `${nameOf(node)} does not serve yet`, node.starting.error);
}

export const waiting = (until: number, because: string, error: ErrorBody | null): Verdict => ({
  is: "waiting",
  until,
  because,
  error,
});

/** The certificates node mints once where nothing is minted, and does not stay. */
export function mintVerdict(facts: Facts, minted: boolean): Verdict {
  const { certs, efforts, now } = facts;
  if (!minted && certs.state !== "running") return nodeVerdict(facts, certs);
  if (!minted) return workVerdict(facts, efforts.mint, { do: "mint" }, "no certificate fits the plan", now);
  if (!alive(certs)) return HOLDING;
  return { is: "acting", action: { do: "stop", role: certs.role, n: certs.n }, because: "the certificates are minted" };
}

/**
 * Once a tenant has settled its certificates are exchanged by a rotation only: minting here would restart all nodes. Other
 * nodes than before need other certificates, though.
 */
export function lacksCertificates({ settled, resizing, certificateFits, nodes }: Facts): boolean {
  const unnamed = nodes.some((node) => node.wanted && !node.certified && !alive(node));
  return !certificateFits && (!settled || resizing || unnamed);
}

export const roleStages = (facts: Facts): Stage[] =>
  SERVING_ROLES.map((role) => ({ step: role, verdict: roleVerdict(facts, role) }));

/** Work that may have failed before: now, after its pause, or no more. */
export function workVerdict(facts: Facts, effort: Effort, action: Action, because: string, now: number): Verdict {
  if (effort.failures >= MAX_FAILURES && effort.error) {
    // A tenant that served before is not left lying: what broke it may pass without anybody here.
    const retryAt = effort.retryAt + SLOW_RETRY_MS;
    if (facts.settled && now >= retryAt) return { is: "acting", action, because };
    return { is: "given_up", error: givenUp(effort.error), retryAt, because };
  }
  if (now < effort.retryAt) return waiting(effort.retryAt, `${because}, pausing after a failure`, effort.error);
  return { is: "acting", action, because };
}

/** The last failure, told as the end of trying. */
function givenUp(error: ErrorBody): ErrorBody {
  const code = error.code === "NODE_EXITED" ? "NODE_CRASH_LOOP" : error.code;
  const { hint } = ERRORS[code === "NODE_CRASH_LOOP" ? code : "STEP_GAVE_UP"];
  return { ...error, code, hint, retryable: false, message: `${error.message} Tried ${MAX_FAILURES} times.` };
}

export function effortVerdict(facts: Facts, effort: Effort, action: Action, because: string): Verdict {
  if (facts.now < effort.retryAt) return waiting(effort.retryAt, `${because}, pausing after a failure`, effort.error);
  return { is: "acting", action, because };
}

export function settledAs(observed: Observed, holding: StepName[]): Decision {
  const because = `everything is ${observed}`;
  const nothing = { step: null, action: null, reason: null, error: null, wakeAt: null } as const;
  return { observed, holding, because, outcome: "reached", ...nothing };
}

/** What can't be brought about decides; healing goes past what only waits. */
export function mostUrgent(stages: Stage[]): Stage | undefined {
  const open = stages.filter(({ verdict }) => verdict.is !== "holding");
  const first = (is: Verdict["is"]) => open.find(({ verdict }) => verdict.is === is);
  return first("given_up") ?? first("acting") ?? open[0];
}

export const errorOf = (verdict: Verdict) => ("error" in verdict ? verdict.error : null);
const becauseOf = (verdict: Verdict) => ("because" in verdict ? verdict.because : "");
export const reasonOf = ({ code, message, hint }: ErrorBody): Reason => ({ code, message, hint });

export function wakeOf(facts: Facts, open: Stage[]): number | null {
  const times = open.flatMap(({ verdict }) => {
    if (verdict.is === "waiting") return [verdict.until];
    if (verdict.is === "given_up" && facts.settled) return [verdict.retryAt];
    return [];
  });
  if (facts.requested === "running" && facts.settled) times.push(facts.now + WATCH_MS);
  return times.length > 0 ? Math.min(...times) : null;
}
