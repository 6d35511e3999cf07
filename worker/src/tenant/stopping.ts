/** How a tenant's nodes are taken down. Pure, like lifecycle.ts. */
import type { Decision, Facts, NodeFact } from "./facts";
import {
  alive,
  effortVerdict,
  errorOf,
  HOLDING,
  nameOf,
  type Stage,
  settledAs,
  underWay,
  type Verdict,
  waiting,
  wakeOf,
} from "./verdicts";

export function towardsStopped(facts: Facts): Decision {
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

/** Stopping and erasing are never given up: what was asked for is that nothing stays. */
export function towardsEnd(facts: Facts, stages: Stage[], end: "stopped" | "absent"): Decision {
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

export function stopVerdict(facts: Facts, nodes: NodeFact[]): Verdict {
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
