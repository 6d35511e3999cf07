/** Agents that exist already, taken over with number and key. */
import { env, runInDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import { digest } from "../src/ids";
import { answered, call, type Enrolled, enroll, newToken, stoppedTenant } from "./support/edge";

const KEY = "ab".repeat(32);
const OTHER_KEY = "cd".repeat(32);

interface Results {
  agents: { id: string; name: string; outcome: string }[];
}

const take = (tenant: string, ...agents: [id: string, name: string, key?: string][]) =>
  answered<Results>(
    call("POST", `/v1/tenants/${tenant}/agents/import`, {
      epoch: 1,
      agents: agents.map(([id, name, key = KEY]) => ({ id, name, key })),
    }),
    200,
  ).then(({ agents: told }) => told.map(({ outcome }) => outcome));

const agentsOf = async (tenant: string) =>
  (await answered<{ agents: object[] }>(call("GET", `/v1/tenants/${tenant}/agents`), 200)).agents;

const verdict = (tenant: string, agent: string, key: string) =>
  env.TENANT.getByName(tenant).connector(agent, digest(key), "192.0.2.1");

describe("agents that exist already", () => {
  it("keep number and key, by which their connectors are let in, and the same again changes nothing", async () => {
    const tenant = await stoppedTenant();
    expect(await take(tenant, ["041", "old-1"], ["1207", "old-2", OTHER_KEY])).toEqual(["imported", "imported"]);
    expect(await take(tenant, ["041", "old-1"])).toEqual(["known"]);
    expect(await agentsOf(tenant)).toMatchObject([
      { id: "041", name: "old-1", token: null, groups: [], quarantined: false },
      { id: "1207", name: "old-2", token: null },
    ]);
    expect(await verdict(tenant, "041", KEY)).toBe("open");
    expect(await verdict(tenant, "041", OTHER_KEY)).toBe("unknown");
    const next = await answered<Enrolled>(enroll((await newToken(tenant)).text, "new-1"), 201);
    expect(next.agent_id).toBe("1208");
  });

  it("are each judged for themselves: a number or name that is taken, or no room, keeps nobody else out", async () => {
    const tenant = await stoppedTenant({ max_agents: 3 });
    await answered(enroll((await newToken(tenant)).text, "web-1"), 201);
    const outcomes = await take(
      tenant,
      ["001", "old-1"],
      ["041", "web-1"],
      ["042", "old-2"],
      ["042", "old-2", OTHER_KEY],
      ["043", "old-3"],
      ["044", "old-4"],
    );
    expect(outcomes).toEqual(["number_taken", "name_taken", "imported", "number_taken", "imported", "limit"]);
  });

  it("are not given the number of one that was removed here", async () => {
    const tenant = await stoppedTenant();
    await take(tenant, ["041", "old-1"]);
    await runInDurableObject(env.TENANT.getByName(tenant), (_, { storage }) =>
      storage.transactionSync(() => {
        storage.sql.exec("INSERT INTO removed_agents (id, number) SELECT id, number FROM agents");
        storage.sql.exec("DELETE FROM agents");
      }),
    );
    expect(await take(tenant, ["041", "old-1"], ["042", "old-2"])).toEqual(["number_taken", "imported"]);
  });

  it("stay shut out where they are quarantined", async () => {
    const tenant = await stoppedTenant();
    await take(tenant, ["041", "old-1"]);
    const body = { epoch: 1, idempotency_key: "k", reason: "malware" };
    await answered(call("POST", `/v1/tenants/${tenant}/agents/041/quarantine`, body), 200);
    expect(await take(tenant, ["041", "old-1"])).toEqual(["known"]);
    expect(await verdict(tenant, "041", KEY)).toBe("quarantined");
  });

  it("takes in nobody for another tenant", async () => {
    const [tenant, other] = [await stoppedTenant(), await stoppedTenant()];
    await take(tenant, ["041", "old-1"]);
    expect(await agentsOf(other)).toEqual([]);
    expect(await verdict(other, "041", KEY)).toBe("unknown");
  });

  it.each([{ id: "000" }, { id: "41" }, { id: "0041" }, { id: "12345678" }, { name: "a b" }, { key: "AB".repeat(32) }])(
    "are refused with %j, by the name of the field",
    async (fault) => {
      const tenant = await stoppedTenant();
      const agents = [{ id: "041", name: "old-1", key: KEY, ...fault }];
      const body = await answered<{ details: { path: string }[] }>(
        call("POST", `/v1/tenants/${tenant}/agents/import`, { epoch: 1, agents }),
        422,
      );
      expect(body.details.map(({ path }) => path)).toEqual([`agents.0.${Object.keys(fault)[0]}`]);
    },
  );
});
