/**
 * What a change of version needs next. Pure, like lifecycle.ts: backup → each role in turn → verify. What can't be
 * brought to serve with the new version goes back to the one before, in reverse order, each role from its own backup.
 */
import { ERRORS, type ErrorBody, type ErrorCode } from "../errors";
import { SERVING_ROLES, type ServingRole } from "../schemas/plan";
import type { StepName } from "../schemas/runs";
import { STATEFUL_ROLES } from "../state/limits";
import { type Decision, type Facts, type NodeFact, type Upgrade, type Versions, WATCH_MS } from "./facts";
import {
  alive,
  errorOf,
  HOLDING,
  lacksCertificates,
  mintVerdict,
  mostUrgent,
  nameOf,
  nodeVerdict,
  reasonOf,
  roleVerdict,
  type Stage,
  serves,
  settledAs,
  spokesman,
  underWay,
  type Verdict,
  waiting,
  waitsForAnother,
  wakeOf,
  workVerdict,
} from "./verdicts";

const REVERSED = [...SERVING_ROLES].reverse();
const STATEFUL: readonly string[] = STATEFUL_ROLES;

export function upgrading(facts: Facts, upgrade: Upgrade): Decision {
  return upgrade.back ? goingBack(facts, upgrade, upgrade.back) : goingForward(facts, upgrade);
}

function goingForward(facts: Facts, upgrade: Upgrade): Decision {
  const all = stagesTo(facts, upgrade, upgrade.to);
  const holding = all.filter(({ verdict }) => verdict.is === "holding").map(({ step }) => step);
  const chosen = mostUrgent(all);
  if (!chosen) return { ...settledAs("running", holding), wakeAt: facts.now + WATCH_MS };
  const decision = onTheWay(facts, chosen, holding, all);
  const { verdict, step } = chosen;
  if (verdict.is !== "given_up") return decision;
  const moved = SERVING_ROLES.some((role) => upgrade.versions[role] !== upgrade.from[role]);
  if (moved) return { ...decision, action: { do: "roll_back", step, error: verdict.error } };
  return unchanged(facts, upgrade, step, holding, verdict.error);
}

/** Everything of the way back is one step: what failed before stays as it is in the run. */
function goingBack(facts: Facts, upgrade: Upgrade, cause: ErrorBody): Decision {
  const all = stagesTo(facts, upgrade, upgrade.from).map(({ verdict }): Stage => ({ step: "rollback", verdict }));
  const chosen = mostUrgent(all);
  if (!chosen) {
    const error = told(cause, "UPGRADE_ROLLED_BACK", `Version ${named(upgrade.from)} is in use again.`);
    const ended = { outcome: "rolled_back" as const, error, reason: reasonOf(error) };
    return { ...settledAs("running", ["rollback"]), ...ended, wakeAt: facts.now + WATCH_MS };
  }
  const decision = onTheWay(facts, chosen, [], all);
  // The run ends, the way back does not: it is tried again with long pauses.
  return chosen.verdict.is === "given_up" ? { ...decision, observed: "failed", outcome: "gave_up" } : decision;
}

function stagesTo(facts: Facts, upgrade: Upgrade, target: Versions): Stage[] {
  const back = SERVING_ROLES.every((role) => target[role] === upgrade.from[role]);
  const stages: Stage[] = [{ step: "backup", verdict: backupVerdict(facts, upgrade, back) }];
  for (const role of back ? REVERSED : SERVING_ROLES) {
    const itsTurn = stages.every(({ verdict }) => verdict.is === "holding");
    stages.push({ step: role, verdict: moveVerdict(facts, upgrade, role, target[role], itsTurn) });
  }
  return [...stages, { step: "verify", verdict: verifyVerdict(facts, upgrade, stages) }];
}

/** Nodes that come with the version need certificates as well, before anything makes room for them. */
function backupVerdict(facts: Facts, upgrade: Upgrade, back: boolean): Verdict {
  if (!back && lacksCertificates(facts)) return mintVerdict(facts, false);
  if (upgrade.saved || back) return HOLDING;
  const down = facts.nodes.find((node) => node.state !== "stopped" && !serves(node) && !waitsForAnother(facts, node));
  if (down) return { is: "blocked", because: `${nameOf(down)} does not serve` };
  return workVerdict(facts, upgrade.effort, { do: "snapshot" }, "what is there now is not kept yet", facts.now);
}

/** Whether the role's nodes run the target; one that does not is moved in its turn, and kept serving until then. */
function moveVerdict(facts: Facts, upgrade: Upgrade, role: ServingRole, target: string, itsTurn: boolean): Verdict {
  if (upgrade.versions[role] === target) return roleVerdict(facts, role);
  const nodes = facts.nodes.filter((node) => node.role === role);
  const returns = STATEFUL.includes(role) && (target === upgrade.from[role] || upgrade.adopts);
  if (returns) return returning(facts, upgrade, nodes, target, itsTurn);
  return itsTurn ? use(facts, upgrade, role, target) : keepsServing(facts, upgrade, nodes);
}

function use(facts: Facts, upgrade: Upgrade, role: ServingRole, version: string): Verdict {
  const because = `the ${role} runs ${upgrade.versions[role]}`;
  return workVerdict(facts, upgrade.effort, { do: "use_version", role, version }, because, facts.now);
}

/**
 * State is put in the place of what the other version left: the nodes end first. On the way back those of a role of which
 * none serves end at once.
 */
function returning(facts: Facts, upgrade: Upgrade, nodes: NodeFact[], target: string, itsTurn: boolean): Verdict {
  const [one] = nodes;
  const back = one !== undefined && target === upgrade.from[one.role as ServingRole];
  const going = nodes.find((node) => node.state === "stopping");
  if (going) return waiting(facts.now + 1000, `${nameOf(going)} is stopping`, facts.efforts.stop.error);
  const up = nodes.find(alive);
  // On the way forward a role keeps what it has until its turn comes; on the way back what is down has nothing to keep.
  if (!up && one && (itsTurn || back)) return use(facts, upgrade, one.role as ServingRole, target);
  if (!up) return keepsServing(facts, upgrade, nodes);
  const others = facts.nodes.filter((other) => other.role !== up.role);
  const serving = nodes.some(serves);
  const ready = others.every((other) => serves(other) || waitsForAnother(facts, other));
  if (serving && !(itsTurn && ready)) return keepsServing(facts, upgrade, nodes);
  if (!serving && !itsTurn && !back) return keepsServing(facts, upgrade, nodes);
  const because = `${nameOf(up)} runs what is not wanted any more`;
  return workVerdict(facts, facts.efforts.stop, { do: "stop", role: up.role, n: up.n }, because, facts.now);
}

/**
 * Heals with what it has. A role of which all nodes were stopped while nothing runs that is yet to be moved belongs to a
 * tenant that was stopped: it starts in its turn.
 */
function keepsServing(facts: Facts, upgrade: Upgrade, nodes: NodeFact[]): Verdict {
  const target = upgrade.back ? upgrade.from : upgrade.to;
  const toMove = ({ fits, role }: NodeFact) =>
    !fits || upgrade.versions[role as ServingRole] !== target[role as ServingRole];
  const rests = nodes.every(({ state }) => state === "stopped");
  const heals = !rests || facts.nodes.some((one) => alive(one) && toMove(one));
  const verdicts = (heals ? nodes : [])
    .filter((node) => !waitsForAnother(facts, node))
    .map((node) => nodeVerdict(facts, { ...node, fits: true }));
  return spokesman(verdicts) ?? { is: "blocked", because: "its turn has not come" };
}

function verifyVerdict(facts: Facts, upgrade: Upgrade, before: Stage[]): Verdict {
  if (before.some(({ verdict }) => verdict.is !== "holding"))
    return { is: "blocked", because: "a role is yet to follow" };
  // A certificates node that was left running ends with the change.
  const certs = mintVerdict(facts, true);
  if (upgrade.verified || certs.is !== "holding") return certs;
  return workVerdict(facts, facts.efforts.verify, { do: "verify" }, "ingest is not verified", facts.now);
}

function onTheWay(facts: Facts, chosen: Stage, holding: StepName[], all: Stage[]): Decision {
  return {
    ...underWay(chosen, holding, errorOf(chosen.verdict)),
    observed: facts.nodes.every(serves) ? "running" : "degraded",
    outcome: "going",
    wakeAt: wakeOf(facts, all),
  };
}

/** It ends before any role was moved. */
function unchanged(facts: Facts, { from }: Upgrade, step: StepName, holding: StepName[], cause: ErrorBody): Decision {
  const error = told(cause, "UPGRADE_FAILED", `Nothing was changed; version ${named(from)} stays in use.`);
  const reason = reasonOf(error);
  const observed = facts.nodes.every(serves) ? "running" : "degraded";
  const because = "no role was moved";
  const wakeAt = facts.now + 1000;
  return { observed, step, holding, action: null, because, reason, error, outcome: "gave_up", wakeAt };
}

/** For people: one version where all roles have the same. */
const named = (versions: Versions) => [...new Set(Object.values(versions))].join(", ");

function told(cause: ErrorBody & { step?: StepName }, code: ErrorCode, end: string): ErrorBody {
  const { hint, retryable } = ERRORS[code];
  const { step, ...body } = cause;
  const where = step ? `${step}: ` : "";
  return { ...body, code, hint, retryable, message: `${where}${cause.message} ${end}` };
}
