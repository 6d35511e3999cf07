import { describe, expect, it } from "vitest";
import { codeFor, post } from "./support/dashboard";
import { answered, call, type Enrolled, enroll, iso, newToken, stoppedTenant } from "./support/edge";

describe("a call about one tenant", () => {
  it("lists the agents of its own tenant only", async () => {
    const [mine, theirs] = [await stoppedTenant(), await stoppedTenant()];
    const { text } = await newToken(mine);
    await answered<Enrolled>(enroll(text, "web-1"), 201);
    const agentsOf = async (tenant: string) => {
      const { agents } = await answered<{ agents: object[] }>(call("GET", `/v1/tenants/${tenant}/agents`), 200);
      return agents;
    };
    expect(await agentsOf(mine)).toHaveLength(1);
    expect(await agentsOf(theirs)).toEqual([]);
  });

  it("ends access to its own tenant only", async () => {
    const [mine, theirs] = [await stoppedTenant(), await stoppedTenant()];
    const { code, post_to } = await codeFor(theirs);
    const rule = { epoch: 1, idempotency_key: "r1", before: iso(1000), subject: "usr_alice" };
    await answered(call("POST", `/v1/tenants/${mine}/revocations`, rule, "access"), 200);
    expect((await post(post_to, code)).status).toBe(303);
  });
});
