import { describe, expect, it } from "vitest";
import { SERVING_ROLES } from "../src/schemas/plan";
import { type Facts, MAX_FAILURES, type NodeFact, READY_WITHIN_MS, type Upgrade } from "../src/tenant/facts";
import { decide } from "../src/tenant/lifecycle";
import { EXITED, FRESH, facts, givenUp, NOW, node, obeyed, settledAt } from "./support/facts";

const fresh = () =>
  facts({
    certificateFits: false,
    certs: node("certs", "absent"),
    nodes: SERVING_ROLES.map((role) => node(role, "absent")),
    verified: false,
  });

describe("a tenant that is to run", () => {
  it("starts with the node that mints its certificates", () => {
    expect(decide(fresh())).toMatchObject({
      step: "certs",
      action: { do: "start", role: "certs" },
      observed: "starting",
    });
  });

  it("stops the certificates node as soon as a certificate fits", () => {
    expect(decide(facts({ certs: node("certs", "running") })).action).toEqual({ do: "stop", role: "certs", n: 0 });
  });

  it("waits for the indexer before it starts the manager", () => {
    const nodes = [node("indexer", "starting"), node("manager", "absent"), node("dashboard", "absent")];
    const decision = decide(facts({ nodes, verified: false }));
    expect(decision).toMatchObject({ step: "indexer", action: null, outcome: "going", holding: ["certs"] });
    expect(decision.wakeAt).toBeGreaterThan(NOW);
  });

  it("gives a manager its agents before the dashboard starts", () => {
    const nodes = [
      node("indexer", "running"),
      node("manager", "running", { prepared: false }),
      node("dashboard", "absent"),
    ];
    expect(decide(facts({ nodes })).action).toEqual({ do: "prepare", role: "manager", n: 0 });
  });

  it("verifies ingest once every node serves, and only then runs", () => {
    expect(decide(facts({ verified: false }))).toMatchObject({
      step: "verify",
      action: { do: "verify" },
      outcome: "going",
    });
    expect(decide(facts())).toMatchObject({ observed: "running", step: null, outcome: "reached" });
  });

  it("ends a container that does not serve within its time", () => {
    const late = node("indexer", "starting", { startedAt: NOW - READY_WITHIN_MS.indexer });
    expect(decide(facts({ nodes: [late] })).action).toEqual({ do: "give_up_start", role: "indexer", n: 0 });
  });

  it("goes on waiting for an indexer that gets on, however much there is for it to take in", () => {
    const startedAt = NOW - 5 * READY_WITHIN_MS.indexer;
    const filling = node("indexer", "starting", { startedAt, movedAt: NOW - 1000 });
    expect(decide(facts({ nodes: [filling], verified: false }))).toMatchObject({ action: null, outcome: "going" });
    const stuck = node("indexer", "starting", { startedAt, movedAt: NOW - READY_WITHIN_MS.indexer });
    expect(decide(facts({ nodes: [stuck] })).action).toEqual({ do: "give_up_start", role: "indexer", n: 0 });
  });

  it("pauses after a failed start and says what failed", () => {
    const failed = node("indexer", "failed", { starting: { failures: 1, retryAt: NOW + 500, error: EXITED } });
    const decision = decide(facts({ nodes: [failed] }));
    expect(decision).toMatchObject({
      action: null,
      wakeAt: NOW + 500,
      error: { code: "NODE_EXITED" },
      observed: "starting",
    });
  });

  it("fails visibly after too many failed starts, with a hint to retry", () => {
    const decision = decide(facts({ nodes: [node("indexer", "failed", { starting: givenUp() })] }));
    expect(decision).toMatchObject({ observed: "failed", outcome: "gave_up", action: null, step: "indexer" });
    expect(decision.reason).toMatchObject({ code: "NODE_CRASH_LOOP", hint: expect.stringContaining("Retry") });
  });

  it("replaces a node that was started under an older plan", () => {
    const nodes = [node("indexer", "running"), node("manager", "running", { fits: false })];
    expect(decide(facts({ nodes })).action).toEqual({ do: "stop", role: "manager", n: 0 });
  });
});

describe("nodes of which a role has several", () => {
  const dashboards = (...nodes: ReturnType<typeof node>[]) =>
    facts({ nodes: [node("indexer", "running"), node("manager", "running"), ...nodes] });

  it("start though another one of them is given up, which is told in the end", () => {
    const broken = node("dashboard", "failed", { starting: givenUp() });
    const begun = decide(dashboards(broken, node("dashboard", "absent", { n: 1 })));
    expect(begun.action).toEqual({ do: "start", role: "dashboard", n: 1 });
    expect(decide(dashboards(broken, node("dashboard", "running", { n: 1 })))).toMatchObject({ observed: "failed" });
  });

  it("are stopped where the plan has fewer, and then no more is done about them", () => {
    const left = (state: "running" | "stopping" | "stopped") => node("dashboard", state, { n: 1, wanted: false });
    const first = node("dashboard", "running");
    expect(decide(dashboards(first, left("running"))).action).toEqual({ do: "stop", role: "dashboard", n: 1 });
    expect(decide(dashboards(first, left("stopping")))).toMatchObject({ action: null, outcome: "going" });
    expect(decide(dashboards(first, left("stopped")))).toMatchObject({ observed: "running", outcome: "reached" });
  });
});

describe("a tenant that has run before", () => {
  it("is degraded, not starting, while a node is down", () => {
    expect(decide(facts({ settled: true, nodes: [node("indexer", "failed")] }))).toMatchObject({
      observed: "degraded",
    });
  });

  it("restarts its manager although its indexer is given up", () => {
    const nodes = [node("indexer", "failed", { starting: givenUp() }), node("manager", "failed")];
    const decision = decide(facts({ settled: true, nodes }));
    expect(decision).toMatchObject({ observed: "failed", action: { do: "start", role: "manager" } });
  });

  it("tries a given-up node again by itself after a long pause", () => {
    const starting = { failures: MAX_FAILURES, retryAt: NOW - 3_600_000, error: EXITED };
    const decision = decide(facts({ settled: true, nodes: [node("indexer", "failed", { starting })] }));
    expect(decision.action).toEqual({ do: "start", role: "indexer", n: 0 });
  });
});

describe("a tenant that is to stop or go", () => {
  it("stops dashboard, then manager, then indexer", () => {
    expect(decide(facts({ requested: "stopped" }))).toMatchObject({
      step: "dashboard",
      action: { do: "stop", role: "dashboard" },
    });
    const nodes = [node("indexer", "running"), node("manager", "running"), node("dashboard", "stopped")];
    expect(decide(facts({ requested: "stopped", nodes }))).toMatchObject({ step: "manager", holding: ["dashboard"] });
  });

  it("erases only once nothing runs any more", () => {
    const nodes = SERVING_ROLES.map((role) => node(role, "stopped"));
    expect(decide(facts({ requested: "deleted", nodes })).action).toEqual({ do: "erase" });
    expect(decide(facts({ requested: "deleted", nodes: [node("indexer", "stopping")] }))).toMatchObject({
      step: "stop",
      action: null,
    });
  });

  it("goes on trying to erase however often that failed", () => {
    const nodes = [node("indexer", "stopped")];
    const erase = { failures: 50, retryAt: NOW, error: EXITED };
    expect(decide(facts({ requested: "deleted", nodes, efforts: { ...facts().efforts, erase } })).action).toEqual({
      do: "erase",
    });
  });
});

describe("a tenant with several managers", () => {
  const managers = (...more: Partial<NodeFact>[]) => more.map((one, n) => node("manager", "running", { n, ...one }));
  const around = (nodes: NodeFact[], more: Partial<Facts> = {}) =>
    facts({ ...more, nodes: [node("indexer", "running"), ...nodes, node("dashboard", "running")] });
  const verdictsOf = (now: Facts) => {
    const done: string[] = [];
    for (let world = now; done.length < 30; ) {
      const { action } = decide(world);
      if (!action) return done;
      done.push("n" in action ? `${action.do} ${action.role} ${action.n}` : action.do);
      world = settledAt(obeyed(world, action), NOW);
    }
    throw new Error(`no end: ${done.join(", ")}`);
  };

  it("starts the master, gives it the agents, and then its workers", () => {
    const absent = { state: "absent", prepared: false } as const;
    expect(verdictsOf(around(managers(absent, absent, absent)))).toEqual([
      ...["start manager 0", "prepare manager 0", "start manager 1", "prepare manager 1"],
      ...["start manager 2", "prepare manager 2"],
    ]);
  });

  it("replaces a master that is no cluster's before it starts the first worker, which could not join it", () => {
    const grown = managers({ fits: false }, { state: "absent", prepared: false });
    expect(verdictsOf(around(grown, { settled: true, resizing: true }))).toEqual([
      ...["stop manager 0", "start manager 0", "prepare manager 0", "start manager 1", "prepare manager 1"],
    ]);
  });

  it("is brought to another version with them, though none of the new ones can serve before the master is replaced", () => {
    const grown = managers({ fits: false }, { state: "absent", fits: false, prepared: false });
    const [from, to] = ["4.14.6", "4.14.7"].map((version) => ({
      indexer: version,
      manager: version,
      dashboard: version,
    }));
    const started = { saved: false, adopts: false, verified: false, back: null, effort: FRESH };
    const upgrade = { from, to, versions: from, ...started } as Upgrade;
    const done = verdictsOf(around(grown, { settled: true, upgrade }));
    expect(done[0]).toBe("snapshot");
    expect(done.slice(-3)).toEqual(["stop dashboard 0", "start dashboard 0", "verify"]);
    expect(done).toContain("prepare manager 1");
  });

  it("replaces a master although a worker of its own key, which it refuses, does not serve", () => {
    const waits = managers({ fits: false }, { prepared: false });
    expect(decide(around(waits, { settled: true })).action).toEqual({ do: "stop", role: "manager", n: 0 });
  });

  it("takes one manager down at a time", () => {
    const rolling = managers({ fits: false }, { fits: false }, { fits: false });
    expect(verdictsOf(around(rolling, { settled: true }))).toEqual(
      [0, 1, 2].flatMap((n) => [`stop manager ${n}`, `start manager ${n}`, `prepare manager ${n}`]),
    );
  });

  it("lets workers go once the one that stays serves without them", () => {
    const fewer = managers({ fits: false }, { wanted: false }, { wanted: false });
    expect(verdictsOf(around(fewer, { settled: true }))).toEqual([
      ...["stop manager 0", "start manager 0", "prepare manager 0", "stop manager 1", "stop manager 2"],
    ]);
  });

  it("starts a worker although its master was given up: its agents have somewhere to go", () => {
    const alone = managers({ state: "failed", starting: givenUp() }, { state: "failed", prepared: false });
    expect(decide(around(alone, { settled: true })).action).toEqual({ do: "start", role: "manager", n: 1 });
  });
});
