import { createExecutionContext, env, listDurableObjectIds, SELF } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { Gate } from "../src/gates/gate";
import type { NodeProps } from "../src/gates/table";
import { makeToken } from "../src/ids";
import { nodeStub } from "../src/tenant/nodes/names";
import { ENROLLING_ADDRESS, MAX_ENROLLING } from "../src/tunnel/links";
import { attach, frame, knock, pair } from "./support/connector";
import { containerNamed } from "./support/containers";
import { API, answered, call, enroll, iso, mistyped, newTenantId, newToken, PLAN, stoppedTenant } from "./support/edge";
import { listenOnEnrollment, listenOnManagers, type NodeConnection } from "./support/manager_port";
import { putTenant, specOf, until } from "./support/tenants";

let stop = () => {};
afterEach(() => stop());

function listening(): NodeConnection[] {
  const opened = listenOnEnrollment();
  stop = opened.stop;
  return opened.connections;
}

const openTenant = () => stoppedTenant({ ...PLAN, raw_enrollment: true } as Partial<typeof PLAN>);
const shown = (token: string) => pair({ id: "whatever", secret: token });
const codeOf = async (answer: Promise<Response>, status: number) =>
  (await answered<{ code: string }>(answer, status)).code;

/** Opens the door with a token; the ticket that the manager saw, and the connection. */
async function admitted(connections: NodeConnection[], tenant: string, token: string) {
  const before = connections.length;
  const { webSocket } = await knock(tenant, shown(token), 1515);
  if (!webSocket) throw new Error("refused");
  webSocket.accept();
  await expect.poll(() => connections[before]?.text).toMatch(/\n/);
  return { socket: webSocket, ticket: connections[before]?.text.split("\n")[0] ?? "" };
}

/** Asks as a manager's hop does. */
async function line(tenant: string, body: object, props: Partial<NodeProps> = {}) {
  const caller: NodeProps = { tenant, role: "manager", n: 0, generation: 1, ...props };
  const gate = new Gate(Object.assign(createExecutionContext(), { props: caller }) as never, env);
  const answer = await gate.fetch(
    new Request("http://enroll.internal/agents", { method: "POST", body: JSON.stringify(body) }),
  );
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
}

describe("the door of Wazuh's own enrollment", () => {
  it("is closed unless the plan opens it", async () => {
    const connections = listening();
    const tenant = await stoppedTenant();
    const { text } = await newToken(tenant);
    expect(await codeOf(knock(tenant, shown(text), 1515), 403)).toBe("RAW_ENROLLMENT_OFF");
    expect(connections).toHaveLength(0);
  });

  it("puts a ticket before the machine's bytes, which holds nothing of the token", async () => {
    const connections = listening();
    const tenant = await openTenant();
    const { text } = await newToken(tenant);
    const { socket, ticket } = await admitted(connections, tenant, text);
    socket.send(new Uint8Array([22, 3, 1]));
    await expect.poll(() => connections[0]?.text).toBe(`${ticket}\n\u0016\u0003\u0001`);
    expect(Buffer.from(ticket, "base64").toString("latin1")).not.toContain("token");
    const basic = { authorization: `Basic ${btoa(`x:${text}`)}` };
    expect((await knock(tenant, basic, 1515)).status).toBe(101);
  });

  it("opens for a good token alone, tells why not, and makes no object for a guess", async () => {
    const connections = listening();
    const tenant = await openTenant();
    const [good, expired, revoked] = [
      await newToken(tenant),
      await newToken(tenant, { expires_at: iso(-1000) }),
      await newToken(tenant),
    ];
    await answered(call("DELETE", `/v1/tenants/${tenant}/tokens/${revoked.id}`, { epoch: 1 }), 200);
    const other = await newToken(await openTenant());
    const objects = (await listDurableObjectIds(env.TENANT)).length;
    for (const [text, code] of [
      [expired.text, "TOKEN_EXPIRED"],
      [revoked.text, "TOKEN_REVOKED"],
      [makeToken("enr", tenant, good.id), "TOKEN_UNKNOWN"],
      [mistyped(good.text), "TOKEN_UNKNOWN"],
      [other.text, "TOKEN_UNKNOWN"],
      [makeToken("con", tenant, "001"), "TOKEN_UNKNOWN"],
    ] as const)
      expect(await codeOf(knock(tenant, shown(text), 1515), 403)).toBe(code);
    expect(await codeOf(knock(tenant, {}, 1515), 403)).toBe("TOKEN_UNKNOWN");
    expect(await codeOf(knock(mistyped(newTenantId()), shown(good.text), 1515), 404)).toBe("TENANT_UNKNOWN");
    const plain = SELF.fetch(`${API}/agents/${tenant}/1515`, { headers: { host: "edge.test" } });
    expect(await codeOf(plain, 426)).toBe("UPGRADE_REQUIRED");
    expect(await listDurableObjectIds(env.TENANT)).toHaveLength(objects);
    expect(connections).toHaveLength(0);
    const page = JSON.parse(await env.WAZUH_EVENTS.getByName(tenant).replay(0, 100)) as {
      events: { kind: string; data: { reason?: string } }[];
    };
    const reasons = page.events.filter(({ kind }) => kind === "enrollment").map(({ data }) => data.reason);
    expect(reasons).toEqual(["expired", "revoked", "unknown"]);
  });

  it("counts a guess as the other door of tokens does", async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    onTestFinished(() => void vi.useRealTimers());
    const tenant = await openTenant();
    const token = await newToken(tenant);
    const guess = () => knock(tenant, shown(makeToken("enr", tenant, "abcdefghij")), 1515);
    for (let guesses = 0; guesses < 120; guesses++) expect((await guess()).status).toBe(403);
    expect(await codeOf(guess(), 429)).toBe("RATE_LIMITED");
    expect(await codeOf(enroll(token.text, "web-1"), 429)).toBe("RATE_LIMITED");
    expect(await codeOf(knock(tenant, shown(token.text), 1515), 429)).toBe("RATE_LIMITED");
  });

  it("answers 503 while no manager listens", async () => {
    const tenant = await openTenant();
    const { text } = await newToken(tenant);
    expect(await codeOf(knock(tenant, shown(text), 1515), 503)).toBe("NODE_NOT_RUNNING");
  });

  it("takes only so many machines at once", async () => {
    listening();
    const tenant = await openTenant();
    const dial = async () => {
      const socket = nodeStub(env, tenant, "manager", 0).connect(ENROLLING_ADDRESS);
      return (await socket.readable.getReader().read()).value[0] as number;
    };
    const taken = await Promise.all(Array.from({ length: MAX_ENROLLING + 1 }, dial));
    expect(taken.filter((byte) => byte === 1)).toHaveLength(MAX_ENROLLING);
  });
});

describe("a line on 1515", () => {
  it("enrolls one agent by the token's rules, whose key opens its connection to 1514 and nobody else's", async () => {
    const tenant = await openTenant();
    const token = await newToken(tenant, { groups: ["linux"], max_uses: 2 });
    const { ticket } = await admitted(listening(), tenant, token.text);
    const { status, body } = await line(tenant, { ticket, name: "web-1", version: "v4.14.7", groups: ["linux"] });
    expect([status, body]).toEqual([
      200,
      { agent_id: "001", name: "web-1", key: expect.stringMatching(/^[0-9a-f]{64}$/) },
    ]);
    expect(await answered(call("GET", `/v1/tenants/${tenant}/tokens/${token.id}`), 200)).toMatchObject({ uses: 1 });
    await answered(enroll(token.text, "web-2"), 201);
    stop();
    const agents = listenOnManagers();
    stop = agents.stop;
    const key = String(body.key);
    const { socket } = await attach(tenant, pair({ id: `${tenant}.001`, secret: key }));
    socket.send(frame("!001!#AES:event"));
    await expect.poll(() => agents.connections[0]?.text).toContain("event");
    for (const id of [`${tenant}.002`, `${tenant}.003`, "001", tenant])
      expect(await codeOf(knock(tenant, pair({ id, secret: key })), 401)).toBe("CONNECTOR_REFUSED");
  });

  it("is answered alike when it is asked again, and its ticket is good for no second agent", async () => {
    const tenant = await openTenant();
    const token = await newToken(tenant);
    const { ticket } = await admitted(listening(), tenant, token.text);
    const first = await line(tenant, { ticket, name: "web-1" });
    expect(await line(tenant, { ticket, name: "web-1" })).toEqual(first);
    const second = await line(tenant, { ticket, name: "web-2" });
    expect([second.status, second.body.code]).toEqual([409, "ENROLLMENT_CONFLICT"]);
    expect(await answered(call("GET", `/v1/tenants/${tenant}/tokens/${token.id}`), 200)).toMatchObject({ uses: 1 });
  });

  it("is refused with a made-up ticket, another tenant's, or none of this door's", async () => {
    const [tenant, other] = [await openTenant(), await openTenant()];
    const connections = listening();
    const { ticket } = await admitted(connections, other, (await newToken(other)).text);
    for (const wrong of [ticket, "AAAA", "not base64!", "x".repeat(1024)]) {
      const { status, body } = await line(tenant, { ticket: wrong, name: "web-1" });
      expect([status, body.code]).toEqual([403, "TOKEN_UNKNOWN"]);
    }
    const { agents } = await answered<{ agents: unknown[] }>(call("GET", `/v1/tenants/${tenant}/agents`), 200);
    expect(agents).toEqual([]);
  });

  it("is refused once its token was withdrawn, or for a group that the token does not give", async () => {
    const tenant = await openTenant();
    const token = await newToken(tenant, { groups: ["linux"] });
    const { ticket } = await admitted(listening(), tenant, token.text);
    const stranger = await line(tenant, { ticket, name: "web-1", groups: ["linux", "admins"] });
    expect([stranger.status, stranger.body.code]).toEqual([422, "INVALID_REQUEST"]);
    await answered(call("DELETE", `/v1/tenants/${tenant}/tokens/${token.id}`, { epoch: 1 }), 200);
    const late = await line(tenant, { ticket, name: "web-1" });
    expect([late.status, late.body.code]).toEqual([403, "TOKEN_REVOKED"]);
  });

  describe("that comes late", () => {
    beforeEach(() => void vi.useFakeTimers({ toFake: ["Date"] }));
    afterEach(() => void vi.useRealTimers());

    it("is refused", async () => {
      const tenant = await openTenant();
      const { ticket } = await admitted(listening(), tenant, (await newToken(tenant)).text);
      vi.setSystemTime(Date.now() + 61_000);
      const { status, body } = await line(tenant, { ticket, name: "web-1" });
      expect([status, body.code]).toEqual([403, "TOKEN_UNKNOWN"]);
    });
  });

  it.each<[string, object, Partial<NodeProps>, number]>([
    ["without a name", { ticket: "x" }, {}, 400],
    ["with a name that is none", { ticket: "x", name: "a b" }, {}, 400],
    ["with more than the hop says", { ticket: "x", name: "web-1", token: "y" }, {}, 400],
    ["of an indexer", { ticket: "x", name: "web-1" }, { role: "indexer" }, 403],
    ["of a dashboard", { ticket: "x", name: "web-1" }, { role: "dashboard" }, 403],
  ])("%s is refused", async (_, body, props, status) => {
    expect((await line(await openTenant(), body, props)).status).toBe(status);
  });
});

it("has the manager listen on 1515 where the plan says so, and replaces it when that changes", async () => {
  const id = newTenantId();
  await putTenant(id, specOf());
  await until(id, ({ observed }) => observed === "running");
  const manager = containerNamed(`${id}:manager:0`, "manager");
  expect([manager.env.ENROLL_URL, manager.starts]).toEqual(["", 1]);
  await putTenant(id, specOf(2, { plan: { ...PLAN, raw_enrollment: true } }));
  await until(id, ({ observed, observed_generation }) => observed === "running" && observed_generation === 2);
  expect([manager.env.ENROLL_URL, manager.starts]).toEqual(["http://enroll.internal", 2]);
});
