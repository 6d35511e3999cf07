import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SERVING_ROLES } from "../src/schemas/plan";
import type { Facts, Upgrade } from "../src/tenant/facts";
import { decide } from "../src/tenant/lifecycle";
import { keepsFormats } from "../src/tenant/role_versions";
import { EXITED, FRESH, facts, givenUp, node, obeyed, settledAt } from "./support/facts";
import type { Weather } from "./support/rotating_world";
import { allOn, LONGEST_STORM, NEW, OLD, UpgradingWorld } from "./support/upgrading_world";

const upgrade = (more: Partial<Upgrade> = {}): Upgrade => ({
  ...{ from: allOn(OLD), to: allOn(NEW), saved: false, adopts: false, verified: false, back: null, effort: FRESH },
  versions: allOn(OLD),
  ...more,
});
const upgrading = (more: Partial<Upgrade> = {}, others: Partial<Facts> = {}) =>
  facts({ settled: true, upgrade: upgrade(more), ...others });

/** What is done, in order, while the world obeys. */
function deeds(start: Facts): string[] {
  const done: string[] = [];
  let world = start;
  for (let visits = 0; visits < 60; visits++) {
    const { action, outcome, wakeAt } = decide(world);
    if (outcome !== "going") return [...done, outcome];
    if (action) done.push([action.do, "role" in action ? action.role : ""].join(" ").trim());
    world = action ? obeyed(world, action) : settledAt(world, wakeAt ?? world.now + 1000);
  }
  throw new Error(`never ends: ${done.join(", ")}`);
}

describe("a change of version", () => {
  it("keeps what is there, then moves indexer, manager and dashboard in turn, and verifies", () => {
    expect(deeds(upgrading())).toEqual([
      ...["snapshot", "use_version indexer", "stop indexer", "start indexer"],
      ...["use_version manager", "stop manager", "start manager", "prepare manager"],
      ...["use_version dashboard", "stop dashboard", "start dashboard", "verify", "reached"],
    ]);
  });

  it("of a tenant that was stopped starts each role with the new version at once, in its turn", () => {
    const nodes = SERVING_ROLES.map((role) => node(role, "stopped"));
    expect(deeds(upgrading({}, { nodes }))).toEqual([
      ...["snapshot", "use_version indexer", "start indexer", "use_version manager", "start manager"],
      ...["prepare manager", "use_version dashboard", "start dashboard", "verify", "reached"],
    ]);
  });

  it("that comes with more indexers has certificates minted for them first", () => {
    const others = [1, 2].map((n) => node("indexer", "absent", { n, certified: false, fits: false, prepared: false }));
    const alone = node("indexer", "running", { fits: false, apart: true });
    const nodes = [alone, ...others, node("manager", "running"), node("dashboard", "running")];
    const done = deeds(upgrading({}, { nodes, certificateFits: false }));
    expect(done.slice(0, 4)).toEqual(["start certs", "mint", "snapshot", "use_version indexer"]);
    expect(done.at(-1)).toBe("reached");
  });

  it("goes back in reverse order, each role with state getting its own from before while it is down", () => {
    const versions = { indexer: NEW, manager: NEW, dashboard: OLD };
    const nodes = [node("indexer", "running"), node("manager", "failed"), node("dashboard", "running")];
    const world = upgrading({ saved: true, versions, back: { ...EXITED, step: "manager" } }, { nodes });
    expect(deeds(world)).toEqual([
      ...["use_version manager", "start manager", "prepare manager"],
      ...["stop indexer", "use_version indexer", "start indexer", "verify", "rolled_back"],
    ]);
  });

  it("that somebody takes back by hand gives every role its state from before", () => {
    const world = upgrading({ adopts: true, saved: true, from: allOn(NEW), to: allOn(OLD), versions: allOn(NEW) });
    expect(deeds(world).slice(0, 3)).toEqual(["stop indexer", "use_version indexer", "start indexer"]);
  });

  it("heals a role with the version it has until its turn comes", () => {
    const nodes = [node("indexer", "starting"), node("manager", "failed"), node("dashboard", "running")];
    const versions = { indexer: NEW, manager: OLD, dashboard: OLD };
    const decision = decide(upgrading({ saved: true, versions }, { nodes }));
    expect(decision).toMatchObject({ action: { do: "start", role: "manager" }, observed: "degraded" });
  });

  it("heals all nodes of a role before its turn comes: the first of a cluster serves only with others", () => {
    const states = ["starting", "failed", "failed"] as const;
    const nodes = states.map((state, n) => node("indexer", state, { n, fits: false }));
    const rest = [node("manager", "running"), node("dashboard", "running")];
    const next = { do: "start", role: "indexer", n: 1 };
    expect(decide(upgrading({}, { nodes: [...nodes, ...rest] })).action).toEqual(next);
  });

  it("turns back where a role does not come up, and says at which step and why", () => {
    const nodes = [node("indexer", "running"), node("manager", "failed", { starting: givenUp() })];
    const versions = { indexer: NEW, manager: NEW, dashboard: OLD };
    const world = upgrading({ saved: true, versions }, { nodes: [...nodes, node("dashboard", "running")] });
    expect(decide(world).action).toMatchObject({
      do: "roll_back",
      step: "manager",
      error: { code: "NODE_CRASH_LOOP" },
    });
    const back = upgrading({ saved: true, verified: true, back: { ...EXITED, step: "manager" } });
    expect(decide(back)).toMatchObject({
      outcome: "rolled_back",
      observed: "running",
      reason: {
        code: "UPGRADE_ROLLED_BACK",
        message: `manager: ${EXITED.message} Version ${OLD} is in use again.`,
      },
    });
  });

  it("changes nothing where what is there can't be kept", () => {
    const decision = decide(upgrading({ effort: givenUp() }));
    expect(decision).toMatchObject({ outcome: "gave_up", step: "backup", observed: "running", action: null });
    expect(decision.error).toMatchObject({
      code: "UPGRADE_FAILED",
      message: expect.stringContaining("Nothing was changed"),
    });
  });

  it("that was rolled back is not begun again, and stays the reason why another version runs", () => {
    const decision = decide(facts({ settled: true, versionTrouble: EXITED }));
    expect(decision).toMatchObject({
      observed: "running",
      outcome: "going",
      reason: { code: "NODE_EXITED" },
      action: null,
    });
  });

  it("is allowed to whatever reads the data: patches either way, minor and major versions only up", () => {
    const allowed = (from: string, to: string) => keepsFormats(from, to);
    expect([allowed("4.14.7", "4.14.6"), allowed("4.9.2", "4.14.6"), allowed("4.14.6", "5.0.0")]).toEqual([
      true,
      true,
      true,
    ]);
    expect([allowed("4.14.6", "4.9.2"), allowed("5.0.0", "4.14.6")]).toEqual([false, false]);
  });
});

const weather = fc.oneof(
  { weight: 4, arbitrary: fc.constant<Weather>("ok") },
  { weight: 3, arbitrary: fc.constantFrom<Weather>("fails", "lost") },
  { weight: 1, arbitrary: fc.constantFrom<Weather>(...SERVING_ROLES.map((role): Weather => `${role} dies`)) },
);
const BREAKAGES = [null, "backup", "verify", ...SERVING_ROLES] as const;
const storms = fc.array(weather, { maxLength: LONGEST_STORM });
const ENDS = { nothing: "reached", backup: "gave_up" } as Record<string, string>;

/** Visits until it rests; `at` a visit something else happens. */
function livedThrough(world: UpgradingWorld, storm: Weather[], at = -1, then = () => {}): UpgradingWorld {
  for (let visits = 0; !world.visit(storm[visits] ?? "ok"); visits++) {
    if (visits === at) then();
    if (visits > 3000) throw new Error(`never at rest: ${JSON.stringify(world)}`);
  }
  return world;
}

function expectWhole(world: UpgradingWorld): void {
  expect(world.harm).toEqual([]);
  const [version, ...others] = new Set(world.nodes.map(({ runs }) => runs));
  expect(others).toEqual([]);
  expect(world.versions).toEqual({ indexer: version, manager: version, dashboard: version });
  expect(world.nodes.every(({ state, prepared }) => state === "running" && prepared)).toBe(true);
}

describe("from any point and under any failures a change of version", () => {
  it("leaves every role on one version whose data it reads, with one role down at a time", () => {
    fc.assert(
      fc.property(fc.constantFrom(...BREAKAGES), fc.boolean(), storms, (broken, runs, storm) => {
        const world = livedThrough(new UpgradingWorld(broken, runs), storm);
        expectWhole(world);
        expect(world.versions.indexer === NEW).toBe(world.outcome === "reached");
        if (broken) expect(world.outcome).not.toBe("reached");
        if (storm.length === 0) expect(world.outcome).toBe(ENDS[broken ?? "nothing"] ?? "rolled_back");
      }),
      { numRuns: 1500, examples: BREAKAGES.map((broken): [typeof broken, boolean, Weather[]] => [broken, true, []]) },
    );
  });

  it("that somebody changes their mind about ends whole as well", () => {
    const minds = fc.constantFrom(OLD, NEW);
    fc.assert(
      fc.property(fc.constantFrom(...BREAKAGES), storms, fc.nat(60), minds, (broken, storm, at, to) => {
        const world = new UpgradingWorld(broken);
        expectWhole(livedThrough(world, storm, at, () => world.redirect(to)));
      }),
      { numRuns: 1000 },
    );
  });
});
