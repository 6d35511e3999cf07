import { createExecutionContext, env, listDurableObjectIds, runInDurableObject } from "cloudflare:test";
import { afterEach, describe, expect, it } from "vitest";
import { Gate } from "../src/gates/gate";
import type { NodeProps } from "../src/gates/table";
import { nodeStub } from "../src/tenant/nodes/names";
import { AGENT_LIMITS } from "../src/tunnel/bridge";
import { linkAddress, MAX_LINKS_A_PEER, type MeshedRole } from "../src/tunnel/links";
import { containerNamed } from "./support/containers";
import { stoppedTenant } from "./support/edge";
import { listenOnPeers, type NodeConnection } from "./support/manager_port";
import { runningTenant } from "./support/tenants";

let stop = () => {};
afterEach(() => stop());

function listening(role: MeshedRole, options = {}): NodeConnection[] {
  const opened = listenOnPeers(role, options);
  stop = opened.stop;
  return opened.connections;
}

/** What a node's gate answers, as to a request out of its container. */
async function knock(from: Partial<NodeProps> & { tenant: string }, path = "/0", more: RequestInit = {}) {
  const props: NodeProps = { role: "manager", n: 1, generation: 1, ...from };
  const gate = new Gate(Object.assign(createExecutionContext(), { props }) as never, env);
  const request = new Request(`http://mesh.internal${path}`, { headers: { upgrade: "websocket" }, ...more });
  const { status, webSocket: socket } = await gate.fetch(request);
  return { status, socket };
}

/** An open connection of a node to its peer: what it heard, what it was told, and how it ended. */
async function linked(from: Partial<NodeProps> & { tenant: string }) {
  const { status, socket } = await knock(from);
  if (!socket) throw new Error(`refused with ${status}`);
  const [heard, taken]: [string[], number[]] = [[], []];
  const closed = new Promise<number>((resolve) => socket.addEventListener("close", ({ code }) => resolve(code)));
  socket.binaryType = "arraybuffer";
  socket.addEventListener("message", ({ data }) => {
    if (typeof data === "string") taken.push(Number(data));
    else heard.push(new TextDecoder().decode(data as ArrayBuffer));
  });
  socket.accept();
  return { socket, heard, taken, closed };
}

const lengthOf = (chunks: Uint8Array[] = []) => chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0);

describe("a node's way to its peers", () => {
  it.each<MeshedRole>(["manager", "indexer"])("carries bytes both ways between nodes of the %s", async (role) => {
    const connections = listening(role);
    const tenant = await stoppedTenant();
    const { socket, heard } = await linked({ tenant, role });
    socket.send(new TextEncoder().encode("hello"));
    await expect.poll(() => connections[0]?.text).toBe("hello");
    await connections[0]?.send(tenant, "ok");
    await expect.poll(() => heard.join("")).toBe("ok");
  });

  it.each<[string, Partial<NodeProps>, string, RequestInit, number]>([
    ["itself", { n: 0 }, "/0", {}, 404],
    ["a node that the plan does not have", {}, "/2", {}, 404],
    ["another way to write a number", {}, "/00", {}, 403],
    ["a tenant beside the number", {}, "/0/aaaaaaaaaaaaaaaaaaaaaaaaaa", {}, 403],
    ["another role", {}, "/indexer:0", {}, 403],
    ["a port", {}, "/0:22", {}, 403],
    ["no WebSocket", {}, "/0", { headers: {} }, 426],
    ["another method", {}, "/0", { method: "POST", body: "x" }, 403],
    ["a role without peers", { role: "dashboard" }, "/0", {}, 403],
    ["the certificates node's", { role: "certs" }, "/0", {}, 403],
  ])("is refused for %s, and makes no object", async (_, from, path, more, status) => {
    listening("manager");
    const tenant = await stoppedTenant();
    const objects = (await listDurableObjectIds(env.MANAGER)).length;
    expect(await knock({ tenant, ...from }, path, more)).toEqual({ status, socket: null });
    expect(await listDurableObjectIds(env.MANAGER)).toHaveLength(objects);
  });

  it("leads to the caller's own tenant and role, whatever its headers claim", async () => {
    const connections = listening("indexer");
    const [mine, theirs] = [await stoppedTenant(), await stoppedTenant()];
    const claims = { upgrade: "websocket", "x-tenant": theirs, "x-role": "indexer", host: `${theirs}.internal` };
    expect((await knock({ tenant: mine }, "/0", { headers: claims })).status).toBe(503);
    expect(connections).toEqual([]);
    await linked({ tenant: theirs, role: "indexer" });
    expect(await runInDurableObject(nodeStub(env, theirs, "indexer", 0), (object) => object.report().state)).toBe(
      "absent",
    );
    expect(connections).toHaveLength(1);
  });

  it("starts and wakes nothing: a peer that does not run is 503", async () => {
    const tenant = await stoppedTenant();
    expect(await knock({ tenant })).toEqual({ status: 503, socket: null });
    expect(containerNamed(`${tenant}:manager:0`, "manager").starts).toBe(0);
  });

  it("is closed as soon as the peer hangs up, and the peer's side as soon as the node does", async () => {
    const connections = listening("manager");
    const tenant = await stoppedTenant();
    const first = await linked({ tenant });
    await connections[0]?.hangUp(tenant);
    expect(await first.closed).toBe(1012);
    const second = await linked({ tenant });
    second.socket.close(1000);
    await expect.poll(() => connections[1]?.closed, { timeout: 1000 }).toBe(true);
  });

  it("is closed when the peer's container ends", async () => {
    const tenant = await runningTenant();
    const connections = listening("manager");
    const { closed } = await linked({ tenant });
    await runInDurableObject(nodeStub(env, tenant, "manager", 0), () =>
      containerNamed(`${tenant}:manager:0`, "manager").exit(137),
    );
    expect(await closed).toBe(1012);
    expect(connections[0]?.closed).toBe(true);
  });

  it("tells how much the peer took, so that a node that waits loses nothing however much it has", async () => {
    const connections = listening("manager");
    const { socket, taken } = await linked({ tenant: await stoppedTenant() });
    const [piece, pieces] = [new Uint8Array(64 * 1024), 64];
    for (let sent = 1; sent <= pieces; sent++) {
      socket.send(piece);
      await expect.poll(() => sent * piece.length - (taken.at(-1) ?? 0), { interval: 1 }).toBeLessThan(512 * 1024);
    }
    await expect.poll(() => lengthOf(connections[0]?.received)).toBe(pieces * piece.length);
  });

  it("ends for a node that does not wait while its peer takes nothing, at a small bound", async () => {
    const connections = listening("manager", { reads: false });
    const tenant = await stoppedTenant();
    // The gate in a context of its own, as behind a container: its end is the end of all that it holds.
    const sent = await runInDurableObject(env.TENANT.getByName(tenant), async (_, { exports }) => {
      const gate = exports.Gate({ props: { tenant, role: "manager", n: 1, generation: 1 } });
      const { webSocket } = await gate.fetch("http://mesh.internal/0", { headers: { upgrade: "websocket" } });
      let code = 0;
      webSocket?.addEventListener("close", (event) => {
        code = event.code;
      });
      webSocket?.accept();
      let pieces = 0;
      for (; code === 0 && pieces < 200; pieces++) {
        webSocket?.send(new Uint8Array(64 * 1024));
        await scheduler.wait(1);
      }
      return { code, bytes: pieces * 64 * 1024 };
    });
    expect(sent.code).toBe(1013);
    expect(sent.bytes).toBeLessThan(4 * AGENT_LIMITS.maxUnsentUp);
    await expect.poll(() => connections[0]?.closed).toBe(true);
  });

  it("is one of a bounded number for each caller, which frees its places when it ends", async () => {
    listening("manager");
    const tenant = await stoppedTenant();
    const links = [];
    for (let at = 0; at < MAX_LINKS_A_PEER; at++) links.push(await linked({ tenant }));
    expect((await knock({ tenant })).status).toBe(503);
    await linked({ tenant, n: 2 });
    links[0]?.socket.close(1000);
    await expect.poll(async () => (await knock({ tenant })).status).toBe(101);
  });

  it("takes nobody who dials with an address that no gate makes", async () => {
    listening("indexer");
    const tenant = await stoppedTenant();
    const first = async (address: string) => {
      const socket = nodeStub(env, tenant, "indexer", 0).connect(address);
      return Array.from((await socket.readable.getReader().read()).value ?? []);
    };
    expect(await first("agent-001.manager:1514")).toEqual([0]);
    expect(await first("node-10.mesh:1")).toEqual([0]);
    expect(await first(linkAddress(1))).toEqual([1]);
  });
});
