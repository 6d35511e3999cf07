import { env, SELF } from "cloudflare:test";
import { afterEach, describe, expect, it } from "vitest";
import { createDashboardApp } from "../src/app";
import { cookieMark } from "../src/auth/session";
import { digest } from "../src/ids";
import { sticky } from "../src/routes/dashboard";
import { dashboardAnswers, noDashboards, open, originOf, signIn } from "./support/dashboard";
import { API, answered, getWithBody, PORTAL, stoppedTenant } from "./support/edge";

afterEach(noDashboards);

describe("a dashboard session", () => {
  it("reaches the dashboard as the user, whatever the browser claims", async () => {
    const tenant = await stoppedTenant();
    const seen = dashboardAnswers(() => new Response("hello"));
    const cookie = await signIn(tenant, { role: "operator" });
    const headers = {
      "x-proxy-user": "admin",
      "x-proxy-roles": "all_access",
      "x-forwarded-for": "127.0.0.1",
      authorization: "Basic YWRtaW46YWRtaW4=",
      "x-edge-session": "{}",
      "osd-xsrf": "true",
    };
    const mark = cookieMark(digest(cookie.split("=")[1] ?? ""));
    const jar = `theme=dark; ${cookie}; ${mark}security=x`;
    const answer = await open(tenant, "/dashboard/app/home?a=1", jar, { headers });
    expect(await answer.text()).toBe("hello");
    const arrived = seen[0] as Request;
    expect(new URL(arrived.url).pathname + new URL(arrived.url).search).toBe("/dashboard/app/home?a=1");
    expect(arrived.headers.get("x-proxy-user")).toBe("usr_alice");
    expect(arrived.headers.get("x-proxy-roles")).toBe("tenant_operator");
    expect(arrived.headers.get("x-forwarded-for")).not.toBe("127.0.0.1, 127.0.0.1");
    expect(arrived.headers.get("authorization")).toBeNull();
    expect(arrived.headers.get("x-edge-session")).toBeNull();
    expect(arrived.headers.get("osd-xsrf")).toBe("true");
    expect(arrived.headers.get("cookie")).toBe("security=x");
  });

  it("is asked for on every path, and its end is shown clearly", async () => {
    const tenant = await stoppedTenant();
    dashboardAnswers(() => new Response("secret"));
    for (const cookie of ["", "__Host-session=", `__Host-session=${"a".repeat(43)}`]) {
      const answer = await open(tenant, "/dashboard/app/home", cookie);
      expect(answer.status).toBe(401);
      expect(await answer.text()).toContain("Your session has ended");
    }
    const json = await open(tenant, "/dashboard/api/status", "", { headers: { accept: "application/json" } });
    expect(await answered(json, 401)).toMatchObject({ code: "SESSION_ENDED" });
  });

  it("takes nothing of the dashboard's cookies along into the next one, opened by whoever or however", async () => {
    const tenant = await stoppedTenant();
    const token = { "set-cookie": "wz-token=of-an-administrator; Path=/; HttpOnly" };
    const seen = dashboardAnswers(() => new Response("hello", { headers: token }));
    const hers = await signIn(tenant, { role: "admin" });
    const kept = (await open(tenant, "/dashboard/", hers)).headers.get("set-cookie")?.split(";")[0] ?? "";
    await open(tenant, "/dashboard/", `${hers}; ${kept}`);
    await open(tenant, "/dashboard/", `${await signIn(tenant, { role: "viewer", user: "usr_vera" })}; ${kept}`);
    const sent = seen.map(({ headers }) => headers.get("cookie"));
    expect(sent).toEqual([null, "wz-token=of-an-administrator", null]);
  });

  it("does not open another tenant's dashboard", async () => {
    const [mine, theirs] = [await stoppedTenant(), await stoppedTenant()];
    dashboardAnswers(() => new Response("secret"));
    expect((await open(theirs, "/dashboard/", await signIn(mine))).status).toBe(401);
  });

  it("takes writes only from the tenant's own origin", async () => {
    const tenant = await stoppedTenant();
    dashboardAnswers(() => new Response("done"));
    const cookie = await signIn(tenant);
    const write = (origin?: string) =>
      open(tenant, "/dashboard/api/x", cookie, { method: "POST", body: "{}", headers: origin ? { origin } : {} });
    expect((await write(originOf(tenant))).status).toBe(200);
    for (const origin of [undefined, "null", PORTAL, originOf(await stoppedTenant()), "http://dashboards.test"]) {
      expect((await write(origin)).status).toBe(403);
    }
  });

  it("shows nothing to a page of another origin, which may only send the whole window here", async () => {
    const tenant = await stoppedTenant();
    dashboardAnswers(() => new Response("secret"));
    const cookie = await signIn(tenant);
    const read = async (site: string, mode: string, dest: string) => {
      const headers = { "sec-fetch-site": site, "sec-fetch-mode": mode, "sec-fetch-dest": dest };
      return (await open(tenant, "/dashboard/app/home", cookie, { headers })).status;
    };
    for (const site of ["same-site", "cross-site"]) {
      expect(await read(site, "navigate", "document")).toBe(200);
      expect(await read(site, "navigate", "iframe")).toBe(403);
      expect(await read(site, "no-cors", "script")).toBe(403);
      expect(await read(site, "cors", "empty")).toBe(403);
    }
    expect(await read("same-origin", "cors", "empty")).toBe(200);
    expect(await read("none", "navigate", "document")).toBe(200);
  });

  it("passes a request on whose method carries no body, without the body it came with", async () => {
    const tenant = await stoppedTenant();
    const seen = dashboardAnswers(() => new Response("hello"));
    const headers = { cookie: await signIn(tenant), host: new URL(originOf(tenant)).host };
    for (const body of ["", "{}"]) {
      const answer = await createDashboardApp().fetch(
        getWithBody(`${originOf(tenant)}/dashboard/`, body, headers),
        env,
      );
      expect(await answer.text()).toBe("hello");
    }
    expect(seen.map((request) => request.headers.get("content-length"))).toEqual([null, null]);
  });

  it("always meets the same node, while all sessions together use every node", () => {
    const sessions = Array.from({ length: 200 }, () => digest(crypto.randomUUID()));
    const nodes = sessions.map((session) => sticky(session, 3));
    expect(new Set(nodes)).toEqual(new Set([0, 1, 2]));
    expect(sessions.map((session) => sticky(session, 3))).toEqual(nodes);
    expect(sessions.every((session) => sticky(session, 1) === 0 && sticky(session, 0) === 0)).toBe(true);
  });

  it("installs no service worker", async () => {
    const tenant = await stoppedTenant();
    dashboardAnswers(() => new Response("self.addEventListener('fetch', steal)"));
    const headers = { "service-worker": "script" };
    expect((await open(tenant, "/dashboard/sw.js", await signIn(tenant), { headers })).status).toBe(403);
  });

  it("says so when the tenant is not running", async () => {
    const tenant = await stoppedTenant();
    const answer = await open(tenant, "/dashboard/", await signIn(tenant));
    expect(answer.status).toBe(503);
    expect(await answer.text()).toContain("This tenant is not running");
  });
});

describe("the hosts", () => {
  it("point to the dashboard and say nothing of it, whoever asks", async () => {
    const tenant = await stoppedTenant();
    const seen = dashboardAnswers(() => new Response("secret"));
    for (const path of ["/", "/dashboard"]) {
      const answer = await open(tenant, path, "");
      expect([answer.status, answer.headers.get("location"), await answer.text()]).toEqual([302, "/dashboard/", ""]);
    }
    expect(seen).toEqual([]);
  });

  it("keep the API off the dashboards' origins, and dashboards off the API's", async () => {
    const tenant = await stoppedTenant();
    const pointer = await SELF.fetch(`${API}/dashboard/${tenant}`, { redirect: "manual" });
    expect(pointer.status).toBe(302);
    expect(pointer.headers.get("location")).toBe(`${originOf(tenant)}/dashboard/`);
    expect((await SELF.fetch(`${originOf(tenant)}/v1/tenants`)).status).toBe(404);
    expect((await SELF.fetch(`${originOf(tenant)}/api/events`)).status).toBe(404);
    expect((await SELF.fetch("http://unknown.dashboards.test/dashboard/")).status).toBeGreaterThanOrEqual(404);
  });
});
