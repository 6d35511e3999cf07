/** Sleeping and waking from any point: what is decided, and what becomes of real objects under random interleavings. */
import { env, evictDurableObject, runInDurableObject } from "cloudflare:test";
import fc from "fast-check";
import { afterEach, describe, expect, it, vi } from "vitest";
import { SERVING_ROLES } from "../src/schemas/plan";
import type { TenantView } from "../src/schemas/tenant";
import type { Facts } from "../src/tenant/facts";
import { decide } from "../src/tenant/lifecycle";
import { nodeStub } from "../src/tenant/nodes/names";
import { serves } from "../src/tenant/verdicts";
import { connect, enrolledAgent } from "./support/connector";
import { world } from "./support/containers";
import { open, signIn } from "./support/dashboard";
import type { Enrolled } from "./support/edge";
import { anyFacts, facts, NOW, node } from "./support/facts";
import {
  AFTER_MINUTES,
  alive,
  change,
  isAsleep,
  managersServe,
  passMinutes,
  resetClock,
  runs,
  sleepyTenant,
} from "./support/sleeping";
import { getTenant, until } from "./support/tenants";

const going = (aim: "asleep" | "awake") =>
  anyFacts.map(
    (some): Facts => ({
      ...some,
      // Neither begins, nor goes on, beside an exchange or a change of version.
      ...{ requested: "running", settled: true, rotation: null, upgrade: null, renewAt: Number.POSITIVE_INFINITY },
      sleep: { aim, verified: some.verified },
    }),
  );

describe("decisions for a tenant that sleeps or wakes", () => {
  it("take nothing up for one that sleeps, and end its nodes from the dashboard down", () => {
    fc.assert(
      fc.property(going("asleep"), (some) => {
        const { action, observed } = decide(some);
        expect(["stopping", "stopped"]).toContain(observed);
        if (!action) return;
        expect(action.do).toBe("stop");
        const order = ["certs", "dashboard", "manager", "indexer"];
        const above = order.slice(0, order.indexOf("role" in action ? action.role : ""));
        const up = [some.certs, ...some.nodes].filter(({ state }) =>
          ["starting", "running", "stopping"].includes(state),
        );
        expect(up.map(({ role }) => role).filter((role) => above.includes(role) && role !== "certs")).toEqual([]);
      }),
    );
  });

  it("start a role only once each role before it has a node that serves, and are done only when everything does", () => {
    fc.assert(
      fc.property(going("awake"), (some) => {
        const { action, outcome } = decide(some);
        // One that the plan has no longer may end beside them.
        const wanted = some.nodes.filter((one) => one.wanted);
        if (outcome === "reached") expect(wanted.every(serves)).toBe(true);
        if (action?.do !== "start") return;
        const before = SERVING_ROLES.slice(0, SERVING_ROLES.indexOf(action.role as "manager"));
        for (const role of before) expect(wanted.some((one) => one.role === role && serves(one))).toBe(true);
      }),
    );
  });

  it("wake it where its certificates are due, and look at it once a day until then", () => {
    const nodes = SERVING_ROLES.map((role) => node(role, "stopped"));
    const sleep = { aim: "asleep", verified: false } as const;
    const asleep = facts({ settled: true, sleep, nodes, renewAt: NOW + 1000 });
    expect(decide(asleep)).toMatchObject({ action: null, observed: "stopped", outcome: "reached", wakeAt: NOW + 1000 });
    expect(decide({ ...asleep, renewAt: NOW + 1e12 }).wakeAt).toBe(NOW + 86_400_000);
    expect(decide({ ...asleep, renewAt: NOW }).action).toEqual({ do: "rouse" });
  });
});

/** What happens to one tenant, and who uses it. */
class Storm {
  socket: WebSocket | null = null;

  constructor(
    readonly tenant: string,
    readonly agent: Enrolled,
    readonly cookie: string,
  ) {}

  readonly happen: Record<string, () => Promise<unknown>> = {
    "time passes": async () => passMinutes(AFTER_MINUTES + 1),
    "alarms ring": () => runInDurableObject(this.object, (object) => object.alarm?.()),
    "the agent comes": () => this.#comes(),
    "the agent goes": async () => this.socket?.close(),
    "a page is asked for": () => open(this.tenant, "/dashboard/", this.cookie),
    "sleep is asked for": () => change(this.tenant, "sleep"),
    "waking is asked for": () => change(this.tenant, "wake"),
    "sleep is asked for as the agent comes": () => Promise.all([this.#comes(), change(this.tenant, "sleep")]),
    "the agent comes as it falls asleep": () => Promise.all([change(this.tenant, "sleep"), this.#comes()]),
    "the tenant's object is evicted": () => evictDurableObject(this.object),
    "the manager's object is evicted": () => this.#evict(),
    "the manager dies": () => this.#dies("manager"),
    "the indexer dies": () => this.#dies("indexer"),
  };

  private get object() {
    return env.TENANT.getByName(this.tenant);
  }

  #container(role: "manager" | "indexer") {
    return world.containers.get(`${this.tenant}:${role}:0`);
  }

  /** What watched the container is gone with its object, and so are the connections through it. */
  async #evict(): Promise<void> {
    this.#container("manager")?.unwatched();
    this.socket?.close();
    await expect.poll(() => nodeStub(env, this.tenant, "manager", 0).use()).toMatchObject({ open: 0 });
    await evictDurableObject(nodeStub(env, this.tenant, "manager", 0));
  }

  /** As seen by the object that watches it. */
  #dies(role: "manager" | "indexer"): Promise<void> {
    return runInDurableObject(nodeStub(env, this.tenant, role, 0), () => this.#container(role)?.exit(137));
  }

  async #comes(): Promise<void> {
    this.socket = (await connect(this.tenant, this.agent)) ?? this.socket;
  }

  /** Never both: an agent's open connection, and a tenant that sleeps. */
  async harm(): Promise<string[]> {
    const { sleeping } = await getTenant(this.tenant);
    const { open } = await nodeStub(env, this.tenant, "manager", 0).use();
    return sleeping && open > 0 ? [`${open} connections at a tenant that sleeps`] : [];
  }
}

const isWhole = (tenant: string, view: TenantView) =>
  (isAsleep(view) && alive(tenant).length === 0) || (runs(view) && alive(tenant).length === SERVING_ROLES.length);

describe("under any interleaving of use, sleep, waking and crashes a tenant", () => {
  afterEach(() => {
    resetClock();
    vi.restoreAllMocks();
  });

  it("never sleeps with an agent connected, and ends wholly asleep or wholly awake", async () => {
    const restore = managersServe();
    const names = fc.constantFrom(...Object.keys(new Storm("", {} as Enrolled, "").happen));
    try {
      await fc.assert(
        fc.asyncProperty(fc.array(names, { minLength: 3, maxLength: 12 }), async (happenings) => {
          const tenant = await sleepyTenant();
          const agent = await enrolledAgent(tenant);
          const storm = new Storm(tenant, agent, await signIn(tenant));
          await until(tenant, runs);
          for (const name of happenings) {
            await storm.happen[name]?.();
            expect([name, ...(await storm.harm())]).toEqual([name]);
          }
          await until(tenant, (view) => isWhole(tenant, view));
          expect(await storm.harm()).toEqual([]);
        }),
        // Evicting an object waits for what it has under way, which may take seconds.
        { numRuns: 10, interruptAfterTimeLimit: 20_000 },
      );
    } finally {
      restore();
    }
  }, 60_000);
});
