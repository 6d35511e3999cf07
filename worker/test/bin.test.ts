import { env } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { nodeStub } from "../src/tenant/nodes/names";
import { enrolledAgent, knock, pair } from "./support/connector";
import { askForCode, noDashboards, open, signIn } from "./support/dashboard";
import { answered, call, enroll, iso, mistyped, newToken } from "./support/edge";
import { managersServe } from "./support/sleeping";
import { newOperation, putTenant, runningTenant, specOf, until } from "./support/tenants";

let restore = () => {};
beforeEach(() => {
  restore = managersServe();
});
afterEach(() => {
  restore();
  noDashboards();
});

const ERASES_AT = iso(7 * 24 * 3600_000);
const binned = (generation = 2) => specOf(generation, { requested: "stopped", bin: { erases_at: ERASES_AT } });

async function inBin(id: string): Promise<void> {
  await putTenant(id, binned());
  await until(id, ({ observed }) => observed === "stopped");
}

describe("a tenant in the recycle bin", () => {
  it("is stopped, and tells agents, enrollments and dashboards until when it can be undeleted", async () => {
    const id = await runningTenant();
    const [agent, token, cookie] = [await enrolledAgent(id), await newToken(id), await signIn(id)];
    await inBin(id);
    const told = await Promise.all([
      knock(id, pair(agent.connector)),
      enroll(token.text, "web-2"),
      open(id, "/dashboard/app/home", cookie, { headers: { accept: "application/json" } }),
      askForCode(id),
    ]);
    for (const answer of told) {
      expect(await answered<{ code: string; message: string }>(answer, 403)).toMatchObject({
        code: "TENANT_BINNED",
        message: expect.stringContaining(ERASES_AT),
      });
    }
  });

  it("tells a stranger nothing of it", async () => {
    const id = await runningTenant();
    const [agent, token] = [await enrolledAgent(id), await newToken(id)];
    await inBin(id);
    const guessed = { ...agent.connector, secret: mistyped(agent.connector.secret) };
    expect(await answered(knock(id, pair(guessed)), 401)).toMatchObject({ code: "CONNECTOR_REFUSED" });
    expect(await answered(enroll(mistyped(token.text), "web-2"), 403)).toMatchObject({ code: "TOKEN_UNKNOWN" });
  });

  it("keeps its agents, keys and data, and is what it was once it is out of it", async () => {
    const id = await runningTenant();
    const agent = await enrolledAgent(id);
    const key = await env.TENANT.getByName(id).archiveKey();
    await inBin(id);
    await putTenant(id, specOf(3));
    await until(id, ({ observed }) => observed === "running");
    expect(await env.TENANT.getByName(id).archiveKey()).toEqual(key);
    expect((await knock(id, pair(agent.connector))).status).toBe(101);
    expect((await nodeStub(env, id, "manager", 0).report()).state).toBe("running");
  });

  it("is never one that runs", async () => {
    const id = await runningTenant();
    const refused = await call("PUT", `/v1/tenants/${id}`, { ...binned(), requested: "running" });
    expect(await answered(refused, 422)).toMatchObject({ details: [{ path: "requested" }] });
  });

  it("can be erased from there", async () => {
    const id = await runningTenant();
    await inBin(id);
    const order = { epoch: 1, generation: 3, operation_id: newOperation() };
    await answered(call("DELETE", `/v1/tenants/${id}`, order), 202);
    await until(id, ({ observed }) => observed === "absent");
  });
});
