import { env } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { makeToken } from "../src/ids";
import { answered, call, type Enrolled, enroll, newTenantId, newToken, stoppedTenant } from "./support/edge";
import { newOperation, runningTenant } from "./support/tenants";
import {
  agent5,
  ask,
  batchOf,
  bearer,
  enroll5,
  type Managers5,
  managersTakeAgents,
  PLAN_5,
  quarantine5,
  say,
  tenant5,
} from "./support/wazuh5";

let managers: Managers5;

beforeEach(() => {
  managers = managersTakeAgents();
});
afterEach(() => managers.stop());

const codeOf = async (answer: Promise<Response>, status: number) =>
  (await answered<{ code: string }>(answer, status)).code;

const arrivedAt = (tenant: string) => managers.arrived.filter((one) => one.tenant === tenant);

describe("a request of a Wazuh 5 agent", () => {
  it("reaches its manager under its own path, with what the interface has for it and nothing else", async () => {
    const tenant = await tenant5();
    const agent = await agent5(tenant);
    managers.answer = () => Response.json({ tasks: [] }, { headers: { "x-manager": "secret", "retry-after": "7" } });
    const authorization = `Bearer ${await bearer(agent)}`;
    const headers = {
      authorization,
      "content-type": "application/json",
      cookie: "a=b",
      "x-forwarded-for": "203.0.113.9",
    };
    const answer = await ask(tenant, "/config?full=1", { body: '{"a":1}', headers });
    expect([answer.status, answer.headers.get("retry-after"), answer.headers.get("x-manager")]).toEqual([
      200,
      "7",
      null,
    ]);
    expect(await answer.json()).toEqual({ tasks: [] });
    const [arrived] = arrivedAt(tenant);
    expect(arrived).toMatchObject({ method: "POST", target: `/wazuh/${tenant}/config?full=1`, body: '{"a":1}' });
    expect(arrived?.headers).toMatchObject({
      authorization,
      "protocol-version": "1",
      "content-type": "application/json",
    });
    expect(Object.keys(arrived?.headers ?? {})).not.toEqual(expect.arrayContaining(["cookie"]));
    expect(arrived?.headers).not.toHaveProperty("x-forwarded-for");
  });

  it("passes on every documented path by its own method, and no other", async () => {
    const tenant = await tenant5();
    const agent = await agent5(tenant);
    const posts = ["/control", "/stateless", "/stateful", "/download", "/config", "/stats", "/scan/vd"];
    for (const path of posts) expect((await say(tenant, agent, path, "{}")).status, path).toBe(202);
    for (const path of ["/", "/cacerts"]) expect((await ask(tenant, path, { method: "GET" })).status, path).toBe(202);
    expect(arrivedAt(tenant).map(({ target }) => target.replace(`/wazuh/${tenant}`, ""))).toEqual([
      ...posts,
      "/",
      "/cacerts",
    ]);
    const others = ["/agents", "/security/user/authenticate", "/stateless/", "/constructor", "/control/x"];
    for (const path of others) expect(await codeOf(say(tenant, agent, path, "{}"), 404), path).toBe("NOT_FOUND");
    expect(await codeOf(ask(tenant, "/stateless", { method: "GET" }), 404)).toBe("NOT_FOUND");
    expect(arrivedAt(tenant)).toHaveLength(posts.length + 2);
  });

  it("is refused where its bearer is not one that this agent made just now", async () => {
    const tenant = await tenant5();
    const agent = await agent5(tenant);
    const other = await agent5(await tenant5());
    const wrong = [
      bearer({ ...agent, key: other.key }),
      bearer({ ...agent, id: "002" }),
      bearer(agent, { at: Date.now() - 91_000 }),
      bearer(agent, { at: Date.now() + 32_000 }),
      bearer(agent, { claims: { sub: "002" } }),
      bearer(agent, { claims: { exp: Math.floor(Date.now() / 1000) + 3600 } }),
      bearer(agent, { claims: { role: "admin" } }),
      bearer(agent, { header: { typ: "wazuh-enroll+jwt" } }),
      Promise.resolve((await bearer(agent)).replace(/^[^.]+/, btoa('{"alg":"none"}').replaceAll("=", ""))),
      Promise.resolve(""),
    ];
    for (const token of await Promise.all(wrong)) {
      const headers = { authorization: `Bearer ${token}` };
      expect(await codeOf(ask(tenant, "/stateless", { body: batchOf(agent), headers }), 401)).toBe(
        "AGENT_TOKEN_REFUSED",
      );
    }
    expect(await codeOf(ask(tenant, "/stateless", { body: batchOf(agent) }), 401)).toBe("AGENT_TOKEN_REFUSED");
    expect(arrivedAt(tenant)).toEqual([]);
  });

  it("is refused for another tenant, whose agent has the same number", async () => {
    const [tenant, other] = [await tenant5(), await tenant5()];
    const [agent] = [await agent5(tenant), await agent5(other)];
    for (const path of ["/control", "/stateless", "/stateful", "/download", "/config", "/stats", "/scan/vd"])
      expect(await codeOf(say(other, agent, path, batchOf(agent)), 401), path).toBe("AGENT_TOKEN_REFUSED");
    expect(await codeOf(say(newTenantId(), agent, "/stateless", batchOf(agent)), 404)).toBe("TENANT_UNKNOWN");
    expect(await codeOf(say("a".repeat(26), agent, "/stateless", batchOf(agent)), 404)).toBe("TENANT_UNKNOWN");
    expect(arrivedAt(other)).toEqual([]);
  });

  it("is refused from the moment its agent is quarantined, without taking its key for dead", async () => {
    const tenant = await tenant5();
    const [agent, witness] = [await agent5(tenant), await agent5(tenant, "web-2")];
    expect((await say(tenant, agent, "/stateless", batchOf(agent))).status).toBe(202);
    await quarantine5(tenant, agent);
    expect(await codeOf(say(tenant, agent, "/control", "{}"), 403)).toBe("AGENT_QUARANTINED");
    expect((await say(tenant, witness, "/control", "{}")).status).toBe(202);
    expect(arrivedAt(tenant)).toHaveLength(2);
  });

  it("may be as large as its path has it, and says so beforehand", async () => {
    const tenant = await tenant5();
    const agent = await agent5(tenant);
    expect(await codeOf(say(tenant, agent, "/download", "x".repeat(4097)), 413)).toBe("BODY_TOO_LARGE");
    expect((await say(tenant, agent, "/stateful", "x".repeat(3 * 1024 * 1024))).status).toBe(202);
    expect(arrivedAt(tenant)[0]?.body).toHaveLength(3 * 1024 * 1024);
    const authorization = `Bearer ${await bearer(agent)}`;
    const { readable, writable } = new TransformStream();
    const unannounced = ask(tenant, "/stateful", { body: readable, headers: { authorization } });
    await writable.close();
    expect(await codeOf(unannounced, 411)).toBe("LENGTH_REQUIRED");
    const announced = { authorization, "content-length": `${20 * 1024 * 1024 + 1}` };
    expect(await codeOf(ask(tenant, "/stateful", { body: "x", headers: announced }), 413)).toBe("BODY_TOO_LARGE");
  });

  it("speaks version 1 of the protocol, with a tenant that runs Wazuh 5", async () => {
    const tenant = await tenant5();
    const agent = await agent5(tenant);
    const headers = { "protocol-version": "2" };
    expect(await codeOf(say(tenant, agent, "/control", "{}", headers), 400)).toBe("PROTOCOL_UNSUPPORTED");
    const older = await runningTenant();
    const { text } = await newToken(older);
    const { agent_id: id, key } = await answered<Enrolled>(enroll(text, "web-1"), 201);
    expect(await codeOf(say(older, { ...agent, id, key }, "/control", "{}"), 409)).toBe("WAZUH5_NOT_SERVED");
    expect(await codeOf(enroll5(older, text, "web-2"), 409)).toBe("WAZUH5_NOT_SERVED");
    // A stranger is not told what a tenant runs.
    expect(await codeOf(say(older, agent, "/control", "{}"), 401)).toBe("AGENT_TOKEN_REFUSED");
    expect(await codeOf(enroll5(older, makeToken("enr", older, "aaaaaaaaaa"), "web-2"), 403)).toBe("TOKEN_UNKNOWN");
  });

  it("does not lose its key where the manager does not know it yet", async () => {
    const tenant = await tenant5();
    const agent = await agent5(tenant);
    managers.answer = () => new Response(null, { status: 401 });
    const answer = await say(tenant, agent, "/control", "{}");
    expect(answer.headers.get("retry-after")).toBe("5");
    expect(await answered(answer, 503)).toMatchObject({ code: "AGENTS_NOT_PUSHED" });
    managers.answer = () => new Response(null, { status: 202 });
    expect((await say(tenant, agent, "/control", "{}")).status).toBe(202);
  });

  it("is one of so many a minute, and of fewer where it is a guess", async () => {
    // Uses come back as time passes, and these take a while.
    vi.useFakeTimers({ toFake: ["Date"] });
    onTestFinished(() => void vi.useRealTimers());
    const tenant = await tenant5();
    const agent = await agent5(tenant);
    const authorization = `Bearer ${await bearer({ ...agent, key: "ab".repeat(32) })}`;
    const guess = (from: string) =>
      ask(tenant, "/control", { body: "{}", headers: { authorization, "cf-connecting-ip": from } });
    for (let n = 0; n < 120; n++) expect((await guess("203.0.113.9")).status).toBe(401);
    const refused = await guess("203.0.113.9");
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(await answered(refused, 429)).toMatchObject({ code: "RATE_LIMITED" });
    expect((await guess("203.0.113.10")).status).toBe(401);
    expect((await say(tenant, agent, "/control", "{}")).status).toBe(202);
  });

  it("hears of a manager that is stopped that it is to come again", async () => {
    const tenant = await tenant5();
    const agent = await agent5(tenant);
    const spec = { epoch: 1, generation: 2, operation_id: newOperation(), requested: "stopped" };
    await answered(call("PUT", `/v1/tenants/${tenant}`, { ...spec, plan: PLAN_5 }), 202);
    await env.MANAGER.getByName(`${tenant}:manager:0`).stop();
    for (const path of ["/stateless", "/control", "/config"])
      expect(await codeOf(say(tenant, agent, path, "{}"), 503), path).toBe("NODE_NOT_RUNNING");
  });
});

describe("the enrollment of a Wazuh 5 agent", () => {
  it("answers as its manager would, and spends a use", async () => {
    const tenant = await tenant5();
    const token = await newToken(tenant, { groups: ["linux"], max_uses: 2 });
    const agent = await answered(enroll5(tenant, token.text, "web-1", { groups: "other", ip: "src" }), 200);
    expect(agent).toEqual({ id: "001", name: "web-1", ip: "any", key: expect.stringMatching(/^[0-9a-f]{64}$/) });
    expect(arrivedAt(tenant)).toEqual([]);
    const { agents } = await answered<{ agents: object[] }>(call("GET", `/v1/tenants/${tenant}/agents`), 200);
    expect(agents).toMatchObject([{ id: "001", name: "web-1", groups: ["linux"], version: "5.0.0", token: token.id }]);
    expect(await answered(call("GET", `/v1/tenants/${tenant}/tokens/${token.id}`), 200)).toMatchObject({ uses: 1 });
  });

  it("lets exactly as many racing machines in as the token has uses", async () => {
    const tenant = await tenant5();
    const { text } = await newToken(tenant, { max_uses: 5 });
    const answers = await Promise.all(Array.from({ length: 15 }, (_, n) => enroll5(tenant, text, `racer-${n}`)));
    expect(answers.map(({ status }) => status).sort()).toEqual([...Array(5).fill(200), ...Array(10).fill(403)]);
  });

  it("gives the same answer to a machine that asks again, until it has used its key", async () => {
    const tenant = await tenant5();
    const { text, id } = await newToken(tenant, { max_uses: 2 });
    const answers = await Promise.all(Array.from({ length: 4 }, () => enroll5(tenant, text, "web-1")));
    const bodies = new Set(await Promise.all(answers.map((answer) => answer.text())));
    expect(bodies.size).toBe(1);
    expect(await answered(call("GET", `/v1/tenants/${tenant}/tokens/${id}`), 200)).toMatchObject({ uses: 1 });
    const agent = JSON.parse([...bodies][0] ?? "");
    expect((await say(tenant, agent, "/control", "{}")).status).toBe(202);
    expect(await codeOf(enroll5(tenant, text, "web-1"), 409)).toBe("AGENT_NAME_TAKEN");
  });

  it("names the reason of each refusal", async () => {
    const tenant = await tenant5();
    const good = await newToken(tenant);
    const revoked = await newToken(tenant);
    await answered(call("DELETE", `/v1/tenants/${tenant}/tokens/${revoked.id}`, { epoch: 1 }), 200);
    const foreign = await newToken(await stoppedTenant());
    expect(await codeOf(enroll5(tenant, makeToken("enr", tenant, good.id), "a1"), 403)).toBe("TOKEN_UNKNOWN");
    expect(await codeOf(enroll5(tenant, foreign.text, "a2"), 403)).toBe("TOKEN_UNKNOWN");
    expect(await codeOf(enroll5(tenant, "not-a-token", "a3"), 403)).toBe("TOKEN_UNKNOWN");
    expect(await codeOf(enroll5(tenant, revoked.text, "a4"), 403)).toBe("TOKEN_REVOKED");
    await answered(enroll(good.text, "taken"), 201);
    expect(await codeOf(enroll5(tenant, good.text, "taken"), 409)).toBe("AGENT_NAME_TAKEN");
  });

  it("says which field is wrong, and reads no more than 16 KiB of plain JSON", async () => {
    const tenant = await tenant5();
    const { text } = await newToken(tenant);
    const wrong = await answered<{ details: object[] }>(enroll5(tenant, text, ".hidden", { version: 5 }), 422);
    expect(wrong.details).toMatchObject([{ path: "name" }, { path: "version" }]);
    const headers = { authorization: `Bearer ${text}` };
    expect(await codeOf(ask(tenant, "/enroll", { body: "{", headers }), 400)).toBe("BAD_REQUEST");
    expect(await codeOf(ask(tenant, "/enroll", { body: "null", headers }), 422)).toBe("INVALID_REQUEST");
    expect(await codeOf(ask(tenant, "/enroll", { body: "x".repeat(17_000), headers }), 413)).toBe("BODY_TOO_LARGE");
    const packed = { ...headers, "content-encoding": "zstd" };
    expect(await codeOf(ask(tenant, "/enroll", { body: "{}", headers: packed }), 415)).toBe("ENCODING_REFUSED");
  });
});
