import { env, runInDurableObject } from "cloudflare:test";
import { afterEach, describe, expect, it } from "vitest";
import { readBulk } from "../src/gates/bulk";
import { CertsContainer, IndexerContainer, ManagerContainer } from "../src/index";
import { effortOf } from "../src/tenant/efforts";
import { type Effort, MAX_FAILURES } from "../src/tenant/facts";
import { decide } from "../src/tenant/lifecycle";
import { LiveContext } from "../src/tenant/live_context";
import { factOf, nodeRow, notePrepared, noteStart, startSubject, takeReport } from "../src/tenant/node_records";
import { nodeStub } from "../src/tenant/nodes/names";
import type { NodeReport, StartOrder } from "../src/tenant/nodes/reports";
import { Turns } from "../src/tenant/nodes/turns";
import { containerNamed, type FakeContainer } from "./support/containers";
import { newTenantId, stoppedTenant } from "./support/edge";
import { facts, node } from "./support/facts";
import { runningTenant } from "./support/tenants";

const order = (start: number): StartOrder => ({
  ...{ start, generation: 1, image: "v4147", instance: "standard-1", env: {} },
});

const NODE = { role: "manager", n: 0 } as const;
const STARTED_AS = { incarnation: "v1", instance: "standard-1", credentials: 1 };

/** A manager's object with its container, whose first intercept waits until it is let go. */
function withManager(work: (node: ManagerContainer, fake: FakeContainer, letGo: () => void) => Promise<void>) {
  const name = `${newTenantId()}:manager:0`;
  return runInDurableObject(env.MANAGER.getByName(name), async (node: ManagerContainer) => {
    const fake = containerNamed(name, "manager");
    let letGo = () => {};
    const held = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    fake.interceptOutboundHttp = () => held;
    await work(node, fake, () => letGo());
  });
}

describe("a node's object", () => {
  it("starts one container after the other when orders overlap", () =>
    withManager(async (node, fake, letGo) => {
      const starts = [node.start(order(1)), node.start(order(2)), node.start(order(1))];
      letGo();
      expect((await Promise.all(starts)).map(({ start }) => start)).toEqual([1, 2, 2]);
      expect([fake.starts, fake.running]).toEqual([2, true]);
    }));

  it("leaves no container behind when it is erased while one is on its way, and starts none ever after", () =>
    withManager(async (node, fake, letGo) => {
      const started = node.start(order(1));
      const erased = node.erase();
      letGo();
      await Promise.all([started, erased]);
      expect(fake.running).toBe(false);
      await expect(node.start(order(2))).rejects.toThrow("erased");
      expect(fake.running).toBe(false);
    }));

  it("stops what was on its way when the stop was asked for", () =>
    withManager(async (node, fake, letGo) => {
      const started = node.start(order(1));
      const stopped = node.stop();
      letGo();
      await started;
      expect((await stopped).state).toBe("stopping");
      await expect.poll(() => fake.running).toBe(false);
    }));

  it("takes a turn from work that hangs, which then does nothing more", async () => {
    const turns = new Turns();
    const done: string[] = [];
    let wake = () => {};
    let late: Promise<unknown> = Promise.resolve();
    const hung = turns.take(20, (stillMine) => {
      late = new Promise<void>((resolve) => {
        wake = resolve;
      }).then(() => {
        stillMine();
        done.push("late");
      });
      return late;
    });
    const next = turns.take(1000, async () => void done.push("next"));
    await expect(hung).rejects.toThrow("did not finish");
    await next;
    wake();
    await expect(late).rejects.toThrow("others had their turn");
    expect(done).toEqual(["next"]);
  });
});

describe("a request to a container", () => {
  const prototype = ManagerContainer.prototype as unknown as { port: unknown };
  const original = prototype.port;
  afterEach(() => {
    prototype.port = original;
  });

  it.each([
    ["GET", 3],
    ["HEAD", 3],
    ["POST", 1],
    ["DELETE", 1],
  ])("with %s is sent at most %i times when its answer is lost", async (method, times) => {
    let sent = 0;
    prototype.port = () => ({
      fetch: () => {
        sent += 1;
        throw new Error("connection reset");
      },
    });
    const node = nodeStub(env, newTenantId(), "manager", 0);
    const answer = await node.fetch(new Request("http://node:55000/x", { method }));
    expect([answer.status, sent]).toEqual([503, times]);
  });
});

/** A node that serves for a while (ms) and then ends, as its object tells it. */
function dying(act: (ctx: LiveContext, dies: (after: number, exitCode: number | null) => Effort) => void) {
  return runInDurableObject(env.TENANT.getByName(newTenantId()), (_object, state) => {
    const ctx = new LiveContext(state, env);
    act(ctx, (after, exit_code) => {
      const start = noteStart(ctx, NODE, STARTED_AS);
      const common = { role: "manager", n: 0, start, image: null, started_at: 1, exit_code: null } as const;
      takeReport(ctx, { ...common, state: "running", told: 1 }, null);
      state.storage.sql.exec("UPDATE nodes SET ready_at = ready_at - ?", after);
      takeReport(ctx, { ...common, state: "failed", told: 2, exit_code }, null);
      return effortOf(ctx, startSubject("manager", 0));
    });
  });
}

describe("what a node reports", () => {
  /** A tenant object that ordered a second start of its manager. */
  function afterTwoStarts(work: (ctx: LiveContext, report: (more: Partial<NodeReport>) => NodeReport) => void) {
    return runInDurableObject(env.TENANT.getByName(newTenantId()), (_object, state) => {
      const ctx = new LiveContext(state, env);
      for (let start = 1; start <= 2; start++) noteStart(ctx, NODE, STARTED_AS);
      const common = { role: "manager", n: 0, start: 2, image: null, started_at: 1, exit_code: null } as const;
      work(ctx, (more) => ({ ...common, state: "starting", ...more }));
    });
  }
  const stateOf = (ctx: LiveContext) => nodeRow(ctx, "manager", 0)?.state;

  it("late does not undo what it told after it, nor count an exit twice", () =>
    afterTwoStarts((ctx, report) => {
      takeReport(ctx, report({ state: "running", told: 2 }), null);
      takeReport(ctx, report({ state: "failed", told: 3, exit_code: 1 }), null);
      takeReport(ctx, report({ state: "running", told: 2 }), 2);
      takeReport(ctx, report({ state: "failed", told: 3, exit_code: 1 }), 2);
      expect(stateOf(ctx)).toBe("failed");
      expect(effortOf(ctx, startSubject("manager", 0)).failures).toBe(1);
    }));

  it("of serving and dying again and again counts as a crash loop, with growing pauses; after long service anew", () =>
    dying((ctx, dies) => {
      const pauses: number[] = [];
      const count = (after: number) => {
        const { failures, retryAt } = dies(after, 137);
        pauses.push(retryAt - Date.now());
        return failures;
      };
      expect([60_000, 120_000, 60_000, 15_000, 60_000].map(count)).toEqual([1, 2, 3, 4, MAX_FAILURES]);
      expect(pauses).toEqual([...pauses].sort((a, b) => a - b));
      const { starting } = factOf(ctx, { ...NODE, wanted: true }, "v1", 1, false);
      const nodes = [node("indexer", "running"), node("manager", "failed", { starting }), node("dashboard", "running")];
      expect(decide(facts({ settled: true, now: Date.now(), nodes })).reason?.code).toBe("NODE_CRASH_LOOP");
      expect(count(300_000)).toBe(1);
    }));

  it("of being gone with its host after it served is no fault of the node's, however often", () =>
    dying((_, dies) => {
      for (let time = 0; time < 2 * MAX_FAILURES; time++) expect(dies(1000, null)).toMatchObject({ failures: 0 });
    }));

  it("of an older start says that the newer never arrived only if the newer was asked about", () =>
    afterTwoStarts((ctx, report) => {
      takeReport(ctx, report({ state: "running", told: 2 }), null);
      takeReport(ctx, report({ start: 1, state: "failed", told: 9 }), 1);
      takeReport(ctx, report({ start: 1, state: "failed", told: 9 }), null);
      expect(stateOf(ctx)).toBe("running");
      takeReport(ctx, report({ start: 1, state: "failed", told: 9 }), 2);
      expect(stateOf(ctx)).toBe("absent");
    }));

  it("is taken from a node of the version before, which counts nothing", () =>
    afterTwoStarts((ctx, report) => {
      takeReport(ctx, report({ state: "running" }), null);
      takeReport(ctx, report({ state: "failed" }), null);
      expect(stateOf(ctx)).toBe("failed");
    }));

  it("notes when it got on", () =>
    afterTwoStarts((ctx, report) => {
      takeReport(ctx, report({ progress: 0 }), 2);
      expect(nodeRow(ctx, "manager", 0)?.moved_at).toBeNull();
      takeReport(ctx, report({ progress: 40 }), 2);
      expect(nodeRow(ctx, "manager", 0)?.moved_at).toBeGreaterThan(0);
    }));

  it("as prepared holds for the start that was prepared alone", () =>
    afterTwoStarts((ctx) => {
      notePrepared(ctx, "manager", 0, 1);
      expect(nodeRow(ctx, "manager", 0)?.prepared).toBe(0);
      notePrepared(ctx, "manager", 0, 2);
      expect(nodeRow(ctx, "manager", 0)?.prepared).toBe(1);
    }));
});

describe("a certificates node", () => {
  it("can't make the edge hold an endless bundle, or keep one that is none", async () => {
    const prototype = CertsContainer.prototype as unknown as { port: unknown };
    const original = prototype.port;
    const chunk = new TextEncoder().encode("x".repeat(100_000));
    const answers = [
      () => new Response(new ReadableStream({ pull: (controller) => controller.enqueue(chunk) })),
      () => Response.json({ files: {}, not_after: "2030-01-01T00:00:00Z", fingerprint: "f".repeat(100_000) }),
    ];
    prototype.port = () => ({ fetch: async () => answers.shift()?.() });
    const request = { days: 1, nodes: { indexer: [], server: [], dashboard: [] } };
    try {
      await runInDurableObject(nodeStub(env, newTenantId(), "certs", 0), async (node) => {
        for (let tries = 0; tries < 2; tries++) await expect(node.mint(request)).rejects.toThrow("no usable bundle");
      });
    } finally {
      prototype.port = original;
    }
  });
});

describe("an indexer's object", () => {
  it("reports how far its container got in the journal", async () => {
    const tenant = await runningTenant();
    const indexer = nodeStub(env, tenant, "indexer", 0);
    const lines = ["a", "b"].map((id) => `{"index":{"_index":"wazuh-alerts-4.x-2026.11.23"}}\n{"id":"${id}"}\n`);
    await indexer.keep(readBulk(tenant, 0, lines.join("")) as Parameters<typeof indexer.keep>[0]);
    await expect.poll(async () => (await indexer.report()).progress).toBe(2);
  });

  it("tells the first thing that failed in a probe, not what cleaning up met", async () => {
    const prototype = IndexerContainer.prototype as unknown as { port: unknown };
    const original = prototype.port;
    prototype.port = () => ({
      fetch: async (url: string, { body }: RequestInit) => {
        if (url.endsWith("/_search")) return Response.json({ hits: { hits: [] } });
        return String(body).includes("delete") ? new Response("", { status: 500 }) : Response.json({ errors: false });
      },
    });
    try {
      await runInDurableObject(nodeStub(env, await stoppedTenant(), "indexer", 0), async (node) => {
        await expect(node.verifyIngest("probe-1")).rejects.toThrow("did not find the probe");
      });
    } finally {
      prototype.port = original;
    }
  });
});
