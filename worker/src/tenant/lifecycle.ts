/**
 * What a tenant needs next, and why. Pure: facts in, decision out; it looks at what holds now, never at how it came to
 * be, so that a crash at any point only means deciding again.
 */
import { type Decision, type Facts, type NodeFact, WATCH_MS } from "./facts";
import type { PreludeAction } from "./preludes";
import { rotating } from "./rotating";
import { upgrading } from "./upgrading";
import {
  alive,
  effortVerdict,
  errorOf,
  HOLDING,
  mintVerdict,
  nameOf,
  reasonOf,
  roleStages,
  type Stage,
  settledAs,
  underWay,
  type Verdict,
  waiting,
  wakeOf,
  workVerdict,
} from "./verdicts";

/** The next thing to do for a tenant. */
export function decide(facts: Facts): Decision {
  if (facts.requested === "running") {
    if (facts.rotation) return rotating(facts, facts.rotation);
    return facts.upgrade ? upgrading(facts, facts.upgrade) : towardsRunning(facts);
  }
  if (facts.requested === "stopped") return towardsStopped(facts);
  return towardsDeleted(facts);
}

function towardsRunning(facts: Facts): Decision {
  const stages = [...preludeStages(facts), ...startStages(facts)];
  const open = stages.filter((stage) => stage.verdict.is !== "holding");
  const holding = stages.filter((stage) => stage.verdict.is === "holding").map((stage) => stage.step);
  // While a tenant is set up, each stage waits for the one before. Healing goes past a stage that only waits.
  const chosen = facts.settled ? (open.find((stage) => stage.verdict.is === "acting") ?? open[0]) : open[0];
  if (!chosen) return runs(facts, holding);
  const failed = open.find((stage) => stage.verdict.is === "given_up");
  return {
    ...underWay(chosen, holding, errorOf((failed ?? chosen).verdict)),
    observed: failed ? "failed" : facts.settled ? "degraded" : "starting",
    outcome: chosen.verdict.is === "given_up" ? "gave_up" : "going",
    wakeAt: wakeOf(facts, open),
  };
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
  // Once a tenant has settled its certificates are exchanged by a rotation only: minting here would restart all nodes. Other nodes
  // than before need other certificates, though.
  const minted = facts.certificateFits || (facts.settled && !facts.resizing);
  const verify = workVerdict(facts, efforts.verify, { do: "verify" }, "ingest is not verified", now);
  return [
    { step: "certs", verdict: mintVerdict(facts, minted) },
    ...roleStages(facts),
    { step: "verify", verdict: facts.verified ? HOLDING : verify },
  ];
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
