import { env } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { nodeStub } from "../src/tenant/nodes/names";
import { connect, enrolledAgent, knock, pair } from "./support/connector";
import { world } from "./support/containers";
import {
  codeFor,
  cookieOf,
  dashboardAnswers,
  echo,
  noDashboards,
  open,
  originOf,
  post,
  signIn,
  socketOf,
} from "./support/dashboard";
import { answered, call, enroll, mistyped, newToken } from "./support/edge";
import { alive, asleepTenant, change, isAsleep, managersServe, runs, sleepyTenant } from "./support/sleeping";
import { getTenant, until } from "./support/tenants";

let restore = () => {};
beforeEach(() => {
  restore = managersServe();
});
afterEach(() => {
  restore();
  noDashboards();
  world.silent.clear();
});

const json = { headers: { accept: "application/json" } };
const progress = async (tenant: string, cookie: string) =>
  answered<{ state: string; seconds: number; steps: { name: string; state: string }[] }>(
    open(tenant, "/waking", cookie, json),
    200,
  );

/** A tenant that sleeps, and a browser with a session from before. */
async function leftAlone(): Promise<{ tenant: string; cookie: string }> {
  const tenant = await sleepyTenant();
  const cookie = await signIn(tenant);
  await asleepTenant(tenant);
  return { tenant, cookie };
}

describe("a dashboard's request to a tenant that sleeps", () => {
  it("wakes it, shows a page that follows the steps, and is carried once the dashboard serves", async () => {
    const { tenant, cookie } = await leftAlone();
    world.silent.add(`${tenant}:manager:0`);
    const answer = await open(tenant, "/dashboard/app/home", cookie);
    const page = await answer.text();
    expect(answer.status).toBe(503);
    expect(answer.headers.get("retry-after")).toBe("5");
    expect(page).toContain("Your Wazuh is waking up");
    expect(page).toContain("simulated");
    expect(page).toContain('<noscript><meta http-equiv="refresh"');
    const policy = answer.headers.get("content-security-policy") ?? "";
    const [, nonce] = /script-src 'nonce-([\w-]+)'; connect-src 'self'/.exec(policy) ?? [];
    expect(policy).toContain("default-src 'none'");
    expect(page.match(/<(script|style)[^>]*>/g)).toEqual([`<style nonce="${nonce}">`, `<script nonce="${nonce}">`]);
    expect((await getTenant(tenant)).run?.kind).toBe("wake");
    await until(tenant, ({ run }) => run?.steps[0]?.state === "succeeded");
    const { steps, ...more } = await progress(tenant, cookie);
    expect(more).toEqual({ state: "waking", seconds: expect.any(Number) });
    expect(steps.map(({ name, state }) => `${name} ${state}`)).toEqual([
      ...["indexer succeeded", "manager running"],
      ...["dashboard pending", "verify pending"],
    ]);
    expect(await (await open(tenant, "/dashboard/", cookie)).text()).toContain('<li id="indexer" class="succeeded">');
    world.silent.clear();
    await until(tenant, runs);
    expect((await progress(tenant, cookie)).state).toBe("awake");
    expect((await open(tenant, "/dashboard/app/home", cookie)).status).toBe(200);
  });

  it("gets JSON with Retry-After where it is no page that is asked for", async () => {
    const { tenant, cookie } = await leftAlone();
    const answer = await open(tenant, "/dashboard/api/status", cookie, json);
    expect(answer.headers.get("retry-after")).toBe("5");
    expect(await answered(answer, 503)).toMatchObject({ code: "TENANT_ASLEEP", retryable: true });
    const own = { origin: originOf(tenant) };
    expect((await open(tenant, "/dashboard/api/x", cookie, { method: "POST", headers: own })).status).toBe(503);
    await until(tenant, runs);
  });

  it("wakes nothing without a session, nor from another origin or tenant", async () => {
    const { tenant, cookie } = await leftAlone();
    expect((await open(tenant, "/dashboard/", "")).status).toBe(401);
    const other = await signIn(await sleepyTenant());
    for (const session of ["", other]) expect((await open(tenant, "/waking", session, json)).status).toBe(401);
    const foreign = { headers: { "sec-fetch-site": "same-site", "sec-fetch-mode": "cors" } };
    for (const path of ["/waking", "/dashboard/"]) expect((await open(tenant, path, cookie, foreign)).status).toBe(403);
    expect(isAsleep(await getTenant(tenant))).toBe(true);
  });

  it("wakes it as soon as a code is redeemed", async () => {
    const tenant = await asleepTenant();
    const { code, post_to } = await codeFor(tenant);
    expect(isAsleep(await getTenant(tenant))).toBe(true);
    const answer = await post(post_to, code);
    expect(answer.status).toBe(303);
    expect((await getTenant(tenant)).run?.kind).toBe("wake");
    expect((await open(tenant, "/dashboard/", cookieOf(answer))).status).toBe(503);
    await until(tenant, runs);
  });

  it("keeps it awake while a WebSocket is open", async () => {
    const tenant = await sleepyTenant();
    const cookie = await signIn(tenant);
    dashboardAnswers(echo);
    const { say, closed } = await socketOf(tenant, cookie);
    await say("hello");
    expect(await answered(change(tenant, "sleep"), 409)).toMatchObject({ code: "DASHBOARD_IN_USE" });
    const rule = {
      epoch: 1,
      idempotency_key: "k",
      before: new Date(Date.now() + 1000).toISOString(),
      subject: "usr_alice",
    };
    await answered(call("POST", `/v1/tenants/${tenant}/revocations`, rule, "access"), 200);
    await closed;
    await expect.poll(() => nodeStub(env, tenant, "dashboard", 0).use()).toMatchObject({ open: 0 });
    noDashboards();
    await asleepTenant(tenant);
  });
});

describe("an agent at a tenant that sleeps", () => {
  it("wakes it with a good credential, is told to come back, and gets through then", async () => {
    const tenant = await sleepyTenant();
    const agent = await enrolledAgent(tenant);
    await until(tenant, runs);
    await asleepTenant(tenant);
    const { id, secret } = agent.connector;
    const stranger = { ...agent, connector: { id, secret: mistyped(secret) } };
    expect((await knock(tenant, pair(stranger.connector))).status).toBe(401);
    expect(isAsleep(await getTenant(tenant))).toBe(true);
    const answer = await knock(tenant, pair(agent.connector));
    expect(answer.headers.get("retry-after")).toBe("5");
    expect(await answered(answer, 503)).toMatchObject({ code: "TENANT_ASLEEP", retryable: true });
    expect(alive(tenant)).not.toContain("manager");
    await until(tenant, runs);
    expect(await connect(tenant, agent)).not.toBeNull();
  });

  it("enrolls without waiting for anything, and the tenant wakes to take it up", async () => {
    const tenant = await asleepTenant();
    const { text } = await newToken(tenant);
    expect((await enroll(mistyped(text), "web-1")).status).toBe(403);
    expect(isAsleep(await getTenant(tenant))).toBe(true);
    await answered(enroll(text, "web-1"), 201);
    const view = await until(tenant, runs);
    expect(view).toMatchObject({ run: { kind: "wake", state: "succeeded" }, agents: { enrolled: 1 } });
  });
});
