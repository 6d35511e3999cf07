/**
 * What a tenant needs next, and why. Pure: facts in, decision out; it looks at what holds now, never at how it came to
 * be, so that a crash at any point only means deciding again.
 */

import { contented } from "./contented";
import { type Decision, type Facts, WATCH_MS } from "./facts";
import type { PreludeAction } from "./preludes";
import { rotating } from "./rotating";
import { sleeping } from "./sleeping";
import { stopVerdict, towardsEnd, towardsStopped } from "./stopping";
import { upgrading } from "./upgrading";
import {
  alive,
  effortVerdict,
  errorOf,
  HOLDING,
  lacksCertificates,
  mintVerdict,
  reasonOf,
  roleStages,
  type Stage,
  settledAs,
  underWay,
  type Verdict,
  wakeOf,
  workVerdict,
} from "./verdicts";

/** The next thing to do for a tenant. */
export function decide(facts: Facts): Decision {
  if (facts.requested === "running") return unlessUnwell(facts, livingOn(facts));
  if (facts.requested === "stopped") return towardsStopped(facts);
  return towardsDeleted(facts);
}

function livingOn(facts: Facts): Decision {
  if (facts.rotation) return rotating(facts, facts.rotation);
  if (facts.upgrade) return upgrading(facts, facts.upgrade);
  return facts.sleep ? sleeping(facts, facts.sleep) : towardsRunning(facts);
}

function towardsRunning(facts: Facts): Decision {
  const stages = [...preludeStages(facts), ...startStages(facts)];
  const open = stages.filter((stage) => stage.verdict.is !== "holding");
  const holding = stages.filter((stage) => stage.verdict.is === "holding").map((stage) => stage.step);
  // While a tenant is set up, each stage waits for the one before. Healing goes past a stage that only waits.
  const chosen = facts.settled ? (open.find((stage) => stage.verdict.is === "acting") ?? open[0]) : open[0];
  if (!chosen) return contented(facts, runs(facts, holding));
  const failed = open.find((stage) => stage.verdict.is === "given_up");
  return {
    ...underWay(chosen, holding, errorOf((failed ?? chosen).verdict)),
    observed: failed ? "failed" : facts.settled ? "degraded" : "starting",
    outcome: chosen.verdict.is === "given_up" ? "gave_up" : "going",
    wakeAt: wakeOf(facts, open),
  };
}

/** A node that runs and is not well is told, and nothing more: restarting it is for one that does not answer at all. */
function unlessUnwell({ settled, unwell }: Facts, decision: Decision): Decision {
  if (!settled || !unwell || decision.observed !== "running") return decision;
  return { ...decision, observed: "degraded", reason: reasonOf(unwell) };
}

/** All is well; then it is time to look after what ends by itself. */
function runs(facts: Facts, holding: Stage["step"][]): Decision {
  const due = facts.settled && facts.now >= facts.renewAt;
  const wakeAt = facts.now + WATCH_MS;
  const settled = { ...settledAs("running", holding), action: due ? ({ do: "renew" } as const) : null, wakeAt };
  // It runs, but not as was asked for.
  const trouble = facts.versionTrouble;
  return trouble ? { ...settled, outcome: "going", reason: reasonOf(trouble) } : settled;
}

function preludeStages(facts: Facts): Stage[] {
  const { prelude, now } = facts;
  if (!prelude) return [];
  const nodes = [facts.certs, ...facts.nodes].reverse();
  return prelude.steps.map((step, at) => {
    if (at < prelude.done) return { step, verdict: HOLDING };
    if (step === "stop") return { step, verdict: stopVerdict(facts, nodes) };
    const action = { do: step as PreludeAction };
    return { step, verdict: workVerdict(facts, prelude.effort, action, `${step} comes first`, now) };
  });
}

function startStages(facts: Facts): Stage[] {
  const { efforts, now } = facts;
  const before: Stage[] = [
    { step: "certs", verdict: mintVerdict(facts, !lacksCertificates(facts)) },
    ...roleStages(facts.settled && lacksCertificates(facts) ? asTheyAre(facts) : facts),
  ];
  // Its attempts must not be used up by nodes that are on their way.
  const follows = before.some(({ verdict }) => verdict.is !== "holding");
  const verify: Verdict = follows
    ? { is: "blocked", because: "a role is yet to follow" }
    : workVerdict(facts, efforts.verify, { do: "verify" }, "ingest is not verified", now);
  return [...before, { step: "verify", verdict: facts.verified ? HOLDING : verify }];
}

/** Until those are minted the nodes go on as they are: a new one would end, and whoever made room for it is missed. */
const asTheyAre = (facts: Facts): Facts => ({
  ...facts,
  nodes: facts.nodes
    .filter((node) => alive(node) || node.certified)
    .map((node) => ({ ...node, wanted: true, fits: true, apart: false })),
});

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
