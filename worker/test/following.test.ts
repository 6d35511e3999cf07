import { SELF } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import type { Page } from "../src/events/events";
import { type FollowLimits, follow } from "../src/events/following";
import { API, answered, call, iso, scopedToken, stoppedTenant } from "./support/edge";
import { alert, alertsOf, gapless, listening, streamOf } from "./support/stream";

interface Message {
  id?: number;
  event?: string;
  data?: Page & { code?: number; reason?: string };
}

/** Reads Server-Sent Events as they come. */
function messagesOf(answer: Response) {
  const messages: Message[] = [];
  const reader = (answer.body as ReadableStream<Uint8Array>).getReader();
  let left = false;
  const reading = async () => {
    const decoder = new TextDecoder();
    let text = "";
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      text += decoder.decode(part.value, { stream: true });
      const blocks = text.split("\n\n");
      text = blocks.pop() ?? "";
      messages.push(...blocks.map(parsed));
    }
  };
  const ended = reading().catch((reason: unknown) => {
    if (!left) throw reason;
  });
  const leave = () => {
    left = true;
    return reader.cancel();
  };
  const events = () => messages.flatMap(({ data }) => data?.events ?? []);
  return { messages, events, ended, leave };
}

function parsed(block: string): Message {
  const fields = Object.fromEntries(block.split("\n").map((line) => line.split(/: (.*)/s).slice(0, 2)));
  const { id, event, data } = fields as Record<string, string | undefined>;
  return {
    ...(id !== undefined && { id: Number(id) }),
    ...(event !== undefined && { event }),
    ...(data !== undefined && { data: JSON.parse(data) as Page }),
  };
}

async function ask(tenant: string, query = "", headers: Record<string, string> = {}, token?: string) {
  const authorization = `Bearer ${token ?? (await scopedToken(tenant))}`;
  const asked = { accept: "text/event-stream", authorization, host: "edge.test", ...headers };
  return SELF.fetch(`${API}/api/events${query}`, { headers: asked });
}

async function following(...asked: Parameters<typeof ask>) {
  const answer = await ask(...asked);
  expect([answer.status, answer.headers.get("content-type")]).toEqual([200, "text/event-stream"]);
  return messagesOf(answer);
}

const many = (name: string, count = 50) => Array.from({ length: count }, (_, n) => alert(`${name}-${n}`));

describe("a reader by Server-Sent Events", () => {
  it("gets what it missed and then what comes, in coalesced messages whose id is where to go on", async () => {
    const tenant = await stoppedTenant();
    await streamOf(tenant).append(many("old"));
    const reader = await following(tenant, "?after=0");
    await expect.poll(() => alertsOf(reader.events()).length).toBe(50);
    await streamOf(tenant).append(many("new"));
    await expect.poll(() => alertsOf(reader.events()).length).toBe(100);
    expect(gapless(reader.events())).toBe(true);
    const told = reader.messages.filter(({ data }) => data);
    expect(told.length).toBeLessThan(10);
    for (const { id, data } of told) expect(id).toBe(data?.next);
    await reader.leave();
  });

  it("starts from now, and after the last message of before where it comes back", async () => {
    const tenant = await stoppedTenant();
    await streamOf(tenant).append(many("old", 3));
    const first = await following(tenant);
    await expect.poll(() => listening(tenant)).toBe(1);
    await streamOf(tenant).append([alert("a")]);
    await expect.poll(() => alertsOf(first.events()).map(({ data }) => data)).toEqual([{ id: "a" }]);
    await first.leave();
    await streamOf(tenant).append([alert("b")]);
    const last = String(first.messages.at(-1)?.id);
    const second = await following(tenant, "?after=0", { "last-event-id": last });
    await expect.poll(() => alertsOf(second.events()).map(({ data }) => data)).toEqual([{ id: "b" }]);
    await second.leave();
  });

  it("is refused a last id that is no number, and without a credential", async () => {
    const tenant = await stoppedTenant();
    const refused = await answered<{ details: { path: string }[] }>(ask(tenant, "", { "last-event-id": "x" }), 422);
    expect(refused.details[0]?.path).toBe("last-event-id");
    await answered(ask(tenant, "", { authorization: "" }), 401);
  });

  it("never hears of another tenant", async () => {
    const [mine, theirs] = [await stoppedTenant(), await stoppedTenant()];
    const reader = await following(mine, "?after=0");
    await streamOf(theirs).append([alert("canary-of-theirs")]);
    await streamOf(mine).append([alert("mine")]);
    await expect.poll(() => alertsOf(reader.events()).map(({ data }) => data)).toEqual([{ id: "mine" }]);
    await reader.leave();
  });

  it("is ended by a revocation that covers it, and hears why", async () => {
    const tenant = await stoppedTenant();
    const token = await scopedToken(tenant);
    const reader = await following(tenant, "?after=0", {}, token);
    await expect.poll(() => listening(tenant)).toBe(1);
    const rule = { epoch: 1, idempotency_key: "r1", before: iso(1000), subject: "usr_alice" };
    await answered(call("POST", `/v1/tenants/${tenant}/revocations`, rule, "access"), 200);
    await reader.ended;
    expect(reader.messages.at(-1)).toMatchObject({ event: "end", data: { code: 4401 } });
    await answered(ask(tenant, "?after=0", {}, token), 401);
  });

  it("ends when its right ends", async () => {
    const tenant = await stoppedTenant();
    const exp = Math.floor(Date.now() / 1000) + 2;
    const reader = await following(tenant, "", {}, await scopedToken(tenant, { exp }));
    await reader.ended;
    expect(reader.messages.at(-1)).toMatchObject({ event: "end", data: { code: 4401 } });
  });

  it("lets go of the stream when it leaves", async () => {
    const tenant = await stoppedTenant();
    const reader = await following(tenant);
    await expect.poll(() => listening(tenant)).toBe(1);
    await reader.leave();
    await expect.poll(() => listening(tenant)).toBe(0);
  });
});

const QUICK: FollowLimits = { patienceMs: 100, chunkBytes: 1024, keepAliveMs: 20, maxReads: 3 };

/** A stream of one event a number, each of them large, and the two ends of its socket. */
function played(latest: number, limits: Partial<FollowLimits> = {}) {
  const { 0: client, 1: server } = new WebSocketPair();
  server.accept();
  const closed = new Promise<void>((resolve) => server.addEventListener("close", () => resolve()));
  const log = { latest, reads: [] as number[] };
  const pageAfter = (after: number): Page => {
    const next = Math.min(after + 1, log.latest);
    const data = { text: "x".repeat(5000) };
    const events = next > after ? [{ seq: next, at: "2026-11-01T00:00:00Z", kind: "alert" as const, data }] : [];
    return { after, events, next, more: next < log.latest, oldest: 1, latest: log.latest };
  };
  const read = async (after: number) => {
    log.reads.push(after);
    return pageAfter(after);
  };
  const { signal } = new AbortController();
  const answer = follow({ socket: client, after: 0, read, signal }, { ...QUICK, ...limits });
  const tell = () => {
    log.latest += 1;
    server.send(JSON.stringify(pageAfter(log.latest - 1)));
  };
  return { answer, log, tell, server, closed };
}

describe("what is held for a reader", () => {
  it("is no more than what it is being given: the rest is read when it gets there", async () => {
    const { answer, log, tell } = played(1, { patienceMs: 10_000, maxReads: 100 });
    for (let n = 0; n < 20; n++) tell();
    const reader = (answer.body as ReadableStream<Uint8Array>).getReader();
    let text = "";
    const given = () => text.split("\nid: ").length - 1;
    while (given() < 21) {
      text += new TextDecoder().decode((await reader.read()).value);
      expect(log.reads.length).toBeLessThanOrEqual(given() + 1);
    }
    expect(log.reads).toEqual(Array.from({ length: 21 }, (_, n) => n));
    await reader.cancel();
  });

  it("is passed on as it comes to a reader that has everything before it", async () => {
    const { answer, log, tell } = played(1, { patienceMs: 10_000 });
    const reader = messagesOf(answer);
    await expect.poll(() => reader.events().length).toBe(1);
    for (let n = 2; n < 6; n++) {
      tell();
      await expect.poll(() => reader.events().length).toBe(n);
    }
    expect(log.reads).toEqual([0]);
    await reader.leave();
  });

  it("is let go when the reader takes nothing for too long", async () => {
    const { answer, closed } = played(1);
    await closed;
    await expect(answer.text()).rejects.toThrow();
  });

  it("is broken off where the stream ends in the middle of a message, which counts as not received", async () => {
    const { answer, server } = played(1, { patienceMs: 10_000 });
    const reader = (answer.body as ReadableStream<Uint8Array>).getReader();
    const [, part] = [await reader.read(), await reader.read()];
    expect(new TextDecoder().decode(part.value)).toMatch(/^data: \{"after":0/);
    server.close(4401, "access ended");
    const rest = async () => {
      let text = "";
      for (let more = await reader.read(); !more.done; more = await reader.read())
        text += new TextDecoder().decode(more.value);
      return text;
    };
    await expect(rest()).rejects.toThrow();
  });

  it("ends with a word where there was much of it, and the reader goes on from there", async () => {
    const { answer } = played(10);
    const reader = messagesOf(answer);
    await reader.ended;
    expect(reader.events().map(({ seq }) => seq)).toEqual([1, 2, 3]);
    expect(reader.messages.at(-1)).toMatchObject({ event: "end", data: { code: 1013 } });
  });

  it("ends with the stream object's own close, also one without a word", async () => {
    const { answer, server } = played(1);
    const reader = messagesOf(answer);
    await expect.poll(() => reader.events().length).toBe(1);
    server.close(1001, "the tenant was deleted");
    await reader.ended;
    expect(reader.messages.at(-1)?.data).toEqual({ code: 1001, reason: "the tenant was deleted" });
  });

  it("shows a connection that is silent that it still stands", async () => {
    const { answer } = played(0);
    const reader = messagesOf(answer);
    await expect.poll(() => reader.messages.length).toBeGreaterThan(3);
    expect(reader.events()).toEqual([]);
    await reader.leave();
  });
});
