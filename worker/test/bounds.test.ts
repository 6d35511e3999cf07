/** Every door has a bound on what a request carries and on how long it takes. */
import { env, SELF } from "cloudflare:test";
import { afterEach, describe, expect, it } from "vitest";
import { createApiApp, createDashboardApp } from "../src/app";
import { API_BOUNDS, CONTENT_BYTES, DASHBOARD_BOUNDS } from "../src/bounds";
import type { EdgeApp } from "../src/edge_app";
import type { ErrorBody } from "../src/errors";
import { dashboardAnswers, noDashboards, originOf, signIn } from "./support/dashboard";
import { API, answered, newTenantId, stoppedTenant, stuckRequest } from "./support/edge";

const KIB = 1024;
const api = createApiApp({ ...API_BOUNDS, readMs: 20 });
/** Bodies of these are read by their own door, once it knows who sends. */
const WAZUH5 = / \/wazuh\//;
const MIDDLEWARE = /^ALL \/(\w+\/)?\*$/;

const routesOf = (app: EdgeApp) => [...new Set(app.routes.map(({ method, path }) => `${method} ${path}`))];
const pathOf = (route: string) => route.split(" ")[1]?.replace(/:\w+/g, () => newTenantId()) ?? "";
const methodOf = (route: string) => route.split(" ")[0] ?? "";

describe("each door of the API", () => {
  const routes = routesOf(api).filter((route) => !MIDDLEWARE.test(route) && !WAZUH5.test(route));

  it("takes a megabyte (ten of a bundle of content), for half a minute, and answers within a minute", () => {
    expect(routes.length).toBeGreaterThan(25);
    expect(CONTENT_BYTES).toBe(10 * KIB * KIB);
    expect(API_BOUNDS).toEqual({ announcedBytes: KIB * KIB, readBytes: KIB * KIB, readMs: 30_000, answerMs: 60_000 });
  });

  /** A bundle of content is larger than any other body. */
  const mostOf = (route: string) => (route.includes("/content/") ? CONTENT_BYTES : KIB * KIB);

  it.each(routes)("refuses a body that is larger or never ends: %s", async (route) => {
    const headers = { host: "edge.test", "content-type": "application/json" };
    const url = API + pathOf(route);
    const large = { method: methodOf(route), headers: { ...headers, "content-length": `${mostOf(route) + 1}` } };
    expect(await answered(api.request(url, large, env), 413)).toMatchObject({ code: "BODY_TOO_LARGE" });
    const stuck = await api.fetch(stuckRequest(methodOf(route), url, headers), env);
    expect(await answered(stuck, 408)).toMatchObject({ code: "BODY_TOO_SLOW", retryable: true });
  });

  it("says after its time that it does not know what came of a request", async () => {
    const away = { prepare: () => ({ all: () => new Promise(() => {}) }) };
    const hurried = createApiApp({ ...API_BOUNDS, answerMs: 20 });
    const asked = hurried.request(`${API}/readyz`, { headers: { host: "edge.test" } }, { ...env, WAZUH_META: away });
    const error = await answered<ErrorBody>(asked, 500);
    expect(error).toMatchObject({
      code: "INTERNAL",
      message: expect.stringContaining("no answer within 0.02 seconds"),
    });
  });
});

describe("each path of Wazuh 5 agents", () => {
  it.each(routesOf(api).filter((route) => WAZUH5.test(route)))("says how large a body may be: %s", async (route) => {
    const ask = (length: Record<string, string>) =>
      api.request(
        API + pathOf(route),
        {
          method: methodOf(route),
          headers: { host: "edge.test", "protocol-version": "1", ...length },
        },
        env,
      );
    const large = { "content-length": `${20 * KIB * KIB + 1}` };
    expect(await answered(ask(large), 413)).toMatchObject({ code: "BODY_TOO_LARGE" });
    if (methodOf(route) === "POST") expect(await answered(ask({}), 411)).toMatchObject({ code: "LENGTH_REQUIRED" });
  });
});

describe("each door of a dashboard", () => {
  afterEach(() => noDashboards());
  const BOUNDS = { "POST /session": 4 * KIB, "ALL /dashboard/*": 32 * KIB * KIB };

  it("that reads a body has its bound here", () => {
    const reading = routesOf(createDashboardApp()).filter((route) => !/^GET |^ALL \/\*$/.test(route));
    expect(reading.sort()).toEqual(Object.keys(BOUNDS).sort());
    const bounds = { announcedBytes: BOUNDS["ALL /dashboard/*"], readBytes: KIB * KIB };
    expect(DASHBOARD_BOUNDS).toEqual({ ...bounds, readMs: 30_000, answerMs: 120_000 });
  });

  const upload = async (tenant: string, body: string | null, more: Record<string, string> = {}) => {
    const headers = {
      cookie: await signIn(tenant),
      origin: originOf(tenant),
      host: `${tenant}.dashboards.test`,
      ...more,
    };
    const app = createDashboardApp({ ...DASHBOARD_BOUNDS, announcedBytes: 2 * KIB, readBytes: KIB, readMs: 20 });
    const url = `${originOf(tenant)}/dashboard/api/import`;
    return app.fetch(
      body === null ? stuckRequest("POST", url, headers) : new Request(url, { method: "POST", headers, body }),
      env,
    );
  };
  const length = (bytes: number) => ({ "content-length": `${bytes}` });
  const filled = (bytes: number) => "x".repeat(bytes);

  it("carries a body of that size to the node, and none that is larger or never ends", async () => {
    const seen: number[] = [];
    dashboardAnswers(async (request) => {
      seen.push((await request.arrayBuffer()).byteLength);
      return new Response("ok");
    });
    const tenant = await stoppedTenant();
    await answered(upload(tenant, filled(2 * KIB + 1), length(2 * KIB + 1)), 413);
    expect(await (await upload(tenant, filled(2 * KIB), length(2 * KIB))).text()).toBe("ok");
    expect(await (await upload(tenant, filled(KIB))).text()).toBe("ok");
    expect(await answered(upload(tenant, filled(KIB + 1)), 413)).toMatchObject({ code: "BODY_TOO_LARGE" });
    expect(await answered(upload(tenant, null), 408)).toMatchObject({ code: "BODY_TOO_SLOW" });
    expect(seen).toEqual([2 * KIB, KIB]);
  });

  it("reads no form that is longer than a code's", async () => {
    const tenant = await stoppedTenant();
    const headers = { "content-type": "application/x-www-form-urlencoded", origin: "http://portal.test" };
    const body = new URLSearchParams({ code: "x".repeat(5 * KIB) });
    const answer = SELF.fetch(`${originOf(tenant)}/session`, { method: "POST", headers, body });
    expect(await answered(answer, 403)).toMatchObject({ code: "CODE_UNKNOWN" });
  });

  it("is given up when its node does not answer in time", async () => {
    dashboardAnswers(() => scheduler.wait(300).then(() => new Response("late")));
    const tenant = await stoppedTenant();
    const headers = { cookie: await signIn(tenant), host: `${tenant}.dashboards.test` };
    const hurried = createDashboardApp({ ...DASHBOARD_BOUNDS, answerMs: 100 });
    const asked = await hurried.request(`${originOf(tenant)}/dashboard/`, { headers }, env);
    expect(await answered(asked, 500)).toMatchObject({ code: "INTERNAL" });
  });
});
