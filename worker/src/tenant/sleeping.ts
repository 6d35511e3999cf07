/**
 * What a tenant needs next that sleeps or wakes. Pure, like lifecycle.ts. Asleep, its nodes are stopped as for a stop,
 * while it is still meant to run; waking starts them in order and verifies.
 */
import { type Decision, type Facts, type Sleep, WATCH_MS } from "./facts";
import { towardsStopped } from "./stopping";
import { errorOf, HOLDING, roleStages, type Stage, serves, settledAs, underWay, wakeOf, workVerdict } from "./verdicts";

/** A look a day: an alarm that is far away would be spread past the certificates' end. */
const LOOK_AFTER_MS = 24 * 3600 * 1000;

export function sleeping(facts: Facts, sleep: Sleep): Decision {
  return sleep.aim === "asleep" ? asleep(facts) : waking(facts, sleep);
}

function asleep(facts: Facts): Decision {
  const decision = towardsStopped(facts);
  if (facts.now >= facts.renewAt) {
    return { ...decision, action: { do: "rouse" }, because: "the certificates are due for renewal" };
  }
  const wakeAt = decision.wakeAt ?? Math.min(facts.now + LOOK_AFTER_MS, facts.renewAt);
  return { ...decision, wakeAt };
}

/** In order, as at the first start; what runs already and only waits to be replaced holds up nobody. */
function waking(facts: Facts, sleep: Sleep): Decision {
  const verify = workVerdict(facts, facts.efforts.verify, { do: "verify" }, "ingest is not verified", facts.now);
  const stages: Stage[] = [...roleStages(facts), { step: "verify", verdict: sleep.verified ? HOLDING : verify }];
  const open = stages.filter(({ verdict }) => verdict.is !== "holding");
  const holding = stages.filter(({ verdict }) => verdict.is === "holding").map(({ step }) => step);
  const chosen = open.find(({ verdict }) => verdict.is !== "blocked") ?? open[0];
  if (!chosen) return { ...settledAs("running", holding), wakeAt: facts.now + WATCH_MS };
  const gaveUp = chosen.verdict.is === "given_up";
  return {
    ...underWay(chosen, holding, errorOf(chosen.verdict)),
    observed: gaveUp ? "failed" : facts.nodes.every(serves) ? "running" : "starting",
    // Then it is awake, and healed like any other that lost a node.
    outcome: gaveUp ? "gave_up" : "going",
    wakeAt: wakeOf(facts, open),
  };
}
