/** Decisions over any state that rows can hold, and what becomes of it in a world that obeys. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { STEPS } from "../src/schemas/runs";
import { type Decision, type Facts, type NodeFact, RUN_OF, SLOW_RETRY_MS } from "../src/tenant/facts";
import { decide } from "../src/tenant/lifecycle";
import { alive } from "../src/tenant/verdicts";
import { anyFacts, EXITED, FRESH, facts, known, obeyed, settledAt } from "./support/facts";

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
        // Content comes in a run of its own, or behind the steps of another one.
        const names: readonly string[] = beside || [...STEPS[kind], ...(some.content ? STEPS.content : [])];
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

  it("reach it with nothing given up on the way where few nodes die, though indexers serve only together", () => {
    fc.assert(
      fc.property(calm, storms, (some, storm) => {
        const end = reached(some, storm);
        expect(end.now - end.calmAt).toBeLessThan(SLOW_RETRY_MS);
      }),
      { numRuns: 1500 },
    );
  });
});

/** States without any failure behind them, of a tenant that does one thing at a time; what is on its way just started. */
const calm = fc
  .tuple(anyFacts, fc.constantFrom("rotation", "upgrade", "sleep", "nothing"))
  .map(([some, does]): Facts => {
    const fresh = <T extends NodeFact>(one: T): T => ({
      ...one,
      starting: FRESH,
      preparing: FRESH,
      startedAt: some.now,
    });
    return {
      ...{ ...some, certs: fresh(some.certs), nodes: some.nodes.map(fresh) },
      rotation: does === "rotation" ? some.rotation : null,
      upgrade: does === "upgrade" ? some.upgrade && { ...some.upgrade, effort: FRESH } : null,
      sleep: does === "sleep" ? some.sleep : null,
      efforts: { mint: FRESH, verify: FRESH, stop: FRESH, erase: FRESH },
    };
  });

/** At each visit the place of a node that ends then, if there is one and it runs. */
const storms = fc.array(fc.nat(12), { maxLength: 100 });
/** Fewer than it takes to give a node up. */
const MOST_DEATHS = 3;

function struck(before: Facts, at: number | undefined): Facts {
  const one = at === undefined ? undefined : before.nodes[at];
  if (!one || !alive(one) || one.starting.failures >= MOST_DEATHS) return before;
  const starting = { failures: one.starting.failures + 1, retryAt: before.now + 1000, error: EXITED };
  return {
    ...before,
    nodes: known(before.nodes.map((node) => (node === one ? { ...one, state: "failed", starting } : node))),
  };
}

/** How the world is once nothing is left to do, and when the last node died. */
function reached(some: Facts, storm: number[] = []): { now: number; calmAt: number } {
  let [now, calmAt] = [some, some.now];
  for (let visits = 0; visits < 3000; visits++) {
    if (visits < storm.length) calmAt = now.now;
    now = struck(now, storm[visits]);
    const decision = decide(now);
    if (decision.outcome !== "going" && now.rotation) now = { ...now, rotation: null };
    else if (endsUpgrade(decision, now)) now = { ...now, upgrade: null };
    else if (decision.outcome !== "going" && now.sleep?.aim === "awake") now = { ...now, sleep: null };
    else if (decision.outcome !== "going" && now.content?.run)
      now = { ...now, content: { ...now.content, run: false } };
    else if (decision.outcome === "reached" && !decision.action) return { now: now.now, calmAt };
    else if (decision.action) now = obeyed(now, decision.action);
    else if (decision.outcome === "gave_up" && decision.wakeAt === null) return { now: now.now, calmAt };
    else if (decision.wakeAt === null) break;
    else now = settledAt(now, decision.wakeAt);
  }
  throw new Error(`not reached: ${JSON.stringify(decide(now))} in ${JSON.stringify(now)}`);
}
