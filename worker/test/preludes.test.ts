import { describe, expect, it } from "vitest";
import type { Facts } from "../src/tenant/facts";
import { decide } from "../src/tenant/lifecycle";
import { PRELUDE_STEPS } from "../src/tenant/preludes";
import { FRESH, facts, givenUp, obeyed } from "./support/facts";

describe("a tenant that is to be restored", () => {
  const restore = (done: number, more: Partial<Facts> = {}) =>
    facts({ verified: false, prelude: { steps: PRELUDE_STEPS.restore, done, effort: FRESH }, ...more });

  it("is backed up, stopped, given the backup's state, started and verified, in this order", () => {
    const taken: string[] = [];
    let world = restore(0);
    for (let { action, step } = decide(world); action && taken.length < 30; { action, step } = decide(world)) {
      taken.push(`${step}: ${action.do}`);
      world = obeyed(world, action);
    }
    expect([...new Set(taken)]).toEqual([
      ...["backup: backup", "stop: stop", "put_state: put_state"],
      ...["indexer: start", "manager: start", "manager: prepare", "dashboard: start", "verify: verify"],
    ]);
    expect(decide(world)).toMatchObject({
      outcome: "reached",
      holding: expect.arrayContaining(["backup", "stop", "put_state"]),
    });
  });

  it("is not stopped while its backup fails, and the restore is given up with why", () => {
    const effort = givenUp();
    const decision = decide(restore(0, { prelude: { steps: PRELUDE_STEPS.restore, done: 0, effort } }));
    expect(decision).toMatchObject({
      step: "backup",
      action: null,
      outcome: "gave_up",
      error: { code: "NODE_CRASH_LOOP" },
    });
  });
});
