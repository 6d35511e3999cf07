import { env, SELF } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import type { DashboardRole } from "../src/auth/claims";
import { makeToken } from "../src/ids";
import { age, askForCode, codeFor, cookieOf, dump, originOf, post } from "./support/dashboard";
import { answered, call, iso, PORTAL, stoppedTenant } from "./support/edge";

describe("opening a dashboard", () => {
  it("turns a posted code into a session that only this host sees, and tells of it", async () => {
    const tenant = await stoppedTenant();
    const { code, post_to } = await codeFor(tenant);
    expect(post_to).toBe(`${originOf(tenant)}/session`);
    const answer = await post(post_to, code);
    expect(answer.status).toBe(303);
    expect(answer.headers.get("location")).toBe("/dashboard/");
    const cookie = answer.headers.get("set-cookie") ?? "";
    expect(cookie).toMatch(/^__Host-session=[0-9A-Za-z]{43}; Path=\/; Secure; HttpOnly; SameSite=Lax; Max-Age=\d+$/);
    interface Change {
      tenant: string;
      kind: string;
      data: object;
    }
    const opened = async () => {
      const feed = await answered<{ changes: Change[] }>(call("GET", "/v1/changes?after=0&wait=0&limit=500"), 200);
      return feed.changes.filter((change) => change.tenant === tenant && change.kind === "dashboard");
    };
    await expect.poll(opened).toHaveLength(1);
    expect((await opened())[0]?.data).toEqual({
      ...{ user: "usr_alice", role: "admin", variant: "full", session: "ses_usr_alice" },
    });
    const events = async () =>
      JSON.parse(await env.WAZUH_EVENTS.getByName(tenant).replay(0, 100)).events as {
        kind: string;
        data: { action?: string };
      }[];
    await expect
      .poll(async () => (await events()).filter(({ data }) => data.action === "dashboard.opened"))
      .toHaveLength(1);
  });

  it("leads to the place in the dashboard that the portal named", async () => {
    const tenant = await stoppedTenant();
    const path = "/app/data-explorer/discover#?_q=(query:(query:'rule.id:%205710'))";
    const { code, post_to } = await codeFor(tenant, { path });
    const answer = await post(post_to, code);
    expect(answer.headers.get("location")).toBe(`/dashboard${path}`);
  });

  it.each([
    "//evil.example/app/",
    "https://evil.example/app/",
    "/app/../../session",
    "/app/../../app/discover",
    "/app/%2e%2e/%2e%2e/app/discover",
    "/app/%2e%2e/%2E./session",
    "/app/\\\\evil.example",
    "/app/a b",
    "/api/console",
    `/app/${"x".repeat(2000)}`,
  ])("is refused for a place that is none of the dashboard's: %s", async (path) => {
    const tenant = await stoppedTenant();
    await answered(askForCode(tenant, { path }), 422);
  });

  it("works once, even for posts that race", async () => {
    const tenant = await stoppedTenant();
    const { code, post_to } = await codeFor(tenant);
    const answers = await Promise.all(Array.from({ length: 8 }, () => post(post_to, code)));
    expect(answers.filter((answer) => answer.status === 303)).toHaveLength(1);
    expect(await (await post(post_to, code)).text()).toContain("This link was used already");
  });

  it("is refused after thirty seconds, with a page that says what to do", async () => {
    const tenant = await stoppedTenant();
    const { code, post_to, expires_at } = await codeFor(tenant);
    expect(Date.parse(expires_at) - Date.now()).toBeLessThanOrEqual(30_000);
    await age(tenant, "UPDATE codes SET expires_at = expires_at - 31000");
    const answer = await post(post_to, code);
    const page = await answer.text();
    expect(answer.status).toBe(403);
    expect(page).toContain("This link has expired");
    expect(page).toContain("open the dashboard again");
    expect(page).toContain("simulated");
    expect(page).toContain(`${PORTAL}/t/${tenant}/`);
    expect(page).not.toContain("<script");
    expect(answer.headers.get("content-security-policy")).toContain("default-src 'none'");
  });

  it.each([
    ["another site", "https://evil.example"],
    ["no origin", null],
    ["a page without one", "null"],
  ])("is refused from %s, and the code stays good", async (_, origin) => {
    const tenant = await stoppedTenant();
    const { code, post_to } = await codeFor(tenant);
    expect((await post(post_to, code, origin)).status).toBe(403);
    expect((await post(post_to, code)).status).toBe(303);
  });

  it("is refused with another tenant's code, a made-up one, or none", async () => {
    const [mine, theirs] = [await stoppedTenant(), await stoppedTenant()];
    const { post_to } = await codeFor(mine);
    const { code } = await codeFor(theirs);
    for (const wrong of [code, makeToken("code", mine, "abcdefghij"), "code_", "\u0000", ""]) {
      expect((await post(post_to, wrong)).status).toBe(403);
    }
  });

  it.each<[string, (code: string) => BodyInit, string]>([
    ["in a form that is cut off", () => "--x\r\nContent-Disposition: form-", "multipart/form-data; boundary=x"],
    [
      "in a form with parts",
      (code) => `--x\r\nContent-Disposition: form-data; name="code"\r\n\r\n${code}\r\n--x--`,
      "multipart/form-data; boundary=x",
    ],
    ["as JSON", (code) => JSON.stringify({ code }), "application/json"],
    [
      "behind more than a form holds",
      (code) => `fill=${"x".repeat(5000)}&code=${code}`,
      "application/x-www-form-urlencoded",
    ],
  ])("is not read %s", async (_, body, type) => {
    const tenant = await stoppedTenant();
    const { code, post_to } = await codeFor(tenant);
    const headers = { "content-type": type, origin: PORTAL };
    const answer = SELF.fetch(post_to, { method: "POST", headers, body: body(code), redirect: "manual" });
    expect(await answered(answer, 403)).toMatchObject({ code: "CODE_UNKNOWN" });
    expect((await post(post_to, code)).status).toBe(303);
  });

  it("answers a repeated request with the same code, and another request under its key with 409", async () => {
    const tenant = await stoppedTenant();
    const asked = { idempotency_key: "once", ends_at: iso(3600_000) };
    const [first, second] = await Promise.all([codeFor(tenant, asked), codeFor(tenant, asked)]);
    expect(second).toEqual(first);
    await answered(askForCode(tenant, { ...asked, role: "viewer" }), 409);
  });

  it("is not for the control key, nor for a right that has ended, nor for an unknown role", async () => {
    const tenant = await stoppedTenant();
    await answered(askForCode(tenant, {}, "control"), 403);
    await answered(askForCode(tenant, { ends_at: iso(-1000) }), 422);
    await answered(askForCode(tenant, { role: "all_access" as DashboardRole }), 422);
  });

  it("keeps neither code nor session in plain text", async () => {
    const tenant = await stoppedTenant();
    const { code, post_to } = await codeFor(tenant);
    const secret = cookieOf(await post(post_to, code)).split("=")[1] as string;
    const rows = await dump(tenant);
    expect(rows).not.toContain(code);
    expect(rows).not.toContain(secret);
    expect(rows).toContain("usr_alice");
  });
});
