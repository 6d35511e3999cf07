/**
 * What an exchange of certificates or credentials needs next. Pure, like lifecycle.ts: mint or generate → switch → each
 * role in turn → verify. What can't be brought to serve with the new ones goes back to the old ones, in the same order.
 */
import { ERRORS, type ErrorBody, type ErrorCode } from "../errors";
import type { StepName } from "../schemas/runs";
import { type Decision, type Facts, type Rotation, WATCH_MS } from "./facts";
import {
  errorOf,
  HOLDING,
  mintVerdict,
  mostUrgent,
  nameOf,
  roleStages,
  type Stage,
  serves,
  settledAs,
  underWay,
  type Verdict,
  wakeOf,
  workVerdict,
} from "./verdicts";

export function rotating(facts: Facts, rotation: Rotation): Decision {
  return rotation.back ? goingBack(facts, rotation, rotation.back) : goingForward(facts, rotation);
}

function goingForward(facts: Facts, rotation: Rotation): Decision {
  const stages: Stage[] = [
    nextStage(facts, rotation),
    { step: "switch", verdict: switchVerdict(facts, rotation) },
    ...roleStages(facts),
  ];
  const all = [...stages, { step: "verify" as const, verdict: verifyVerdict(facts, rotation, stages) }];
  const holding = all.filter(({ verdict }) => verdict.is === "holding").map(({ step }) => step);
  const chosen = mostUrgent(all);
  if (!chosen) return { ...settledAs("running", holding), wakeAt: facts.now + WATCH_MS };
  const { verdict, step } = chosen;
  if (verdict.is !== "given_up") return onTheWay(facts, chosen, holding, all);
  if (!rotation.switched) return unchanged(facts, rotation, step, verdict.error, holding);
  const action = { do: "turn_back", step, error: verdict.error } as const;
  return { ...onTheWay(facts, chosen, holding, all), action };
}

/** What is to take over has to be there before anything is touched. */
function nextStage(facts: Facts, { what, minted, switched }: Rotation): Stage {
  const made = minted || switched;
  if (what === "certificates") return { step: "mint", verdict: mintVerdict(facts, made) };
  const generate = workVerdict(facts, facts.efforts.mint, { do: "generate" }, "nothing is generated yet", facts.now);
  return { step: "generate", verdict: made ? mintVerdict(facts, true) : generate };
}

/** Everything of the way back is one step: what failed before stays as it is in the run. */
function goingBack(facts: Facts, rotation: Rotation, cause: ErrorBody): Decision {
  const undone: Stage[] = [{ step: "mint", verdict: mintVerdict(facts, true) }, ...roleStages(facts)];
  const all: Stage[] = [...undone, { step: "verify", verdict: verifyVerdict(facts, rotation, undone) }].map(
    ({ verdict }) => ({ step: "rollback", verdict }),
  );
  const chosen = mostUrgent(all);
  if (!chosen) return { ...settledAs("running", ["rollback"]), ...isBack(facts, rotation, cause) };
  const decision = onTheWay(facts, chosen, [], all);
  if (chosen.verdict.is !== "given_up") return decision;
  // What was there before is active: healing goes on towards it without the run.
  return { ...decision, observed: "failed", outcome: "gave_up" };
}

/** Only a tenant of which everything serves is worth an exchange: otherwise two things would be down. */
function switchVerdict(facts: Facts, rotation: Rotation): Verdict {
  if (rotation.switched) return HOLDING;
  if (!rotation.minted) return { is: "blocked", because: "what takes over is not there yet" };
  const missing = facts.nodes.find((node) => !serves(node));
  if (missing) return { is: "blocked", because: `${nameOf(missing)} does not serve` };
  // Nodes of a cluster are told to trust what takes over before one of them has it.
  const unfit = facts.nodes.find((node) => !node.fits);
  if (unfit) return { is: "blocked", because: `${nameOf(unfit)} is yet to follow` };
  return { is: "acting", action: { do: "switch" }, because: `the next ${rotation.what} are kept` };
}

function verifyVerdict(facts: Facts, rotation: Rotation, before: Stage[]): Verdict {
  if (rotation.verified) return HOLDING;
  if (before.some(({ verdict }) => verdict.is !== "holding"))
    return { is: "blocked", because: "a role is yet to follow" };
  return workVerdict(facts, facts.efforts.verify, { do: "verify" }, "ingest is not verified", facts.now);
}

function onTheWay(facts: Facts, chosen: Stage, holding: StepName[], open: Stage[]): Decision {
  return {
    ...underWay(chosen, holding, errorOf(chosen.verdict)),
    observed: facts.nodes.every(serves) ? "running" : "degraded",
    outcome: "going",
    wakeAt: wakeOf(facts, open),
  };
}

/** It ends before anything was exchanged. */
function unchanged(facts: Facts, { what }: Rotation, step: StepName, cause: ErrorBody, holding: StepName[]): Decision {
  const because = "nothing was exchanged";
  const error = told(cause, "ROTATION_FAILED", `The old ${what} stay in use.`);
  const observed = facts.nodes.every(serves) ? "running" : "degraded";
  const wakeAt = facts.now + 1000;
  return { observed, step, holding, action: null, because, reason: null, error, outcome: "gave_up", wakeAt };
}

const isBack = (facts: Facts, { what }: Rotation, cause: ErrorBody) => ({
  outcome: "rolled_back" as const,
  error: told(cause, "ROTATION_ROLLED_BACK", `The old ${what} are in use again.`),
  wakeAt: facts.now + WATCH_MS,
});

function told(cause: ErrorBody, code: ErrorCode, end: string): ErrorBody {
  const { hint, retryable } = ERRORS[code];
  return { ...cause, code, hint, retryable, message: `${cause.message} ${end}` };
}
