/** Decisions over any state that rows can hold, and what becomes of it in a world that obeys. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { STEPS } from "../src/schemas/runs";
import { type Decision, type Facts, type NodeFact, READY_WITHIN_MS, RUN_OF } from "../src/tenant/facts";
import { decide } from "../src/tenant/lifecycle";
import { anyFacts, FRESH, facts, obeyed, settledAt } from "./support/facts";

const endsUpgrade = ({ outcome }: Decision, { upgrade }: Facts) =>
  upgrade !== null && (upgrade.back ? outcome === "rolled_back" : outcome === "reached" || outcome === "gave_up");

const RUNS = { asleep: "sleep", awake: "wake" } as const;

describe("decisions over any state", () => {
  it("always act, wait for a time, or are done", () => {
    fc.assert(
      fc.property(anyFacts, (some) => {
        const { action, wakeAt, outcome } = decide(some);
        expect(action !== null || wakeAt !== null || outcome !== "going").toBe(true);
        if (wakeAt !== null && action === null) expect(wakeAt).toBeGreaterThan(some.now);
        // What is stored as a time is a whole number.
        if (wakeAt !== null) expect(Number.isInteger(wakeAt)).toBe(true);
      }),
    );
  });

  it("name only steps of their run, and never a step that holds", () => {
    fc.assert(
      fc.property(anyFacts, (some) => {
        const { step, holding } = decide(some);
        const kind = { running: "start", stopped: "stop", deleted: "delete" }[some.requested] as keyof typeof STEPS;
        const { rotation, upgrade, sleep } = some.requested === "running" ? some : facts();
        const rolling = rotation ? STEPS[RUN_OF[rotation.what]] : upgrade && STEPS.upgrade;
        const beside = rolling ? [...rolling, "rollback"] : sleep && STEPS[RUNS[sleep.aim]];
        const names: readonly string[] = beside || STEPS[kind];
        for (const name of step ? [step, ...holding] : holding) expect(names).toContain(name);
        expect(holding).not.toContain(step);
      }),
    );
  });

  it("never start anything for a tenant that is to stop or go", () => {
    fc.assert(
      fc.property(
        anyFacts.filter((some) => some.requested !== "running"),
        (some) => {
          expect(["start", "mint", "verify", "prepare", "renew", "switch", "turn_back"]).not.toContain(
            decide(some).action?.do,
          );
        },
      ),
    );
  });

  it("reach what is wanted in a bounded number of actions when the world obeys", () => {
    fc.assert(
      fc.property(anyFacts, (some) => void reached(some)),
      { numRuns: 500 },
    );
  });

  it("reach it before any node is late where none has failed yet, though indexers serve only together", () => {
    fc.assert(
      fc.property(anyFacts.map(untried), (some) => {
        expect(reached(some).now - some.now).toBeLessThan(LATE_MS);
      }),
      { numRuns: 1000 },
    );
  });
});

const LATE_MS = Math.min(...Object.values(READY_WITHIN_MS));

/** The same state without any failure behind it, and what is on its way just started. */
function untried(some: Facts): Facts {
  const fresh = <T extends NodeFact>(one: T): T => ({ ...one, starting: FRESH, preparing: FRESH, startedAt: some.now });
  return {
    ...{ ...some, certs: fresh(some.certs), nodes: some.nodes.map(fresh) },
    upgrade: some.upgrade && { ...some.upgrade, effort: FRESH },
    efforts: { mint: FRESH, verify: FRESH, stop: FRESH, erase: FRESH },
  };
}

/** How the world is once nothing is left to do. */
function reached(some: Facts): Facts {
  let now: Facts = some;
  for (let visits = 0; visits < 3000; visits++) {
    const decision = decide(now);
    if (decision.outcome !== "going" && now.rotation) now = { ...now, rotation: null };
    else if (endsUpgrade(decision, now)) now = { ...now, upgrade: null };
    else if (decision.outcome !== "going" && now.sleep?.aim === "awake") now = { ...now, sleep: null };
    else if (decision.outcome === "reached" && !decision.action) return now;
    else if (decision.action) now = obeyed(now, decision.action);
    else if (decision.outcome === "gave_up" && decision.wakeAt === null) return now;
    else if (decision.wakeAt === null) break;
    else now = settledAt(now, decision.wakeAt);
  }
  throw new Error(`not reached: ${JSON.stringify(decide(now))} in ${JSON.stringify(now)}`);
}
