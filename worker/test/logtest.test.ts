import { describe, expect, it, vi } from "vitest";
import type { LogtestResult } from "../src/schemas/content";
import { event, logtest } from "./support/calls";
import { world } from "./support/containers";
import { answered } from "./support/edge";
import { useOf } from "./support/ruleset";
import { runningTenant } from "./support/tenants";

const ask = (id: string, more = {}) => answered<LogtestResult>(logtest(id, event(more)), 200);
const managerOf = (id: string) => {
  const found = world.containers.get(`${id}:manager:0`);
  if (!found) throw new Error("the manager never ran");
  return found;
};
const open = (id: string) => [...useOf(managerOf(id)).sessions];

describe("a test of an event", () => {
  it("tells what the manager makes of it, and leaves no session behind", async () => {
    const id = await runningTenant();
    expect(await ask(id)).toEqual({
      alert: true,
      output: {
        rule: { id: "100100", level: 7, description: expect.any(String), groups: ["local"] },
        ...{ decoder: { name: "app", parent: null }, data: { word: "hello" }, location: "logtest" },
      },
      ...{ messages: [expect.stringContaining("7003")], token: null },
    });
    expect(open(id)).toEqual([]);
    expect(await ask(id, { event: "something harmless" })).toMatchObject({ alert: false, output: { rule: null } });
  });

  it("keeps its session where that is asked for, and ends it at the last one", async () => {
    const id = await runningTenant();
    const { token } = await ask(id, { keep_session: true });
    expect(open(id)).toEqual([token]);
    expect((await ask(id, { token })).token).toBeNull();
    expect(open(id)).toEqual([]);
  });

  it("asks the manager of its own tenant only", async () => {
    const [one, other] = [await runningTenant(), await runningTenant()];
    expect((await ask(one)).output.rule?.description).toBe(`Seen by ${one}:manager:0`);
    expect(useOf(managerOf(other)).asked.filter((path) => path.includes("logtest"))).toEqual([]);
  });

  it("is told nowhere in the log, neither the event nor what came of it", async () => {
    const id = await runningTenant();
    const logged = vi.spyOn(console, "log");
    await ask(id, { event: "password of the canary" });
    await answered(logtest(id, event({ event: "password of the canary", log_format: "no-such" })), 422);
    expect(logged.mock.calls.length).toBeGreaterThan(0);
    expect(JSON.stringify(logged.mock.calls)).not.toContain("canary");
    logged.mockRestore();
  });

  it("takes no event that is larger than a manager takes", async () => {
    const id = await runningTenant();
    const large = answered<{ details: object[] }>(logtest(id, event({ event: "é".repeat(32_768) })), 422);
    expect((await large).details).toEqual([{ path: "event", message: "must not be larger than 65535 bytes" }]);
  });
});
