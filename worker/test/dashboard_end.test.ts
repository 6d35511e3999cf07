import { afterEach, describe, expect, it } from "vitest";
import { codeFor, dashboardAnswers, echo, noDashboards, open, post, signIn, socketOf } from "./support/dashboard";
import { answered, call, iso, stoppedTenant } from "./support/edge";

afterEach(noDashboards);

describe("a dashboard session", () => {
  it("is withdrawn at once, with its open sockets", async () => {
    const tenant = await stoppedTenant();
    dashboardAnswers((request) => (request.headers.get("upgrade") ? echo() : new Response("hello")));
    const [alice, bob] = [await signIn(tenant), await signIn(tenant, { user: "usr_bob" })];
    const hers = await socketOf(tenant, alice);
    const his = await socketOf(tenant, bob);
    expect(await hers.say("hi")).toBe("hi");
    const rule = { epoch: 1, idempotency_key: "r1", before: iso(1000), subject: "usr_alice" };
    expect(await answered(call("POST", `/v1/tenants/${tenant}/revocations`, rule, "access"), 200)).toEqual({
      closed: 2,
    });
    expect(await answered(call("POST", `/v1/tenants/${tenant}/revocations`, rule, "control"), 200)).toEqual({
      closed: 2,
    });
    expect(await hers.closed).toBe(4401);
    expect((await open(tenant, "/dashboard/", alice)).status).toBe(401);
    expect((await open(tenant, "/dashboard/", bob)).status).toBe(200);
    expect(await his.say("still here")).toBe("still here");
  });

  it("is withdrawn by grant, connection, organization or portal session, if it is older than the rule", async () => {
    const tenant = await stoppedTenant();
    dashboardAnswers(() => new Response("hello"));
    const revoke = (named: object, before: string) => {
      const body = { epoch: 1, idempotency_key: crypto.randomUUID(), before, ...named };
      return call("POST", `/v1/tenants/${tenant}/revocations`, body, "access");
    };
    const ways = [
      { grant: "grant_1" },
      { connection: "conn_1" },
      { organization: "org_acme" },
      { session: "ses_usr_alice" },
    ];
    for (const named of ways) {
      const cookie = await signIn(tenant, { grant: "grant_1", connection: "conn_1" });
      expect(await answered(revoke(named, iso(-60_000)), 200)).toEqual({ closed: 0 });
      expect(await answered(revoke({ ...named, subject: "usr_other" }, iso(1000)), 200)).toEqual({ closed: 0 });
      expect(await answered(revoke(named, iso(0)), 200)).toEqual({ closed: 1 });
      expect((await open(tenant, "/dashboard/", cookie)).status).toBe(401);
    }
    await answered(revoke({}, iso(0)), 422);
  });

  it("loses codes that were not used yet, too", async () => {
    const tenant = await stoppedTenant();
    const { code, post_to } = await codeFor(tenant);
    const rule = { epoch: 1, idempotency_key: "r1", before: iso(1000), subject: "usr_alice" };
    await answered(call("POST", `/v1/tenants/${tenant}/revocations`, rule, "access"), 200);
    expect((await post(post_to, code)).status).toBe(403);
  });

  it("ends with the right it came from", async () => {
    const tenant = await stoppedTenant();
    dashboardAnswers(() => new Response("hello"));
    const cookie = await signIn(tenant, { ends_at: iso(1500) });
    expect((await open(tenant, "/dashboard/", cookie)).status).toBe(200);
    await expect.poll(async () => (await open(tenant, "/dashboard/", cookie)).status, { timeout: 5000 }).toBe(401);
  });

  it("takes its open sockets with it when its right ends, though nothing withdraws it", async () => {
    const tenant = await stoppedTenant();
    dashboardAnswers(() => echo());
    const { say, closed } = await socketOf(tenant, await signIn(tenant, { ends_at: iso(1500) }));
    expect(await say("hi")).toBe("hi");
    expect(await closed).toBe(4401);
  });

  it("lasts eight hours at most, whatever was asked for", async () => {
    const tenant = await stoppedTenant();
    const { code, post_to } = await codeFor(tenant, { ends_at: iso(30 * 24 * 3600_000) });
    const age = Number(/Max-Age=(\d+)/.exec((await post(post_to, code)).headers.get("set-cookie") ?? "")?.[1]);
    expect(age).toBeLessThanOrEqual(8 * 3600);
  });
});
