import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { AGENT_LIMITS, BETWEEN_NODES, Bridge, ofAgent } from "../src/tunnel/bridge";
import { MAX_TENANT_BYTES, Room, roomOf } from "../src/tunnel/room";
import { frame } from "./support/connector";

describe("one connection", () => {
  const never = new Promise(() => {});
  const LIMITS = { ...AGENT_LIMITS, stalledMs: 300, maxUnsentDown: 64 * 1024 };

  /** A connection to an upstream that takes what it is sent as `take` says. */
  function bridged(carriage = ofAgent("001", new Room(), LIMITS), take = async () => {}) {
    const toAgent = new IdentityTransformStream();
    const { 0: client, 1: server } = new WebSocketPair();
    let heard = 0;
    const write = (piece: Uint8Array) => {
      heard += piece.byteLength;
      return take();
    };
    const writer = { write, closed: never, abort: async () => {} };
    const upstream = { writable: { getWriter: () => writer }, closed: never, close: async () => {} };
    server.accept();
    const closed = new Promise<number>((resolve) => client.addEventListener("close", (event) => resolve(event.code)));
    new Bridge(server, { ...upstream, readable: toAgent.readable } as unknown as Socket, carriage).start();
    return { client, closed, heard: () => heard };
  }

  /** With which code it ended, or null where it did not. */
  const endOf = (closed: Promise<number>) => Promise.race([closed, scheduler.wait(20).then(() => null)]);

  describe("that nobody says anything on", () => {
    const MINUTE = 60_000;
    beforeEach(() => void vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "Date"] }));
    afterEach(() => void vi.useRealTimers());

    it("stays as long as its manager counts the agent as connected, and ends after that", async () => {
      const { client, closed } = bridged(ofAgent("001", new Room()));
      client.accept();
      await vi.advanceTimersByTimeAsync(10 * MINUTE);
      expect(await endOf(closed)).toBeNull();
      await vi.advanceTimersByTimeAsync(2 * MINUTE);
      expect(await closed).toBe(1001);
    });

    it("stays as long as the agent gives signs of life, rare as they are", async () => {
      const { client, closed, heard } = bridged(ofAgent("001", new Room()));
      client.accept();
      for (let beat = 1; beat <= 6; beat++) {
        await vi.advanceTimersByTimeAsync(10 * MINUTE);
        client.send(frame("#ping"));
        await expect.poll(heard).toBe(9 * beat);
      }
      expect(await endOf(closed)).toBeNull();
    });

    it("stays for ever between two nodes", async () => {
      const { client, closed } = bridged(BETWEEN_NODES);
      client.accept();
      await vi.advanceTimersByTimeAsync(600 * MINUTE);
      expect(await endOf(closed)).toBeNull();
    });
  });

  it("is refused what the tenant's others hold already, and gives back what it held itself", async () => {
    const room = new Room();
    const most = MAX_TENANT_BYTES - 1000;
    expect(room.take(most)).toBe(true);
    const { client, closed } = bridged(ofAgent("001", room, LIMITS), () => new Promise(() => {}));
    client.accept();
    client.send(frame(`!001!${"x".repeat(600)}`));
    client.send(frame(`!001!${"x".repeat(600)}`));
    expect(await closed).toBe(1013);
    await expect.poll(() => room.take(1000)).toBe(true);
    room.give(MAX_TENANT_BYTES);
    expect(room.isEmpty).toBe(true);
  });

  it("has its tenant's room, in which each client may be behind by less the more there are", () => {
    const one = roomOf("one");
    for (let connection = 0; connection < 64; connection++) one.enter();
    const two = roomOf("two");
    expect([one.down, two.down]).toEqual([MAX_TENANT_BYTES / 64, MAX_TENANT_BYTES]);
    expect(roomOf("one")).toBe(one);
    roomOf("three");
    expect(roomOf("two")).not.toBe(two);
  });

  /** A connection to an upstream that takes something or nothing; what becomes of the upstream, in order. */
  function endedWith(write: () => Promise<void>) {
    const happened: string[] = [];
    const note = (what: string) => async () => void happened.push(what);
    const writer = { write, closed: never, abort: note("dropped") };
    const upstream = { writable: { getWriter: () => writer }, closed: never, close: note("closed") };
    const { readable } = new IdentityTransformStream();
    const { 0: client, 1: server } = new WebSocketPair();
    server.accept();
    client.accept();
    new Bridge(server, { ...upstream, readable } as unknown as Socket, ofAgent("001", new Room(), LIMITS)).start();
    client.send(frame("!001!#AES:event"));
    client.close();
    return happened;
  }

  it("drops what its upstream does not take before it closes it: a closed one would keep it for good", async () => {
    const happened = endedWith(() => new Promise(() => {}));
    await expect.poll(() => happened).toEqual(["dropped", "closed"]);
  });

  it("drops nothing of what its upstream takes", async () => {
    const happened = endedWith(() => scheduler.wait(50));
    await expect.poll(() => happened).toEqual(["closed"]);
  });

  it("carries text frames for nobody", async () => {
    const { client, closed } = bridged();
    client.accept();
    client.send("hello");
    expect(await closed).toBe(1003);
  });
});
