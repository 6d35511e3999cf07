/**
 * What a tenant needs next, and why. Pure: facts in, decision out; it looks at what holds now, never at how it came to
 * be, so that a crash at any point only means deciding again.
 */
import { ERRORS, type ErrorBody } from "../errors";
import type { Observed, Reason, Role, StepName } from "../schemas";
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

/** What one stage (a step) says about itself. */
type Verdict =
  | { is: "holding" }
  | { is: "acting"; action: Action; because: string }
  | { is: "waiting"; until: number; because: string; error: ErrorBody | null }
  | { is: "given_up"; error: ErrorBody; retryAt: number; because: string };

interface Stage {
  step: StepName;
  verdict: Verdict;
}

const HOLDING: Verdict = { is: "holding" };
const nameOf = (node: NodeFact) => `${node.role} ${node.n}`;
const alive = (node: NodeFact) => node.state === "starting" || node.state === "running";

/** The next thing to do for a tenant. */
export function decide(facts: Facts): Decision {
  if (facts.requested === "running") return towardsRunning(facts);
  if (facts.requested === "stopped") return towardsStopped(facts);
  return towardsDeleted(facts);
}

function towardsRunning(facts: Facts): Decision {
  const stages = startStages(facts);
  const open = stages.filter((stage) => stage.verdict.is !== "holding");
  const holding = stages.filter((stage) => stage.verdict.is === "holding").map((stage) => stage.step);
  // While a tenant is set up, each stage waits for the one before. Healing goes past a stage that only waits.
  const chosen = facts.settled ? (open.find((stage) => stage.verdict.is === "acting") ?? open[0]) : open[0];
  if (!chosen) return { ...settledAs("running", holding), wakeAt: facts.now + WATCH_MS };
  const failed = open.find((stage) => stage.verdict.is === "given_up");
  return {
    ...underWay(chosen, holding, errorOf((failed ?? chosen).verdict)),
    observed: failed ? "failed" : facts.settled ? "degraded" : "starting",
    outcome: chosen.verdict.is === "given_up" ? "gave_up" : "going",
    wakeAt: wakeOf(facts, open),
  };
}

/** What every decision about an open stage says of it. */
function underWay({ step, verdict }: Stage, holding: StepName[], error: ErrorBody | null) {
  const action = verdict.is === "acting" ? verdict.action : null;
  return { step, holding, action, because: becauseOf(verdict), reason: error && reasonOf(error), error };
}

function startStages(facts: Facts): Stage[] {
  const { efforts, now } = facts;
  return [
    { step: "certs", verdict: certsVerdict(facts) },
    ...(["indexer", "manager", "dashboard"] as const).map((role) => ({
      step: role,
      verdict: roleVerdict(facts, role),
    })),
    {
      step: "verify" as const,
      verdict: facts.verified
        ? HOLDING
        : workVerdict(facts, efforts.verify, { do: "verify" }, "ingest is not verified", now),
    },
  ];
}

function certsVerdict(facts: Facts): Verdict {
  const { certs, efforts, now } = facts;
  if (facts.certificateFits) {
    if (!alive(certs)) return HOLDING;
    return {
      is: "acting",
      action: { do: "stop", role: certs.role, n: certs.n },
      because: "the certificates are minted",
    };
  }
  if (certs.state !== "running") return nodeVerdict(facts, certs);
  return workVerdict(facts, efforts.mint, { do: "mint" }, "no certificate fits the plan", now);
}

/** The first of a role's nodes that does not serve as wanted speaks for the role. */
function roleVerdict(facts: Facts, role: Role): Verdict {
  const verdicts = facts.nodes.filter((node) => node.role === role).map((node) => nodeVerdict(facts, node));
  return verdicts.find((verdict) => verdict.is !== "holding") ?? HOLDING;
}

function nodeVerdict(facts: Facts, node: NodeFact): Verdict {
  const { role, n } = node;
  if (alive(node) && !node.fits) {
    return { is: "acting", action: { do: "stop", role, n }, because: `${nameOf(node)} runs an older plan` };
  }
  if (node.state === "running") return preparedVerdict(facts, node);
  if (node.state === "starting") return startingVerdict(facts, node);
  if (node.state === "stopping") return waiting(facts.now + 1000, `${nameOf(node)} is stopping`, null);
  return workVerdict(facts, node.starting, { do: "start", role, n }, `${nameOf(node)} does not run`, facts.now);
}

function preparedVerdict(facts: Facts, node: NodeFact): Verdict {
  if (node.prepared) return HOLDING;
  const action: Action = { do: "prepare", role: node.role, n: node.n };
  return workVerdict(facts, node.preparing, action, `${nameOf(node)} is not prepared`, facts.now);
}

function startingVerdict(facts: Facts, node: NodeFact): Verdict {
  const startedAt = node.startedAt ?? facts.now;
  const deadline = Math.max(startedAt, node.movedAt ?? 0) + READY_WITHIN_MS[node.role];
  if (facts.now >= deadline) {
    const action: Action = { do: "give_up_start", role: node.role, n: node.n };
    return { is: "acting", action, because: `${nameOf(node)} did not serve in time` };
  }
  // Nodes report by themselves; looking is for reports that were lost, less often the longer it takes.
  const look = facts.now + Math.min(Math.max((facts.now - startedAt) / 5, 2000), 10_000);
  return waiting(Math.min(look, deadline), `${nameOf(node)} does not serve yet`, node.starting.error);
}

const waiting = (until: number, because: string, error: ErrorBody | null): Verdict => ({
  is: "waiting",
  until,
  because,
  error,
});

/** Work that may have failed before: now, after its pause, or no more. */
function workVerdict(facts: Facts, effort: Effort, action: Action, because: string, now: number): Verdict {
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

function towardsStopped(facts: Facts): Decision {
  const order = ["dashboard", "manager", "indexer"] as const;
  // A certificates node that was left running goes first; it has no step of its own.
  const ofStep = (node: NodeFact) => (node.role === "certs" ? "dashboard" : node.role);
  const nodes = [facts.certs, ...facts.nodes];
  const stages = order.map((role) => ({
    step: role,
    verdict: stopVerdict(
      facts,
      nodes.filter((node) => ofStep(node) === role),
    ),
  }));
  return towardsEnd(facts, stages, "stopped");
}

function towardsDeleted(facts: Facts): Decision {
  const nodes = [facts.certs, ...facts.nodes].reverse();
  const erase: Verdict = facts.erased
    ? HOLDING
    : effortVerdict(facts, facts.efforts.erase, { do: "erase" }, "data is left");
  const stages: Stage[] = [
    { step: "stop", verdict: facts.erased ? HOLDING : stopVerdict(facts, nodes) },
    { step: "erase", verdict: erase },
  ];
  return towardsEnd(facts, stages, "absent");
}

/** Stopping and erasing are never given up: what was asked for is that nothing stays. */
function towardsEnd(facts: Facts, stages: Stage[], end: "stopped" | "absent"): Decision {
  const open = stages.filter((stage) => stage.verdict.is !== "holding");
  const openSteps = new Set(open.map((stage) => stage.step));
  const holding = stages.map((stage) => stage.step).filter((step) => !openSteps.has(step));
  const [chosen] = open;
  if (!chosen) return settledAs(end, holding);
  return {
    ...underWay(chosen, holding, errorOf(chosen.verdict)),
    observed: "stopping",
    outcome: "going",
    wakeAt: wakeOf(facts, [chosen]),
  };
}

function stopVerdict(facts: Facts, nodes: NodeFact[]): Verdict {
  const going = nodes.find((node) => alive(node) || node.state === "stopping");
  if (!going) return HOLDING;
  if (!alive(going)) return waiting(facts.now + 1000, `${nameOf(going)} is stopping`, facts.efforts.stop.error);
  return effortVerdict(
    facts,
    facts.efforts.stop,
    { do: "stop", role: going.role, n: going.n },
    `${nameOf(going)} runs`,
  );
}

function effortVerdict(facts: Facts, effort: Effort, action: Action, because: string): Verdict {
  if (facts.now < effort.retryAt) return waiting(effort.retryAt, `${because}, pausing after a failure`, effort.error);
  return { is: "acting", action, because };
}

function settledAs(observed: Observed, holding: StepName[]): Decision {
  const because = `everything is ${observed}`;
  const nothing = { step: null, action: null, reason: null, error: null, wakeAt: null } as const;
  return { observed, holding, because, outcome: "reached", ...nothing };
}

const errorOf = (verdict: Verdict) => ("error" in verdict ? verdict.error : null);
const becauseOf = (verdict: Verdict) => ("because" in verdict ? verdict.because : "");
const reasonOf = ({ code, message, hint }: ErrorBody): Reason => ({ code, message, hint });

function wakeOf(facts: Facts, open: Stage[]): number | null {
  const times = open.flatMap(({ verdict }) => {
    if (verdict.is === "waiting") return [verdict.until];
    if (verdict.is === "given_up" && facts.settled) return [verdict.retryAt];
    return [];
  });
  if (facts.requested === "running" && facts.settled) times.push(facts.now + WATCH_MS);
  return times.length > 0 ? Math.min(...times) : null;
}
