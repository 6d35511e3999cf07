import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { NodeState } from "../src/schemas/tenant";
import {
  CHECKS_TO_PERSIST,
  dashboardFinding,
  differs,
  type Finding,
  gravest,
  healthOf,
  indexerFinding,
  isEvent,
  managerFinding,
  nextReading,
  persists,
  type Reading,
  STALE_MS,
  silent,
} from "../src/tenant/health";
import { decide } from "../src/tenant/lifecycle";
import { DAEMONS } from "./support/containers";
import { anyFacts, facts, NOW, UNWELL } from "./support/facts";

const codes = (...findings: Finding[]) => findings.map((finding) => finding && `${finding.state} ${finding.code}`);
const disk = (percentUsed: number) => ({ total: 1000, available: 1000 - percentUsed * 10 });

describe("what a node's answers say", () => {
  it("an indexer is as well as its cluster and its disk, the worse of both", () => {
    expect(
      codes(
        indexerFinding("green", disk(84), 85),
        indexerFinding("green", null, 85),
        indexerFinding("yellow", disk(10), 85),
        indexerFinding("green", disk(86), 85),
        indexerFinding("green", disk(86), 90),
        indexerFinding("yellow", disk(96), 85),
        indexerFinding("red", disk(86), 85),
        indexerFinding("constructor", null, 85),
        indexerFinding("green", { total: 0, available: 0 }, 85),
      ),
    ).toEqual([
      ...[
        null,
        null,
        "warning CLUSTER_YELLOW",
        "warning DISK_FILLING",
        null,
        "failing DISK_FULL",
        "failing CLUSTER_RED",
      ],
      ...["failing NO_ANSWER", null],
    ]);
  });

  it("a manager fails without what receives and analyses events, and is warned of for what it can do without", () => {
    const without = (name: string) => ({ ...DAEMONS, [name]: "stopped" });
    const { "wazuh-remoted": _gone, ...rest } = DAEMONS;
    expect(
      codes(
        managerFinding(DAEMONS),
        managerFinding(without("wazuh-analysisd")),
        managerFinding(without("wazuh-modulesd")),
        managerFinding(rest),
        managerFinding({ ...without("wazuh-authd"), "wazuh-db": "failed" }),
      ),
    ).toEqual([null, "failing DAEMON_DOWN", "warning DAEMON_MISSING", "failing DAEMON_DOWN", "failing DAEMON_DOWN"]);
    expect(managerFinding(without("wazuh-analysisd"))?.message).toBe("wazuh-analysisd does not run.");
  });

  it("a dashboard is what it says of itself, and failing where nobody knows the word", () => {
    expect(codes(...["green", "yellow", "red", "toString"].map(dashboardFinding))).toEqual([
      ...[null, "warning DASHBOARD_YELLOW", "failing DASHBOARD_RED", "failing NO_ANSWER"],
    ]);
  });
});

const anyFinding = fc.constantFrom<Finding>(
  null,
  { state: "warning", code: "DISK_FILLING", message: "86 %" },
  { state: "failing", code: "DISK_FULL", message: "96 %" },
  silent("status 503"),
);
const anyChecks = fc.array(fc.record({ finding: anyFinding, restarted: fc.boolean(), after: fc.nat(400_000) }));

/** The readings of a node that is checked and started anew in any order. */
function readings(checks: { finding: Finding; restarted: boolean; after: number }[]): Reading[] {
  let [reading, start, now]: [Reading | null, number, number] = [null, 1, NOW];
  return checks.map(({ finding, restarted, after }) => {
    start += Number(restarted);
    now += after;
    reading = nextReading(reading, start, finding, now);
    return reading;
  });
}

describe("a node's health over time", () => {
  it("fails for good only after as many failing checks in a row of the same start", () => {
    fc.assert(
      fc.property(anyChecks, (checks) => {
        for (const [index, reading] of readings(checks).entries()) {
          const last = checks.slice(Math.max(0, index + 1 - CHECKS_TO_PERSIST), index + 1);
          const all = last.length === CHECKS_TO_PERSIST && last.every(({ finding }) => finding?.state === "failing");
          const sameStart = last.slice(1).every(({ restarted }) => !restarted);
          const health = healthOf(reading, { state: "running", start: reading.start }, reading.checkedAt);
          expect(persists(reading, health)).toBe(all && sameStart);
        }
      }),
    );
  });

  it("is unknown of a node that does not run, was started anew, or was not asked for a while", () => {
    const states = fc.constantFrom<NodeState>("absent", "starting", "running", "stopping", "stopped", "failed");
    fc.assert(
      fc.property(anyFinding, states, fc.boolean(), fc.nat(2 * STALE_MS), (finding, state, later, age) => {
        const reading = nextReading(null, 1, finding, NOW);
        const health = healthOf(reading, { state, start: later ? 2 : 1 }, NOW + age);
        const known = state === "running" && !later && age <= STALE_MS;
        expect(health.state).toBe(known ? (finding?.state ?? "ok") : "unknown");
        expect(health.detail?.code).toBe(known ? finding?.code : undefined);
        expect(persists({ ...reading, failures: 9 }, health)).toBe(known && finding?.state === "failing");
      }),
    );
    expect(healthOf(null, { state: "running", start: 1 }, NOW).state).toBe("unknown");
  });

  it("is news by state and code, and an event where something is or was wrong", () => {
    const [ok, unknown] = [{ state: "ok", detail: null } as const, { state: "unknown", detail: null } as const];
    const filling = (message: string) => ({ state: "warning", detail: { code: "DISK_FILLING", message } }) as const;
    expect([differs(ok, unknown), differs(filling("86 %"), filling("87 %")), differs(ok, filling(""))]).toEqual([
      ...[true, false, true],
    ]);
    expect([isEvent(unknown, ok), isEvent(ok, unknown), isEvent(filling(""), ok), isEvent(ok, filling(""))]).toEqual([
      ...[false, false, true, true],
    ]);
  });

  it("is told by its gravest finding", () => {
    fc.assert(
      fc.property(fc.array(anyFinding), (findings) => {
        const states = findings.map((finding) => finding?.state);
        const expected = (["failing", "warning"] as const).find((state) => states.includes(state));
        expect(gravest(findings)?.state).toBe(expected);
      }),
    );
  });
});

describe("a tenant whose node runs and is not well", () => {
  it("is degraded and says why", () => {
    const decision = decide(facts({ settled: true, unwell: UNWELL }));
    expect(decision).toMatchObject({ observed: "degraded", reason: { code: "NODE_UNHEALTHY" }, outcome: "reached" });
  });

  it("is treated in no other way: nothing is restarted for it, and what is being set up goes on", () => {
    fc.assert(
      fc.property(anyFacts, (any) => {
        const [well, unwell] = [decide({ ...any, unwell: null }), decide({ ...any, unwell: UNWELL })];
        const { observed, reason, ...rest } = unwell;
        const { observed: otherwise, reason: other, ...same } = well;
        expect(rest).toEqual(same);
        const shown = any.settled && otherwise === "running";
        expect([observed, reason?.code]).toEqual(shown ? ["degraded", "NODE_UNHEALTHY"] : [otherwise, other?.code]);
      }),
    );
  });
});
