/** How often the doors may be used: no burst of good clients is hurt, and whoever guesses is slowed down. */
import { env, SELF } from "cloudflare:test";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createApiApp } from "../src/app";
import { sourceOf } from "../src/auth/address";
import type { ErrorBody } from "../src/errors";
import { makeToken } from "../src/ids";
import { MAX_KEYS, RateCounter } from "../src/rates";
import { token } from "./support/calls";
import { enrolledAgent, knock, pair } from "./support/connector";
import { askForCode, codeFor, post } from "./support/dashboard";
import { API, answered, askRotation, enroll, newToken, scopedToken, stoppedTenant } from "./support/edge";
import { listenOnManagers } from "./support/manager_port";

const MINUTE = 60_000;
const OFFICE = "198.51.100.7";

describe("counting", () => {
  const counting = (perMinute: number) => {
    const clock = { now: 1_000_000 };
    const counter = new RateCounter(() => clock.now, { enroll_per_token: perMinute });
    const use = (key = "k") => {
      const fits = counter.wait("enroll_per_token", key) === 0;
      if (fits) counter.count("enroll_per_token", key);
      return fits;
    };
    return { clock, counter, use };
  };

  it("lets a whole minute's uses come at once, and then as many as pass by themselves", () => {
    const { clock, counter, use } = counting(60);
    expect(Array.from({ length: 61 }, () => use())).toEqual([...Array<boolean>(60).fill(true), false]);
    expect(counter.wait("enroll_per_token", "k")).toBe(1);
    expect(use("another")).toBe(true);
    clock.now += 2000;
    expect([use(), use(), use()]).toEqual([true, true, false]);
    clock.now += MINUTE;
    expect(Array.from({ length: 60 }, () => use())).not.toContain(false);
  });

  it("never lets more in than twice the limit within a minute, however uses are spread", () => {
    const pauses = fc.array(fc.integer({ min: 0, max: 5000 }), { minLength: 50, maxLength: 300 });
    fc.assert(
      fc.property(pauses, (waits) => {
        const { clock, use } = counting(30);
        const at = waits.flatMap((wait) => {
          clock.now += wait;
          return use() ? [clock.now] : [];
        });
        for (const start of at)
          expect(at.filter((time) => time >= start && time < start + MINUTE).length).toBeLessThan(61);
      }),
    );
  });

  it("says truly after how long one more fits", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 500 }), (perMinute) => {
        const { clock, counter, use } = counting(perMinute);
        for (let n = 0; n < perMinute; n++) use();
        expect(use()).toBe(false);
        clock.now += 1000 * counter.wait("enroll_per_token", "k");
        expect(use()).toBe(true);
      }),
    );
  });

  it("remembers a bounded number of keys, and forgets what has passed", () => {
    const { clock, counter, use } = counting(60);
    for (let n = 0; n < MAX_KEYS + 500; n++) use(`${n}`);
    expect(counter.size).toBe(MAX_KEYS);
    clock.now += MINUTE;
    use("late");
    expect(counter.size).toBe(1);
  });
});

describe("a source", () => {
  it.each([
    ["192.0.2.1", "192.0.2.1"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
    ["2001:DB8:0001:2::1", "2001:db8:1:2::/64"],
    ["2001:db8::1", "2001:db8:0:0::/64"],
    ["::1", "0:0:0:0::/64"],
    ["::ffff:192.0.2.1", "192.0.2.1"],
    ["unknown", "unknown"],
  ])("of %s is %s", (address, source) => {
    expect(sourceOf(address)).toBe(source);
  });
});

// The doors' clock stands still, so that no use passes while a slow machine counts.
beforeEach(() => void vi.useFakeTimers({ toFake: ["Date"], now: Date.now() }));
afterEach(() => void vi.useRealTimers());

const from = (address: string) => ({ "cf-connecting-ip": address });

/** What an installer sends, from an address. */
function enrollFrom(address: string, text: string, name: string, enrollment_id = crypto.randomUUID()) {
  const headers = { "content-type": "application/json", host: "edge.test", ...from(address) };
  const body = JSON.stringify({ token: text, enrollment_id, name });
  return SELF.fetch(`${API}/api/agents/enroll`, { method: "POST", headers, body });
}

const many = async (times: number, act: (n: number) => Promise<Response>) => {
  const answers = await Promise.all(Array.from({ length: times }, (_, n) => act(n)));
  const statuses = answers.map(({ status }) => status);
  for (const answer of answers) {
    answer.webSocket?.accept();
    answer.webSocket?.close();
    await answer.body?.cancel();
  }
  return [...new Set(statuses)];
};

async function limited(answer: Response | Promise<Response>, withinS: number): Promise<void> {
  const got = await answer;
  expect(await answered<ErrorBody>(got, 429)).toMatchObject({ code: "RATE_LIMITED", retryable: true });
  const seconds = Number(got.headers.get("retry-after"));
  expect(seconds).toBeGreaterThan(0);
  expect(seconds).toBeLessThanOrEqual(withinS);
}

describe("behind one address", () => {
  let stop = () => {};
  afterEach(() => stop());

  it("64 clients race with one token, and 200 agents come back together after a deploy", async () => {
    const tenant = await stoppedTenant({ max_agents: 200, retention_days: 1 });
    const { text } = await newToken(tenant, { max_uses: 200 });
    const agents: { connector: { id: string; secret: string } }[] = [];
    for (let wave = 0; wave < 4; wave++) {
      const size = wave === 0 ? 64 : 200 / 4;
      const answers = await Promise.all(
        Array.from({ length: size }, (_, n) => enrollFrom(OFFICE, text, `w${wave}-${n}`)),
      );
      for (const answer of answers) if (answer.status === 201) agents.push(await answer.json());
    }
    expect(agents).toHaveLength(200);
    ({ stop } = listenOnManagers());
    const back = (n: number) =>
      knock(tenant, { ...pair(agents[n]?.connector ?? { id: "", secret: "" }), ...from(OFFICE) });
    for (let time = 0; time < 3; time++) expect(await many(200, back)).toEqual([101]);
  });

  it("a token with no uses left refuses whoever holds it, which is no guess", async () => {
    const { text } = await newToken(await stoppedTenant(), { max_uses: 1 });
    await answered(enrollFrom(OFFICE, text, "web-1"), 201);
    expect(await many(130, (n) => enrollFrom(OFFICE, text, `late-${n}`))).toEqual([403]);
  });
});

describe("whoever guesses", () => {
  it("tokens is slowed down by address, also for the right one, and nobody else is", async () => {
    const tenant = await stoppedTenant();
    const { id, text } = await newToken(tenant);
    const guess = () => enrollFrom("2001:db8::1", makeToken("enr", tenant, id), "web-1");
    expect(await many(120, guess)).toEqual([403]);
    await limited(guess(), 1);
    await limited(enrollFrom("2001:db8::ffff", text, "web-1"), 1);
    await answered(enrollFrom("2001:db8:0:1::1", text, "web-1"), 201);
    const elsewhere = await stoppedTenant();
    await answered(enrollFrom("2001:db8::1", makeToken("enr", elsewhere, id), "web-1"), 403);
  });

  it("all at once is slowed down as well", async () => {
    const tenant = await stoppedTenant();
    const answers = await Promise.all(
      Array.from({ length: 300 }, () => enrollFrom(OFFICE, makeToken("enr", tenant, token()), "web-1")),
    );
    const refused = answers.filter(({ status }) => status === 403).length;
    expect(refused).toBe(120);
  });

  it("agents' credentials is slowed down by address", async () => {
    const tenant = await stoppedTenant();
    const agent = await enrolledAgent(tenant);
    const guess = () =>
      knock(tenant, { ...pair({ id: `${tenant}.001`, secret: makeToken("con", tenant, "001") }), ...from(OFFICE) });
    expect(await many(120, guess)).toEqual([401]);
    await limited(guess(), 1);
    await limited(knock(tenant, { ...pair(agent.connector), ...from(OFFICE) }), 1);
    expect((await knock(tenant, { ...pair(agent.connector), ...from("203.0.113.9") })).status).toBe(503);
  });

  it("codes of a dashboard is slowed down, and shown a page", async () => {
    const tenant = await stoppedTenant();
    const { code, post_to } = await codeFor(tenant);
    const guess = () => post(post_to, makeToken("code", tenant, token()));
    expect(await many(120, guess)).toEqual([403]);
    const answer = await post(post_to, code);
    expect([answer.status, answer.headers.get("retry-after")]).toEqual([429, "1"]);
    expect(await answer.text()).toContain("There were too many of these requests");
  });
});

describe("whoever has a right", () => {
  const events = async (bearer: string) =>
    SELF.fetch(`${API}/api/events`, { headers: { host: "edge.test", authorization: `Bearer ${bearer}` } });

  it("reads a tenant's events so often and no oftener; another tenant's are read as before", async () => {
    const [busy, quiet] = [await stoppedTenant(), await stoppedTenant()];
    const bearer = await scopedToken(busy);
    expect(await many(200, () => events(bearer))).toEqual([200]);
    await limited(events(bearer), 1);
    await answered(events(await scopedToken(quiet)), 200);
  });

  it("asks for rotations, codes, sessions and connections so often and no oftener", async () => {
    const tenant = await stoppedTenant();
    const agent = await enrolledAgent(tenant);
    const doors: [number, () => Promise<Response>, number][] = [
      [60, () => askRotation(tenant), 1],
      [60, () => knock(tenant, pair(agent.connector)), 1],
      [120, () => askForCode(tenant), 1],
    ];
    for (const [times, act, withinS] of doors) {
      expect(await many(times, act)).toHaveLength(1);
      await limited(act(), withinS);
    }
  });

  it("opens sessions of a dashboard so often and no oftener", async () => {
    const tenant = await stoppedTenant();
    const codes = await Promise.all(Array.from({ length: 101 }, () => codeFor(tenant)));
    const open = (n: number) => post(codes[n]?.post_to ?? "", codes[n]?.code ?? "");
    expect(await many(100, open)).toEqual([303]);
    expect((await open(100)).status).toBe(429);
    vi.setSystemTime(Date.now() + 1000);
    expect((await open(100)).status).toBe(303);
  });

  it("uses up with one token nothing of what the tenant's others have", async () => {
    const tenant = await stoppedTenant();
    const [worn, other] = [await newToken(tenant), await newToken(tenant)];
    const enrollment_id = crypto.randomUUID();
    const again = () => enroll(worn.text, "web-1", { enrollment_id });
    await answered(again(), 201);
    expect(await many(249, again)).toEqual([200]);
    await limited(again(), 1);
    await answered(enroll(other.text, "web-2"), 201);
  });
});

describe("a source that floods", () => {
  it("is refused before a tenant's object hears of it, at each door that strangers may knock at", async () => {
    const tenant = await stoppedTenant();
    const agent = await enrolledAgent(tenant);
    const { text } = await newToken(tenant);
    const keys: string[] = [];
    const full = {
      ...env,
      SOURCE_LIMIT: { limit: async ({ key }: { key: string }) => ({ success: keys.push(key) === 0 }) },
      TENANT: null,
    };
    const headers = { host: "edge.test", ...from("2001:db8::1") };
    const body = JSON.stringify({ token: text, enrollment_id: crypto.randomUUID(), name: "web-2" });
    const enrolling = { method: "POST", headers: { ...headers, "content-type": "application/json" }, body };
    const knocking = { headers: { ...headers, upgrade: "websocket", ...pair(agent.connector) } };
    const app = createApiApp();
    await limited(app.request(`${API}/api/agents/enroll`, enrolling, full), 60);
    await limited(app.request(`${API}/agents/${tenant}/1514`, knocking, { ...full, TENANT: env.TENANT }), 60);
    expect(keys).toEqual(["enroll:2001:db8:0:0::/64", "tunnel:2001:db8:0:0::/64"]);
  });

  it("is counted by Cloudflare's limiter as it is bound here", async () => {
    expect(await env.SOURCE_LIMIT?.limit({ key: "a test" })).toEqual({ success: true });
  });
});
