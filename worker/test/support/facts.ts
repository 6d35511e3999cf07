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

export const NOW = 1_800_000_000_000;
export const FRESH: Effort = { failures: 0, retryAt: 0, error: null };
export const EXITED = errorBody("NODE_EXITED", "The indexer exited with code 1.");
export const UNWELL = errorBody("NODE_UNHEALTHY", "The indexer runs, but it is not well.");
export const givenUp = (): Effort => ({ failures: MAX_FAILURES, retryAt: NOW + 1000, error: EXITED });

export function node(role: Role, state: NodeState, more: Partial<NodeFact> = {}): NodeFact {
  const startedAt = state === "absent" ? null : NOW - 1000;
  const given = {
    wanted: true,
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
      prepared: fc.boolean(),
      apart: fc.boolean(),
      starting: efforts,
      preparing: efforts,
      ago: fc.integer({ min: 0, max: 2_000_000 }),
    })
    // Only a node that does not fit is apart from those that it is to be with.
    .map(({ state, ago, apart, ...more }) =>
      node(role, state, { ...more, apart: apart && role === "indexer" && !more.fits, startedAt: NOW - ago }),
    );
const indexersOf = fc
  .tuple(nodeOf("indexer"), nodeOf("indexer"), nodeOf("indexer"), fc.boolean(), fc.boolean())
  .map(([first, second, third, several, wanted]) =>
    several ? [first, { ...second, n: 1, wanted }, { ...third, n: 2, wanted }] : [first],
  );
const managersOf = fc
  .tuple(nodeOf("manager"), nodeOf("manager"), fc.boolean(), fc.boolean())
  .map(([master, worker, several, wanted]) => (several ? [master, { ...worker, n: 1, wanted }] : [master]));
/** A node that the plan has no longer is forgotten once it ended. */
const known = (nodes: NodeFact[]) =>
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

function verified(before: Facts): Facts {
  if (before.rotation) return rotated(before, { verified: true });
  if (before.upgrade) return upgraded(before, { verified: true });
  return before.sleep ? { ...before, sleep: { ...before.sleep, verified: true } } : { ...before, verified: true };
}

function moved(before: Facts, role: ServingRole, version: string): Facts {
  const nodes = before.nodes.map((one) => (one.role === role ? { ...one, fits: false, starting: FRESH } : one));
  const versions = { ...before.upgrade?.versions, [role]: version } as Upgrade["versions"];
  return upgraded({ ...before, nodes }, { versions });
}

/** The world answers every order: what was started serves, what was stopped is gone. */
export function obeyed(before: Facts, action: Action): Facts {
  const set = ({ role, n }: { role: Role; n: number }, change: Partial<NodeFact>) => ({
    ...before,
    certs: role === "certs" ? { ...before.certs, ...change } : before.certs,
    nodes: known(before.nodes.map((one) => (one.role === role && one.n === n ? { ...one, ...change } : one))),
  });
  switch (action.do) {
    case "start":
      return set(action, {
        state: "running",
        fits: true,
        apart: false,
        prepared: action.role !== "manager",
        startedAt: before.now,
      });
    case "stop":
      return set(action, { state: "stopped" });
    case "give_up_start":
      return set(action, { state: "failed" });
    case "prepare":
      return set(action, { prepared: true });
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
    case "backup":
    case "put_state":
    case "copy":
      return {
        ...before,
        prelude: before.prelude && { ...before.prelude, done: before.prelude.steps.indexOf(action.do) + 1 },
      };
  }
}

/** Time passes: nodes on their way arrive. */
export function settledAt(before: Facts, time: number): Facts {
  const arrive = (one: NodeFact): NodeFact =>
    one.state === "stopping"
      ? { ...one, state: "stopped" }
      : one.state === "starting"
        ? { ...one, state: "running" }
        : one;
  return { ...before, now: time, certs: arrive(before.certs), nodes: known(before.nodes.map(arrive)) };
}
