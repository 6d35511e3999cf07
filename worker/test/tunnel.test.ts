import { env, listDurableObjectIds, runInDurableObject, SELF } from "cloudflare:test";
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { makeToken } from "../src/ids";
import { nodeStub } from "../src/tenant/nodes/names";
import { FrameGuard, MAX_FRAME_BYTES } from "../src/tunnel/frames";
import { attach, enrolledAgent, frame, knock, pair } from "./support/connector";
import { API, answered, type Enrolled, mistyped, newTenantId, stoppedTenant } from "./support/edge";
import { listenOnManagers } from "./support/manager_port";

const bytes = (text: string) => new TextEncoder().encode(text);

const joined = (...parts: Uint8Array[]) => new Uint8Array(Buffer.concat(parts));

describe("the frame check", () => {
  const passes = (guard: FrameGuard, chunks: Uint8Array[]) =>
    joined(...chunks.map((chunk) => guard.push(chunk).slice()));

  it("lets an agent's own frames through unchanged, however they are cut", () => {
    const payloads = fc.array(
      fc.oneof(
        fc.constant("#ping"),
        fc.string({ maxLength: 300 }).map((text) => `!001!#AES:${text}`),
      ),
    );
    fc.assert(
      fc.property(payloads, fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1 }), (sent, cuts) => {
        const stream = joined(...sent.map(frame));
        const chunks: Uint8Array[] = [];
        for (let at = 0, cut = 0; at < stream.length; cut++) {
          const size = cuts[cut % cuts.length] as number;
          chunks.push(stream.slice(at, at + size));
          at += size;
        }
        expect(passes(new FrameGuard("001"), chunks)).toEqual(stream);
      }),
    );
  });

  it.each([
    ["another agent", frame("!002!#AES:x")],
    ["a longer id", frame("!0011!#AES:x")],
    ["no id", frame("#AES:x")],
    ["another clear word", frame("#pong")],
    ["nothing", frame("")],
    ["half an id", frame("!00")],
    ["a frame that is too large", joined(new Uint8Array([1, 0, 1, 0]), bytes("!001!"))],
    ["another agent's frame behind a good one", joined(frame("!001!#AES:x"), frame("!002!#AES:x"))],
  ])("refuses %s, whole and byte by byte", (_, stream) => {
    expect(() => passes(new FrameGuard("001"), [stream])).toThrow();
    expect(() =>
      passes(
        new FrameGuard("001"),
        Array.from(stream, (byte) => new Uint8Array([byte])),
      ),
    ).toThrow();
  });

  it("holds back no more than a frame's head", () => {
    const guard = new FrameGuard("001");
    const large = frame(`!001!${"x".repeat(MAX_FRAME_BYTES - 5)}`);
    expect(guard.push(large.slice(0, 10)).length).toBe(10);
    expect(guard.push(large.slice(10)).length).toBe(large.length - 10);
  });

  it("lets nothing of a frame through before it knows whose it is", () => {
    const guard = new FrameGuard("001");
    expect(guard.push(frame("!001!x").slice(0, 8)).length).toBe(0);
  });
});

async function tenantWithAgent(): Promise<{ tenant: string; agent: Enrolled }> {
  const tenant = await stoppedTenant();
  return { tenant, agent: await enrolledAgent(tenant) };
}

describe("the tunnel", () => {
  let stop = () => {};
  afterEach(() => stop());
  const listening = (options = {}) => {
    const opened = listenOnManagers(options);
    stop = opened.stop;
    return opened.connections;
  };

  it("carries bytes both ways, whatever their boundaries", async () => {
    const connections = listening();
    const { tenant, agent } = await tenantWithAgent();
    const { socket, heard } = await attach(tenant, pair(agent.connector));
    const stream = joined(frame("!001!#AES:startup"), frame("#ping"), frame("!001!#AES:event"));
    for (const byte of stream) socket.send(new Uint8Array([byte]));
    await expect.poll(() => connections[0]?.received.reduce((sum, chunk) => sum + chunk.length, 0)).toBe(stream.length);
    expect(joined(...(connections[0]?.received ?? []))).toEqual(stream);
    await connections[0]?.send(tenant, "ack");
    await expect.poll(() => heard.join("")).toBe("ack");
  });

  it("takes the credential as Basic too", async () => {
    listening();
    const { tenant, agent } = await tenantWithAgent();
    const basic = btoa(`${agent.connector.id}:${agent.connector.secret}`);
    await attach(tenant, { authorization: `Basic ${basic}` });
  });

  it("ends a connection that speaks as another agent, before the manager hears it", async () => {
    const connections = listening();
    const { tenant, agent } = await tenantWithAgent();
    const { socket, closed } = await attach(tenant, pair(agent.connector));
    socket.send(joined(frame("!001!#AES:good"), frame("!002!#AES:forged")));
    expect(await closed).toBe(1008);
    await expect.poll(() => connections[0]?.closed).toBe(true);
    expect(connections[0]?.text).not.toContain("forged");
  });

  it("ends the manager's side as soon as the agent goes away", async () => {
    const connections = listening();
    const { tenant, agent } = await tenantWithAgent();
    const { socket } = await attach(tenant, pair(agent.connector));
    socket.send(frame("#ping"));
    await expect.poll(() => connections[0]?.received.length).toBeGreaterThan(0);
    socket.close();
    await expect.poll(() => connections[0]?.closed, { timeout: 1000 }).toBe(true);
  });

  it("ends the agent's side as soon as the manager hangs up", async () => {
    const connections = listening();
    const { tenant, agent } = await tenantWithAgent();
    const { closed } = await attach(tenant, pair(agent.connector));
    await connections[0]?.hangUp(tenant);
    expect(await closed).toBe(1012);
  });

  it("brings the manager what the agent said last, and the agent what the manager did, before it ends", async () => {
    const connections = listening();
    const { tenant, agent } = await tenantWithAgent();
    const leaving = await attach(tenant, pair(agent.connector));
    leaving.socket.send(frame("!001!#AES:shutdown"));
    leaving.socket.close();
    await expect.poll(() => connections[0]?.closed).toBe(true);
    expect(connections[0]?.text).toContain("shutdown");
    const left = await attach(tenant, pair(agent.connector));
    await connections[1]?.send(tenant, "restarting");
    await connections[1]?.hangUp(tenant);
    expect(await left.closed).toBe(1012);
    expect(left.heard.join("")).toBe("restarting");
  });

  it("lets an agent in again at once after the objects were reset by a deploy", async () => {
    const connections = listening();
    const { tenant, agent } = await tenantWithAgent();
    const before = await attach(tenant, pair(agent.connector));
    await expect(
      runInDurableObject(nodeStub(env, tenant, "manager", 0), (_, state) => state.abort("its code was updated")),
    ).rejects.toThrow("updated");
    expect(await before.closed).toBe(1012);
    const after = await attach(tenant, pair(agent.connector));
    after.socket.send(frame("#ping"));
    await expect.poll(() => connections[1]?.received.length).toBeGreaterThan(0);
  });

  it("gives an agent that knocks many times at once one connection", async () => {
    const connections = listening();
    const { tenant, agent } = await tenantWithAgent();
    const answers = await Promise.all(Array.from({ length: 8 }, () => knock(tenant, pair(agent.connector))));
    for (const { webSocket } of answers) webSocket?.accept();
    await expect.poll(() => connections.filter(({ closed }) => !closed).length).toBe(1);
  });

  it("gives up on a connection whose manager takes nothing, at a small bound", async () => {
    const connections = listening({ reads: false });
    const { tenant, agent } = await tenantWithAgent();
    const { socket, closed } = await attach(tenant, pair(agent.connector));
    const large = frame(`!001!${"x".repeat(60_000)}`);
    let sent = 0;
    let code = 0;
    void closed.then((value) => {
      code = value;
    });
    for (; code === 0 && sent < 200; sent++) {
      socket.send(large);
      await scheduler.wait(1);
    }
    expect(await closed).toBe(1013);
    expect(sent).toBeLessThan(60);
    await expect.poll(() => connections[0]?.closed).toBe(true);
  });

  it("replaces an agent's dead connection by its new one", async () => {
    const connections = listening();
    const { tenant, agent } = await tenantWithAgent();
    const first = await attach(tenant, pair(agent.connector));
    const second = await attach(tenant, pair(agent.connector));
    expect(await first.closed).toBe(1012);
    expect(connections[0]?.closed).toBe(true);
    second.socket.send(frame("#ping"));
    await expect.poll(() => connections[1]?.received.length).toBeGreaterThan(0);
  });

  it("answers 503 while the manager does not run", async () => {
    const { tenant, agent } = await tenantWithAgent();
    expect(await answered(knock(tenant, pair(agent.connector)), 503)).toMatchObject({ code: "NODE_NOT_RUNNING" });
  });

  it("opens for nobody without the right credential, and makes no object for a guess", async () => {
    const { tenant, agent } = await tenantWithAgent();
    const other = await tenantWithAgent();
    const objects = (await listDurableObjectIds(env.TENANT)).length;
    const { id, secret } = agent.connector;
    const wrong: Record<string, string>[] = [
      {},
      pair({ id, secret: makeToken("con", tenant, "001") }),
      pair({ id, secret: mistyped(secret) }),
      pair({ id: `${tenant}.002`, secret }),
      pair(other.agent.connector),
      { authorization: "Basic !!!" },
      { authorization: `Basic ${btoa("nocolon")}` },
    ];
    for (const headers of wrong) await answered(knock(tenant, headers), 401);
    await answered(knock(mistyped(newTenantId()), pair(agent.connector)), 404);
    await answered(knock(tenant, pair(agent.connector), 1516), 404);
    await answered(SELF.fetch(`${API}/agents/${tenant}/1514`, { headers: { host: "edge.test" } }), 426);
    expect(await listDurableObjectIds(env.TENANT)).toHaveLength(objects);
  });
});
