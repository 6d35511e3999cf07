import { afterEach, describe, expect, it } from "vitest";
import { DASHBOARD_ROLES, type DashboardVariant, variantOf } from "../src/auth/claims";
import { READING_POSTS } from "../src/gates/read_only";
import { recordsOf } from "./support/audit";
import {
  type Asked,
  age,
  askForCode,
  dashboardAnswers,
  echo,
  noDashboards,
  open,
  originOf,
  signIn,
} from "./support/dashboard";
import { answered, call, stoppedTenant } from "./support/edge";
import { replayAll } from "./support/stream";

afterEach(noDashboards);

const LOOKS: Asked[] = [{ role: "viewer" }, { role: "admin", variant: "read_only" }];
const WRITES = ["POST", "PUT", "PATCH", "DELETE"];

/** A request of the tenant's own page, as a browser sends it. */
function send(tenant: string, cookie: string, method: string, path: string, body = "{}", type = "application/json") {
  const headers = { origin: originOf(tenant), "content-type": type, accept: "application/json" };
  return open(tenant, path, cookie, { method, headers, ...(method === "GET" ? {} : { body }) });
}

/** A dashboard that says what it was asked. */
const repeat = async (request: Request) => new Response(await request.text());

/** What the manager's API is to be asked, as Wazuh's app puts it. */
const apiCall = (method: string) => JSON.stringify({ id: "tenant", method, path: "/agents", body: {} });

describe("a dashboard that was opened read-only", () => {
  it.each(LOOKS)("shows and searches, and changes nothing: %j", async (asked) => {
    const tenant = await stoppedTenant();
    const seen = dashboardAnswers(() => new Response("done"));
    const cookie = await signIn(tenant, asked);
    expect((await send(tenant, cookie, "GET", "/dashboard/app/home")).status).toBe(200);
    expect((await send(tenant, cookie, "POST", "/dashboard/internal/search/opensearch")).status).toBe(200);
    const passed = seen.length;
    for (const method of WRITES)
      for (const path of ["api/saved_objects/dashboard", "api/console/proxy", "indexer/settings", "anything/new"]) {
        const refused = await answered(send(tenant, cookie, method, `/dashboard/${path}`), 403);
        expect(refused).toMatchObject({ code: "READ_ONLY" });
      }
    expect(seen).toHaveLength(passed);
    expect(seen.map(({ headers }) => headers.get("x-proxy-roles"))).toEqual(["tenant_readonly", "tenant_readonly"]);
  });

  it("takes the reading routes by POST alone, and none that only begins or ends like one", async () => {
    const tenant = await stoppedTenant();
    dashboardAnswers(() => new Response("done"));
    const cookie = await signIn(tenant, { role: "viewer" });
    const paths = ["core/capabilities", "saved_objects/_bulk_get", "metrics/vis/data", "csv", "login"];
    for (const path of paths.map((route) => `/dashboard/api/${route}`)) {
      expect((await send(tenant, cookie, "POST", path)).status).toBe(200);
      for (const method of ["PUT", "PATCH", "DELETE"])
        expect((await send(tenant, cookie, method, path)).status).toBe(403);
      for (const other of [`${path}/x`, `${path}x`, path.replace("/dashboard/", "/dashboard/x/")])
        expect((await send(tenant, cookie, "POST", other)).status).toBe(403);
    }
    for (const { path } of READING_POSTS) expect(path.source).toMatch(/^\^\\\/dashboard\\\/.*\$$/);
  });

  it("asks the manager's API to read, and never to do anything", async () => {
    const tenant = await stoppedTenant();
    const seen = dashboardAnswers(repeat);
    const cookie = await signIn(tenant, { role: "viewer" });
    const ask = (body: string, type?: string) => send(tenant, cookie, "POST", "/dashboard/api/request", body, type);
    expect(await (await ask(apiCall("GET"))).text()).toBe(apiCall("GET"));
    for (const method of [...WRITES, "get", "GET ", ""]) expect((await ask(apiCall(method))).status).toBe(403);
    for (const body of ["", "null", "[]", "GET", `{"method":["GET"]}`, `{"method":"GET","x":"${"x".repeat(70_000)}"}`])
      expect((await ask(body)).status).toBe(403);
    expect(seen).toHaveLength(1);
  });

  it("is asked what was judged: a method that stands twice, or in a form, can't be read in two ways", async () => {
    const tenant = await stoppedTenant();
    const seen = dashboardAnswers(repeat);
    const cookie = await signIn(tenant, { role: "viewer" });
    const twice = `{"method":"DELETE","method":"GET","path":"/agents"}`;
    const type = "application/x-www-form-urlencoded";
    const answer = await send(tenant, cookie, "POST", "/dashboard/api/request", twice, type);
    expect(await answer.text()).toBe(`{"method":"GET","path":"/agents"}`);
    expect(seen[0]?.headers.get("content-type")).toBe("application/json");
  });

  it.each(LOOKS)("opens no socket, whose frames nobody could judge: %j", async (asked) => {
    const tenant = await stoppedTenant();
    dashboardAnswers(() => echo());
    const headers = { upgrade: "websocket", origin: originOf(tenant), accept: "application/json" };
    const upgrade = async (cookie: string) => (await open(tenant, "/dashboard/ws", cookie, { headers })).status;
    expect(await upgrade(await signIn(tenant, asked))).toBe(403);
    expect(await upgrade(await signIn(tenant, { role: "operator" }))).toBe(101);
  });

  it("is all that a viewer gets, and what anybody else may ask for", async () => {
    const tenant = await stoppedTenant();
    const refused = await answered(askForCode(tenant, { role: "viewer", variant: "full" }), 422);
    expect(refused).toMatchObject({ details: [{ path: "variant" }] });
    for (const role of DASHBOARD_ROLES) await answered(askForCode(tenant, { role, variant: "read_only" }), 201);
    const by_itself = Object.fromEntries(DASHBOARD_ROLES.map((role) => [role, variantOf({ role })]));
    expect(by_itself).toEqual({ admin: "full", operator: "full", viewer: "read_only" });
  });

  it("stays what it was for a session of the version before, which did not say how it was opened", async () => {
    const tenant = await stoppedTenant();
    dashboardAnswers(() => new Response("done"));
    const sessions = {
      admin: await signIn(tenant),
      viewer: await signIn(tenant, { role: "viewer", user: "usr_vera" }),
    };
    await age(tenant, "UPDATE sessions SET claims = json_remove(claims, '$.variant')");
    const write = (cookie: string) => send(tenant, cookie, "PUT", "/dashboard/api/x");
    expect([(await write(sessions.admin)).status, (await write(sessions.viewer)).status]).toEqual([200, 403]);
  });

  it("is told of as what it is, when it is asked for and when it opens", async () => {
    const tenant = await stoppedTenant();
    await signIn(tenant, { role: "admin", variant: "read_only" });
    const told = async () => {
      const records = recordsOf(await replayAll(tenant)).filter(({ action }) => action.startsWith("dashboard."));
      return records.map(({ action, by, variant, role }) => [action, by, variant, role]);
    };
    await expect.poll(told).toEqual([
      ["dashboard.opening_asked", "portal", "read_only", "admin"],
      ["dashboard.opened", "person", "read_only", "admin"],
    ]);
    type Feed = { changes: { tenant: string; kind: string; data: { variant?: DashboardVariant } }[] };
    const feed = await answered<Feed>(call("GET", "/v1/changes?after=0&wait=0&limit=500"), 200);
    const opened = feed.changes.filter((change) => change.tenant === tenant && change.kind === "dashboard");
    expect(opened.map(({ data }) => data.variant)).toEqual(["read_only"]);
  });
});
