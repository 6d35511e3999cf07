/** Facts for decisions: of a tenant that runs, of any tenant, and of what becomes of them when the world obeys. */
import fc from "fast-check";
import { errorBody } from "../../src/errors";
import { type Role, SERVING_ROLES, type ServingRole } from "../../src/schemas/plan";
import type { NodeState } from "../../src/schemas/tenant";
import {
  type Action,
  type Effort,
  type Facts,
  MAX_FAILURES,
  type NodeFact,
  type Rotation,
  type Upgrade,
} from "../../src/tenant/facts";
import { serves } from "../../src/tenant/verdicts";

export const NOW = 1_800_000_000_000;
export const FRESH: Effort = { failures: 0, retryAt: 0, error: null };
export const EXITED = errorBody("NODE_EXITED", "The indexer exited with code 1.");
export const UNWELL = errorBody("NODE_UNHEALTHY", "The indexer runs, but it is not well.");
/** An indexer of several is in their cluster this long after its start. */
const JOINS_AFTER_MS = 20_000;
const WHOLE_WITHIN_MS = 10 * 60_000;
export const givenUp = (): Effort => ({ failures: MAX_FAILURES, retryAt: NOW + 1000, error: EXITED });

export function node(role: Role, state: NodeState, more: Partial<NodeFact> = {}): NodeFact {
  const startedAt = state === "absent" ? null : NOW - 1000;
  const given = {
    wanted: true,
    certified: true,
    fits: true,
    apart: false,
    prepared: true,
    startedAt,
    movedAt: null,
    starting: FRESH,
    preparing: FRESH,
  };
  return { role, n: 0, state, ...given, ...more };
}

export function facts(more: Partial<Facts> = {}): Facts {
  return {
    now: NOW,
    requested: "running",
    settled: false,
    resizing: false,
    certificateFits: true,
    renewAt: Number.POSITIVE_INFINITY,
    rotation: null,
    upgrade: null,
    versionTrouble: null,
    prelude: null,
    sleep: null,
    content: null,
    certs: node("certs", "stopped"),
    nodes: SERVING_ROLES.map((role) => node(role, "running")),
    verified: true,
    unwell: null,
    erased: false,
    efforts: { mint: FRESH, verify: FRESH, stop: FRESH, erase: FRESH },
    ...more,
  };
}

// Properties over every state that rows can hold, also ones that no code path should produce.
const states = fc.constantFrom<NodeState>("absent", "starting", "running", "stopping", "stopped", "failed");
const efforts = fc
  .record({
    failures: fc.integer({ min: 0, max: MAX_FAILURES + 2 }),
    retryAt: fc.integer({ min: NOW - 10_000_000, max: NOW + 60_000 }),
  })
  .map(({ failures, retryAt }): Effort => (failures ? { failures, retryAt, error: EXITED } : FRESH));
const nodeOf = (role: Role) =>
  fc
    .record({
      state: states,
      fits: fc.boolean(),
      certified: fc.boolean(),
      prepared: fc.boolean(),
      apart: fc.boolean(),
      starting: efforts,
      preparing: efforts,
      ago: fc.integer({ min: 0, max: 2_000_000 }),
    })
    // Only a node that does not fit is apart from those that it is to be with, and serves until then.
    .map(({ state, ago, ...some }) => {
      const apart = some.apart && role === "indexer" && !some.fits;
      return node(role, state, { ...some, apart, prepared: apart || some.prepared, startedAt: NOW - ago });
    });
const indexersOf = fc
  .tuple(nodeOf("indexer"), nodeOf("indexer"), nodeOf("indexer"), fc.boolean(), fc.boolean())
  .map(([first, second, third, several, wanted]) => {
    const others = [second, third].map((one, at) => ({ ...one, n: at + 1, wanted }));
    // One that the plan does not have in a cluster waits for none, and for none of the others.
    if (several && wanted) return [first, ...others];
    const alone = { ...first, apart: false };
    return several ? [alone, ...others.map((one) => ({ ...one, apart: false, prepared: true }))] : [alone];
  });
const managersOf = fc
  .tuple(nodeOf("manager"), nodeOf("manager"), fc.boolean(), fc.boolean())
  .map(([master, worker, several, wanted]) => (several ? [master, { ...worker, n: 1, wanted }] : [master]));
/** A node that the plan has no longer is forgotten once it ended. */
export const known = (nodes: NodeFact[]) =>
  nodes.filter(({ wanted, state }) => wanted || ["starting", "running", "stopping"].includes(state));
const anyRotation = fc.record({
  what: fc.constantFrom("certificates" as const, "credentials" as const),
  minted: fc.boolean(),
  switched: fc.boolean(),
  verified: fc.boolean(),
  back: fc.constantFrom(EXITED, null),
});
const anyVersion = fc.constantFrom("4.14.6", "4.14.7");
const anyVersions = fc.record({ indexer: anyVersion, manager: anyVersion, dashboard: anyVersion });
const anyUpgrade = fc.record({
  from: anyVersions,
  to: anyVersions,
  saved: fc.boolean(),
  adopts: fc.boolean(),
  verified: fc.boolean(),
  back: fc.constantFrom(EXITED, null),
  versions: anyVersions,
  effort: efforts,
});
const REFUSED = errorBody("CONTENT_REFUSED", "The manager refused rules/a.xml: no.");
const anyRefusal = fc.constantFrom(
  null,
  { step: "content_apply" as const, error: REFUSED },
  { step: "content_check" as const, error: REFUSED },
);
const anyContent = fc
  .record({ applied: fc.boolean(), placed: fc.boolean(), refused: anyRefusal, run: fc.boolean(), effort: efforts })
  // What is in use was not refused.
  .map((content) => (content.applied ? { ...content, refused: null } : content));
export const anyFacts = fc
  .record({
    requested: fc.constantFrom("running" as const, "stopped" as const, "deleted" as const),
    settled: fc.boolean(),
    resizing: fc.boolean(),
    certificateFits: fc.boolean(),
    renewAt: fc.constantFrom(NOW - 1, Number.POSITIVE_INFINITY),
    rotation: fc.option(anyRotation),
    upgrade: fc.option(anyUpgrade),
    sleep: fc.option(fc.record({ aim: fc.constantFrom("asleep" as const, "awake" as const), verified: fc.boolean() })),
    content: fc.option(anyContent),
    certs: nodeOf("certs"),
    nodes: fc
      .tuple(indexersOf, managersOf, nodeOf("dashboard"), nodeOf("dashboard"), fc.boolean())
      .map(([indexers, managers, first, second, wanted]) =>
        known([...indexers, ...managers, first, { ...second, n: 1, wanted }]),
      ),
    verified: fc.boolean(),
    unwell: fc.constantFrom(UNWELL, null),
    erased: fc.boolean(),
    efforts: fc.record({ mint: efforts, verify: efforts, stop: efforts, erase: efforts }),
  })
  .map((more) => facts(more));

const UNTRIED = { efforts: { mint: FRESH, verify: FRESH, stop: FRESH, erase: FRESH } };
const rotated = (before: Facts, change: Partial<Rotation>): Facts =>
  before.rotation ? { ...before, rotation: { ...before.rotation, ...change } } : before;
const allUnfit = (before: Facts): Facts => ({
  ...before,
  nodes: before.nodes.map((one) => ({ ...one, fits: false, starting: FRESH, preparing: FRESH })),
});

const upgraded = (before: Facts, change: Partial<Upgrade>): Facts =>
  before.upgrade ? { ...before, upgrade: { ...before.upgrade, ...change } } : before;

/** Ingest is seen to work where an indexer serves. */
function verified(before: Facts): Facts {
  if (!before.nodes.some((one) => one.role === "indexer" && serves(one))) {
    const verify = { failures: before.efforts.verify.failures + 1, retryAt: before.now + 1000, error: EXITED };
    return { ...before, efforts: { ...before.efforts, verify } };
  }
  if (before.rotation) return rotated(before, { verified: true });
  if (before.upgrade) return upgraded(before, { verified: true });
  return before.sleep ? { ...before, sleep: { ...before.sleep, verified: true } } : { ...before, verified: true };
}

function moved(before: Facts, role: ServingRole, version: string): Facts {
  const nodes = before.nodes.map((one) => (one.role === role ? { ...one, fits: false, starting: FRESH } : one));
  const versions = { ...before.upgrade?.versions, [role]: version } as Upgrade["versions"];
  return upgraded({ ...before, nodes }, { versions });
}

/** Wanted indexers where there are several: they serve only together. */
function clusterOf({ nodes }: Facts): NodeFact[] {
  const indexers = nodes.filter(({ role, wanted }) => role === "indexer" && wanted);
  return indexers.length > 1 ? indexers : [];
}
const belongs = ({ state, apart }: NodeFact) => !apart && ["starting", "running"].includes(state);

/** That is waited for, and in the end no more. */
function notWhole({ now, nodes }: Facts, n: number): Effort {
  const one = nodes.find((node) => node.role === "indexer" && node.n === n);
  const late = now - (one?.startedAt ?? now) > WHOLE_WITHIN_MS;
  return { failures: (one?.preparing.failures ?? 0) + Number(late), retryAt: now + 1000, error: EXITED };
}

/** The world answers every order: what was started serves, what was stopped is gone. */
export function obeyed(before: Facts, action: Action): Facts {
  const set = ({ role, n }: { role: Role; n: number }, change: Partial<NodeFact>) => ({
    ...before,
    certs: role === "certs" ? { ...before.certs, ...change } : before.certs,
    nodes: known(before.nodes.map((one) => (one.role === role && one.n === n ? { ...one, ...change } : one))),
  });
  switch (action.do) {
    case "start": {
      const together = action.role === "indexer" && clusterOf(before).length > 0;
      return set(action, {
        state: together ? "starting" : "running",
        ...{ fits: true, certified: true, apart: false },
        prepared: action.role !== "manager" && !together,
        startedAt: before.now,
      });
    }
    case "stop":
      return set(action, { state: "stopped" });
    case "give_up_start": {
      const one = before.nodes.find(({ role, n }) => role === action.role && n === action.n);
      const failures = (one?.starting.failures ?? 0) + 1;
      return set(action, { state: "failed", starting: { failures, retryAt: before.now + 1000, error: EXITED } });
    }
    case "prepare": {
      const cluster = action.role === "indexer" ? clusterOf(before) : [];
      const whole = cluster.every((one) => one.state === "running" && belongs(one));
      return set(action, whole ? { prepared: true, preparing: FRESH } : { preparing: notWhole(before, action.n) });
    }
    case "generate":
      return rotated(before, { minted: true });
    case "mint":
      return before.rotation ? rotated(before, { minted: true }) : { ...before, certificateFits: true };
    case "verify":
      return verified(before);
    case "rouse":
      return { ...before, ...UNTRIED, sleep: { aim: "awake", verified: false } };
    case "renew":
      return {
        ...before,
        ...UNTRIED,
        renewAt: Number.POSITIVE_INFINITY,
        rotation: { what: "certificates", minted: false, switched: false, verified: false, back: null },
      };
    case "switch":
      return allUnfit(rotated(before, { minted: false, switched: true }));
    case "turn_back":
      return allUnfit(rotated({ ...before, ...UNTRIED }, { verified: false, back: action.error }));
    case "snapshot":
      return upgraded(before, { saved: true });
    case "use_version":
      return moved(before, action.role, action.version);
    case "roll_back":
      return upgraded({ ...before, ...UNTRIED }, { verified: false, back: action.error });
    case "erase":
      return { ...before, erased: true };
    case "content_apply":
      return { ...before, content: before.content && { ...before.content, placed: true, effort: FRESH } };
    case "content_check":
      return { ...before, content: before.content && { ...before.content, applied: true, effort: FRESH } };
    case "backup":
    case "put_state":
    case "copy":
      return {
        ...before,
        prelude: before.prelude && { ...before.prelude, done: before.prelude.steps.indexOf(action.do) + 1 },
      };
  }
}

/** Time passes: nodes on their way arrive, an indexer of several once most of them are there. */
export function settledAt(before: Facts, time: number): Facts {
  const cluster = clusterOf(before);
  const most = cluster.filter(belongs).length > cluster.length / 2;
  const arrive = (one: NodeFact): NodeFact => {
    if (one.state === "stopping") return { ...one, state: "stopped" };
    const arrives = (most && time - (one.startedAt ?? time) >= JOINS_AFTER_MS) || one.apart || !cluster.includes(one);
    return one.state === "starting" && arrives ? { ...one, state: "running" } : one;
  };
  return { ...before, now: time, certs: arrive(before.certs), nodes: known(before.nodes.map(arrive)) };
}
