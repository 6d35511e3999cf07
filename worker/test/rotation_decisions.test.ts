import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SERVING_ROLES } from "../src/schemas/plan";
import { moved } from "../src/tenant/bundles";
import type { Exchanged, Facts, Rotation } from "../src/tenant/facts";
import { decide } from "../src/tenant/lifecycle";
import { renewalAt } from "../src/tenant/renewal";
import { EXITED, facts, givenUp, NOW, node } from "./support/facts";
import { LONGEST_STORM, RotatingWorld, type Weather } from "./support/rotating_world";

const DAY = 86_400_000;
const rotation = (more: Partial<Rotation> = {}): Rotation => ({
  ...{ what: "certificates", minted: false, switched: false, verified: false, back: null },
  ...more,
});
const rotating = (more: Partial<Rotation> = {}, others: Partial<Facts> = {}) =>
  facts({ settled: true, rotation: rotation(more), ...others });
const unfit = SERVING_ROLES.map((role) => node(role, "running", { fits: false }));

describe("a rotation", () => {
  it("mints while everything goes on serving", () => {
    expect(decide(rotating())).toMatchObject({
      step: "mint",
      action: { do: "start", role: "certs" },
      observed: "running",
    });
    const certs = node("certs", "running");
    expect(decide(rotating({}, { certs })).action).toEqual({ do: "mint" });
    expect(decide(rotating({ minted: true }, { certs })).action).toEqual({ do: "stop", role: "certs", n: 0 });
  });

  it("switches only while every role serves", () => {
    expect(decide(rotating({ minted: true })).action).toEqual({ do: "switch" });
    const nodes = [node("indexer", "running"), node("manager", "starting"), node("dashboard", "running")];
    expect(decide(rotating({ minted: true }, { nodes })).action).toBeNull();
  });

  it("restarts indexer, manager and dashboard in turn, each once the one before serves", () => {
    const stopped = { switched: true };
    expect(decide(rotating(stopped, { nodes: unfit })).action).toEqual({ do: "stop", role: "indexer", n: 0 });
    const starting = [node("indexer", "starting"), ...unfit.slice(1)];
    expect(decide(rotating(stopped, { nodes: starting }))).toMatchObject({ action: null, observed: "degraded" });
    const empty = [node("indexer", "running"), node("manager", "running", { prepared: false }), ...unfit.slice(2)];
    expect(decide(rotating(stopped, { nodes: empty })).action).toEqual({ do: "prepare", role: "manager", n: 0 });
  });

  it("is done once ingest is verified with the new certificates", () => {
    expect(decide(rotating({ switched: true })).action).toEqual({ do: "verify" });
    expect(decide(rotating({ switched: true, verified: true })).outcome).toBe("reached");
  });

  it("ends without any change where nothing can be minted", () => {
    const efforts = { ...facts().efforts, mint: givenUp() };
    const decision = decide(rotating({}, { certs: node("certs", "running"), efforts }));
    expect(decision).toMatchObject({ outcome: "gave_up", step: "mint", observed: "running" });
    expect(decision.error).toMatchObject({ code: "ROTATION_FAILED", message: expect.stringContaining("stay in use") });
  });

  it("turns back where a role does not come up with the new certificates", () => {
    const nodes = [node("indexer", "failed", { starting: givenUp() }), ...unfit.slice(1)];
    const decision = decide(rotating({ switched: true }, { nodes }));
    expect(decision.action).toMatchObject({ do: "turn_back", step: "indexer", error: { code: "NODE_CRASH_LOOP" } });
  });

  it("that turned back restarts what was moved, verifies, and says that the old certificates are in use again", () => {
    const back = { switched: false, back: EXITED };
    expect(decide(rotating(back, { nodes: unfit }))).toMatchObject({
      step: "rollback",
      action: { do: "stop", role: "indexer" },
    });
    expect(decide(rotating(back)).action).toEqual({ do: "verify" });
    const end = decide(rotating({ ...back, verified: true }));
    expect(end).toMatchObject({ outcome: "rolled_back", observed: "running", error: { code: "ROTATION_ROLLED_BACK" } });
    expect(end.error?.message).toContain("old certificates are in use again");
  });
});

describe("a rotation of credentials", () => {
  const what = "credentials";

  it("generates instead of minting, and goes on like one of certificates", () => {
    expect(decide(rotating({ what }))).toMatchObject({ step: "generate", action: { do: "generate" } });
    expect(decide(rotating({ what, minted: true })).action).toEqual({ do: "switch" });
    expect(decide(rotating({ what, switched: true }, { nodes: unfit })).action).toMatchObject({ role: "indexer" });
  });

  it("touches no further role before the one that has them lets in the new and refuses the old", () => {
    const nodes = [node("indexer", "running", { prepared: false }), ...unfit.slice(1)];
    expect(decide(rotating({ what, switched: true }, { nodes })).action).toMatchObject({
      do: "prepare",
      role: "indexer",
    });
    const pausing = [
      node("indexer", "running", { prepared: false, preparing: { ...givenUp(), failures: 1, retryAt: NOW + 1 } }),
    ];
    expect(decide(rotating({ what, switched: true }, { nodes: [...pausing, ...unfit.slice(1)] })).action).toBeNull();
    const failed = [node("indexer", "running", { prepared: false, preparing: givenUp() }), ...unfit.slice(1)];
    expect(decide(rotating({ what, switched: true }, { nodes: failed })).action).toMatchObject({
      do: "turn_back",
      step: "indexer",
    });
  });

  it("says what it left in use where it fails", () => {
    const efforts = { ...facts().efforts, mint: givenUp() };
    expect(decide(rotating({ what }, { efforts })).error?.message).toContain("The old credentials stay in use.");
  });
});

describe("certificates that end", () => {
  it("are renewed by a rotation once a third of their life, at most thirty days, is left", () => {
    expect(renewalAt(0, 9 * DAY)).toBe(6 * DAY);
    expect(renewalAt(0, 365 * DAY)).toBe(335 * DAY);
    const settled = facts({ settled: true, renewAt: NOW });
    expect(decide(settled)).toMatchObject({ action: { do: "renew" }, outcome: "reached", observed: "running" });
    expect(decide({ ...settled, renewAt: NOW + 1 }).action).toBeNull();
    expect(decide({ ...settled, settled: false }).action).toBeNull();
  });

  it("do not stop the nodes of a tenant that runs, not even once they have ended", () => {
    const ended = facts({ settled: true, certificateFits: false, renewAt: NOW - 1 });
    expect(decide(ended).action).toEqual({ do: "renew" });
    const down = [node("indexer", "failed"), node("manager", "running"), node("dashboard", "running")];
    expect(decide({ ...ended, nodes: down }).action).toEqual({ do: "start", role: "indexer", n: 0 });
  });
});

describe("generations of certificates", () => {
  it("keep the one before for the way back, and destroy older ones after a success", () => {
    const states = (bundles: { state: string }[]) => bundles.map(({ state }) => state).join(" ");
    const before = ["destroyed", "previous", "active", "pending"] as const;
    const minted = before.map((state, generation) => ({ generation, state }));
    const switched = moved(minted, "switch");
    expect(states(switched)).toBe("destroyed previous previous active");
    expect(states(moved(switched, "finish"))).toBe("destroyed destroyed previous active");
    expect(states(moved(switched, "back"))).toBe("destroyed previous active destroyed");
    expect(states(moved(minted, "drop"))).toBe("destroyed previous active destroyed");
    expect(states(moved(switched, "return"))).toBe("destroyed previous active previous");
    expect(states(moved(moved(switched, "return"), "settle"))).toBe("destroyed destroyed active destroyed");
    expect(states(moved(switched, "settle"))).toBe("destroyed destroyed destroyed active");
    expect(states(moved(switched, "erase"))).toBe("destroyed destroyed destroyed destroyed");
  });
});

const weather = fc.oneof(
  { weight: 4, arbitrary: fc.constant<Weather>("ok") },
  { weight: 3, arbitrary: fc.constantFrom<Weather>("fails", "lost") },
  { weight: 1, arbitrary: fc.constantFrom<Weather>(...SERVING_ROLES.map((role): Weather => `${role} dies`)) },
);
const exchanged = fc.constantFrom<Exchanged>("certificates", "credentials");
const BREAKAGES = [null, "mint", "verify", ...SERVING_ROLES] as const;
const breakage = fc.oneof(fc.constant(null), fc.constantFrom(...BREAKAGES));

describe("from any point and under any failures a rotation", () => {
  it("leaves every node on one generation, verified, with one role down at a time", () => {
    fc.assert(
      fc.property(breakage, exchanged, fc.array(weather, { maxLength: LONGEST_STORM }), (broken, what, storm) => {
        const world = new RotatingWorld(broken, what);
        let visits = 0;
        while (!world.visit(storm[visits] ?? "ok")) {
          visits += 1;
          expect(world.bundles.filter(({ state }) => state === "active")).toHaveLength(1);
          if (visits > 2000) throw new Error(`never at rest: ${JSON.stringify(world)}`);
        }
        expect(world.harm).toEqual([]);
        const [first, ...others] = new Set(world.nodes.map(({ generation }) => generation));
        expect([first, others]).toEqual([world.active, []]);
        expect(world.nodes.every(({ state, prepared }) => state === "running" && prepared)).toBe(true);
        expect(world.active > 3).toBe(world.outcome === "reached");
        if (broken) expect(world.outcome).not.toBe("reached");
        if (storm.length === 0) expect(world.outcome).toBe(ENDS[broken ?? "nothing"]);
        expect(world.bundles.some(({ state }) => state === "pending")).toBe(false);
        if (what === "credentials") expect(world.bundles.some(({ state }) => state === "previous")).toBe(false);
      }),
      { numRuns: 2500, examples: EXAMPLES },
    );
  });
});

const EXAMPLES = BREAKAGES.flatMap((broken) =>
  (["certificates", "credentials"] as const).map((what): [typeof broken, Exchanged, Weather[]] => [broken, what, []]),
);
const ENDS = {
  ...{ nothing: "reached", mint: "gave_up", verify: "rolled_back" },
  ...{ indexer: "rolled_back", manager: "rolled_back", dashboard: "rolled_back" },
};
