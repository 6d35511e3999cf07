/** An agent that is not heard any more is told once, and once more when it is back. */
import { env, runInDurableObject } from "cloudflare:test";
import { afterEach, describe, expect, it } from "vitest";
import type { ChangePage } from "../src/schemas/feed";
import { countAgents } from "../src/tenant/agents";
import { LiveContext } from "../src/tenant/live_context";
import type { ManagerAgent } from "../src/tenant/manager_api";
import { type Turn, turnOf } from "../src/tenant/silence";
import { answered, call, enroll, newToken, stoppedTenant } from "./support/edge";
import { behindManagers, Manager, noManagers } from "./support/manager_double";
import { replayAll } from "./support/stream";

afterEach(noManagers);

const MINUTE = 60_000;
const now = Date.UTC(2026, 10, 26, 12);

describe("what is told of an agent", () => {
  const seen = (status: ManagerAgent["status"], minutesAgo: number | null): ManagerAgent => ({
    ...{ id: "001", status, version: null, ip: null, groups: [] },
    lastKeepAlive: minutesAgo === null ? null : new Date(now - minutesAgo * MINUTE).toISOString(),
  });
  const dayAgo = now - 24 * 60 * MINUTE;

  it.each<[string, ManagerAgent, boolean, number, Turn | null]>([
    [
      "that it is silent, once it is not heard for longer than allowed",
      seen("disconnected", 16),
      false,
      dayAgo,
      "silent",
    ],
    ["nothing before", seen("disconnected", 14), false, dayAgo, null],
    ["nothing twice", seen("disconnected", 600), true, dayAgo, null],
    ["nothing where it never connected", seen("never_connected", null), false, dayAgo, null],
    ["nothing while its manager has not served for as long", seen("disconnected", 600), false, now - 14 * MINUTE, null],
    ["that it is back", seen("active", 0), true, dayAgo, "back"],
    ["nothing while it is well", seen("active", 0), false, dayAgo, null],
  ])("is %s", (_, agent, told, since, expected) => {
    expect(turnOf(agent, told, now, since, 15)).toBe(expected);
  });
});

describe("silence", () => {
  it("is in the tenant's events, its feed and its attention, and ends when the agent is back", async () => {
    const manager = behindManagers(new Manager());
    const tenant = await stoppedTenant();
    const { text } = await newToken(tenant);
    for (const name of ["web-1", "db-1"]) await answered(enroll(text, name), 201);
    const count = (status: string) => {
      manager.listed = ["001", "002"].map((id) => ({
        ...{ id, name: id, group: [], lastKeepAlive: new Date(Date.now() - 20 * MINUTE).toISOString() },
        status: id === "002" ? "active" : status,
      }));
      return runInDurableObject(env.TENANT.getByName(tenant), async (_, state) => {
        const ctx = new LiveContext(state, env);
        ctx.sql.exec("UPDATE tenant SET requested = 'running', observed = 'running'");
        ctx.sql.exec(
          `INSERT OR REPLACE INTO nodes (role, n, start, state, incarnation, restarts, prepared, checked_at, ready_at)
           VALUES ('manager', 0, 1, 'running', '', 0, 1, 0, 0)`,
        );
        await countAgents(ctx);
      });
    };
    const told = async () =>
      (await replayAll(tenant))
        .filter(({ kind }) => kind === "agent")
        .map(({ data }) => (data as { state: Turn }).state);
    const attention = async () => {
      const view = await answered<{ attention: { code: string; message: string }[] }>(
        call("GET", `/v1/tenants/${tenant}`),
        200,
      );
      return view.attention.find(({ code }) => code === "AGENTS_SILENT")?.message;
    };
    for (let look = 0; look < 2; look++) await count("disconnected");
    await expect.poll(told).toEqual(["silent"]);
    expect(await attention()).toBe("1 of 2 agents is silent. For more than 15 minutes: web-1.");
    await count("active");
    await expect.poll(told).toEqual(["silent", "back"]);
    expect(await attention()).toBeUndefined();
    const { changes } = await answered<ChangePage>(call("GET", "/v1/changes?after=0"), 200);
    const mine = changes.filter((change) => change.tenant === tenant && change.kind === "agent_silence");
    expect(mine.map(({ data }) => data.agents)).toEqual([
      [expect.objectContaining({ id: "001", name: "web-1", state: "silent" })],
      [expect.objectContaining({ id: "001", name: "web-1", state: "back" })],
    ]);
  });
});
