import { env } from "cloudflare:test";
import { afterEach, describe, expect, it } from "vitest";
import { nodeStub } from "../src/tenant/nodes/names";
import { isolate, isolateToken } from "./support/calls";
import { attach, enrolledAgent, frame, knock, pair } from "./support/connector";
import { answered, call, type Enrolled, enroll, newToken, stoppedTenant } from "./support/edge";
import { listenOnManagers } from "./support/manager_port";

let stop = () => {};
afterEach(() => stop());

function listening() {
  const opened = listenOnManagers();
  stop = opened.stop;
  return opened.connections;
}

const codeOf = async (answer: Promise<Response>, status: number) =>
  (await answered<{ code: string }>(answer, status)).code;

async function eventsOf(tenant: string, kind: string): Promise<Record<string, unknown>[]> {
  const page = await env.WAZUH_EVENTS.getByName(tenant).replay(0, 100);
  const { events } = JSON.parse(page) as { events: { kind: string; data: Record<string, unknown> }[] };
  return events.filter((event) => event.kind === kind).map(({ data }) => data);
}

describe("an agent's quarantine", () => {
  it("ends its connection, and its credential opens nothing", async () => {
    const connections = listening();
    const tenant = await stoppedTenant();
    const agent = await enrolledAgent(tenant);
    const { closed } = await attach(tenant, pair(agent.connector));
    expect(await answered(isolate(tenant, "001"), 200)).toMatchObject({ id: "001", quarantined: true });
    expect(await closed).toBe(1012);
    expect(connections[0]?.closed).toBe(true);
    expect(await codeOf(knock(tenant, pair(agent.connector)), 403)).toBe("AGENT_QUARANTINED");
    expect(await answered(isolate(tenant, "001"), 200)).toMatchObject({ quarantined: true });
  });

  it("is found where it falls between an agent's check and its connection", async () => {
    listening();
    const tenant = await stoppedTenant();
    const agent = await enrolledAgent(tenant);
    const manager = nodeStub(env, tenant, "manager", 0);
    await env.TENANT.getByName(tenant).quarantine(agent.agent_id, 1, "late");
    const socket = manager.connect("agent-001.manager:1514");
    const { value } = await socket.readable.getReader().read();
    expect(Array.from(value ?? [])).toEqual([0]);
  });

  it("keeps its secrets from whoever repeats its enrollment, which the stream tells", async () => {
    const tenant = await stoppedTenant();
    const token = await newToken(tenant);
    const same = { enrollment_id: crypto.randomUUID() };
    await answered(enroll(token.text, "web-1", same), 201);
    await answered(isolate(tenant, "001"), 200);
    expect(await codeOf(enroll(token.text, "web-1", same), 403)).toBe("AGENT_QUARANTINED");
    const refused = { outcome: "refused", reason: "quarantined", token: token.id, name: "web-1" };
    await expect.poll(async () => (await eventsOf(tenant, "enrollment")).at(-1)).toMatchObject(refused);
  });
});

describe("a token's quarantine", () => {
  it("cuts off every agent that it let in, and nobody else, and lets nobody in any more", async () => {
    const connections = listening();
    const tenant = await stoppedTenant();
    const leaked = await newToken(tenant);
    const ids = [crypto.randomUUID(), crypto.randomUUID()];
    const thieves = await Promise.all(
      ids.map((enrollment_id, n) => answered<Enrolled>(enroll(leaked.text, `web-${n}`, { enrollment_id }), 201)),
    );
    const honest = await enrolledAgent(tenant, "db-1");
    const open = await Promise.all(thieves.map((agent) => attach(tenant, pair(agent.connector))));
    const witness = await attach(tenant, pair(honest.connector));

    const answer = { token: { id: leaked.id, state: "revoked", uses: 2 }, agents: 2 };
    expect(await answered(isolateToken(tenant, leaked.id), 200)).toMatchObject(answer);
    expect(await Promise.all(open.map(({ closed }) => closed))).toEqual([1012, 1012]);
    for (const { connector } of thieves)
      expect(await codeOf(knock(tenant, pair(connector)), 403)).toBe("AGENT_QUARANTINED");
    for (const [n, enrollment_id] of ids.entries())
      expect(await codeOf(enroll(leaked.text, `web-${n}`, { enrollment_id }), 403)).toBe("TOKEN_REVOKED");
    expect(await codeOf(enroll(leaked.text, "web-9"), 403)).toBe("TOKEN_REVOKED");

    witness.socket.send(frame("#ping"));
    await expect
      .poll(() => connections.filter(({ closed }) => !closed).map(({ text }) => text))
      .toEqual([expect.stringContaining("#ping")]);
  });

  it("is one record of the audit trail beside the token's end, however often it is asked for", async () => {
    const tenant = await stoppedTenant();
    const token = await newToken(tenant);
    await answered(enroll(token.text, "web-1"), 201);
    const first = await answered(isolateToken(tenant, token.id), 200);
    expect(await answered(isolateToken(tenant, token.id), 200)).toEqual(first);
    await answered(isolateToken(tenant, token.id, { idempotency_key: "again" }), 200);
    const told = async () =>
      (await eventsOf(tenant, "audit")).filter(({ action }) => /revoked|quarantined/.test(String(action)));
    await expect.poll(told).toMatchObject([
      { action: "token.revoked", token: token.id },
      { action: "token.quarantined", token: token.id, agents: 1, reason: "leaked" },
    ]);
  });

  it("finds no token of another tenant", async () => {
    const [one, two] = [await stoppedTenant(), await stoppedTenant()];
    const { id } = await newToken(one);
    expect(await codeOf(isolateToken(two, id), 404)).toBe("TOKEN_NOT_FOUND");
    expect(await answered(call("GET", `/v1/tenants/${one}/tokens/${id}`), 200)).toMatchObject({ state: "active" });
  });
});
