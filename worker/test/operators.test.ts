/** Operators act by name and with a reason through Cloudflare Access, and see nothing of a tenant. */
import { env, listDurableObjectIds, runInDurableObject } from "cloudflare:test";
import { base64url, exportSPKI, SignJWT, UnsecuredJWT } from "jose";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createApiApp } from "../src/app";
import { AccessKeys } from "../src/auth/access_keys";
import type { ErrorBody } from "../src/errors";
import { OperatorAction } from "../src/schemas/operators";
import type { TenantObject } from "../src/tenant/tenant_object";
import {
  type Assertion,
  AUDIENCE,
  accessShows,
  assertion,
  FOREIGN,
  NEXT,
  OLGA,
  operate,
  order,
  SIGNING,
  TEAM,
} from "./support/access";
import { brokenAt, recordsOf } from "./support/audit";
import { deletedTenant } from "./support/causes";
import { dashboardAnswers, noDashboards, open, signIn } from "./support/dashboard";
import { API, answered, call, enroll, newTenantId, newToken, scopedToken, stoppedTenant } from "./support/edge";
import { asleepTenant } from "./support/sleeping";
import { replayAll } from "./support/stream";
import { getTenant, runningTenant, until } from "./support/tenants";

const now = () => Math.floor(Date.now() / 1000);
let access: ReturnType<typeof accessShows>;
beforeEach(() => {
  access = accessShows(() => [SIGNING]);
});
afterEach(() => access.stop());

interface Taken {
  tenant: string;
  action: string;
  operation_id: string | null;
}
const took = (answer: Promise<Response>) => answered<Taken>(answer, 202);

async function trailOf(tenant: string) {
  const { audit } = await getTenant(tenant);
  await expect.poll(async () => recordsOf(await replayAll(tenant)).length).toBe(audit.position);
  const records = recordsOf(await replayAll(tenant));
  expect(brokenAt(tenant, records, audit)).toBeNull();
  return records;
}

describe("the operators' door", () => {
  it("opens for what the team's own key signed for this application", async () => {
    const tenant = await stoppedTenant();
    expect(await took(operate(tenant))).toEqual({ tenant, action: "look-again", operation_id: null });
  });

  const forgeries: [string, Assertion][] = [
    ["for another application", { claims: { aud: ["aud-of-another"] } }],
    ["without an audience", { claims: { aud: undefined } as never }],
    ["of another team", { claims: { iss: "https://mallory.cloudflareaccess.com" } }],
    ["that has expired", { claims: { iat: now() - 7200, exp: now() - 60 } }],
    ["without an end", { claims: { exp: undefined } as never }],
    ["that is not valid yet", { claims: { nbf: now() + 600 } }],
    ["given more than eight hours ago", { claims: { iat: now() - 9 * 3600 } }],
    ["of a service, which is nobody", { claims: { email: undefined, common_name: "robot.access" } as never }],
    ["for the whole team", { claims: { type: "org" } }],
    ["by a key of that name which is another's", { by: FOREIGN }],
    ["by a key that the team does not show", { by: NEXT }],
    ["by a key that nobody knows", { kid: "no-such-key" }],
  ];
  it.each(forgeries)("is shut for an assertion %s", async (_what, forgery) => {
    const refusal = await answered<ErrorBody>(
      operate(await stoppedTenant(), "look-again", order(), assertion(forgery)),
      401,
    );
    expect(refusal).toMatchObject({ code: "OPERATOR_REFUSED", retryable: false });
  });

  it("is shut for another algorithm, whoever's key is taken for its secret, and for what is no assertion", async () => {
    const tenant = await stoppedTenant();
    const payload = { type: "app", email: OLGA, iss: TEAM, aud: AUDIENCE, iat: now(), exp: now() + 600 };
    const shown = new TextEncoder().encode(await exportSPKI(SIGNING.publicKey));
    const hmac = new SignJWT(payload).setProtectedHeader({ alg: "HS256", kid: SIGNING.kid }).sign(shown);
    const none = new UnsecuredJWT(payload).encode();
    const named = `${base64url.encode('{"alg":"none","kid":"access-1"}')}.${none.split(".")[1]}.`;
    const words = [hmac, none, named, "word", null, scopedToken(tenant), `${await assertion()}x`];
    for (const token of words) {
      expect(await answered<ErrorBody>(operate(tenant, "look-again", order(), token), 401)).toMatchObject({
        code: "OPERATOR_REFUSED",
      });
    }
  });

  it("reads no cookie, and no form that another site could post", async () => {
    const tenant = await stoppedTenant();
    const headers = {
      host: "edge.test",
      cookie: `CF_Authorization=${await assertion()}`,
      "content-type": "application/json",
    };
    const target = `${API}/operators/tenants/${tenant}/actions/look-again`;
    const app = createApiApp();
    await answered(app.request(target, { method: "POST", headers, body: JSON.stringify(order()) }, env), 401);
    await answered(operate(tenant, "look-again", JSON.stringify(order()), assertion(), "text/plain"), 400);
  });

  it("is not there where Access is not configured", async () => {
    const closed = { ...env, ACCESS_ISSUER: "", ACCESS_AUDIENCE: "" };
    const headers = { host: "edge.test", "cf-access-jwt-assertion": await assertion() };
    const target = `${API}/operators/tenants/${newTenantId()}/actions/look-again`;
    const answer = createApiApp().request(target, { method: "POST", headers }, closed);
    expect(await answered<ErrorBody>(answer, 404)).toMatchObject({ code: "NOT_CONFIGURED" });
    expect(access.asked).toEqual([]);
  });

  it("makes no object for a guess, and names no tenant that is gone otherwise than gone", async () => {
    const deleted = await deletedTenant();
    const objects = (await listDurableObjectIds(env.TENANT)).length;
    expect(await answered<ErrorBody>(operate("a".repeat(26)), 404)).toMatchObject({ code: "TENANT_UNKNOWN" });
    expect(await answered<ErrorBody>(operate(deleted), 410)).toMatchObject({ code: "TENANT_DELETED" });
    expect(await listDurableObjectIds(env.TENANT)).toHaveLength(objects);
  });
});

describe("the team's keys", () => {
  const header = { alg: "RS256", kid: SIGNING.kid };
  const token = { payload: "", signature: "" };
  beforeEach(() => void vi.useFakeTimers({ toFake: ["Date"], now: Date.now() }));
  afterEach(() => void vi.useRealTimers());
  const pass = (ms: number) => vi.setSystemTime(Date.now() + ms);

  it("are fetched once for many, and anew after an hour", async () => {
    const keys = new AccessKeys(TEAM);
    for (let time = 0; time < 20; time++) await keys.find(header, token);
    expect(access.asked).toHaveLength(1);
    pass(3601_000);
    await keys.find(header, token);
    expect(access.asked).toHaveLength(2);
  });

  it("are fetched for a new one at once, and no oftener than every half minute for those that do not exist", async () => {
    let shown = [SIGNING];
    access.stop();
    access = accessShows(() => shown);
    const keys = new AccessKeys(TEAM);
    await keys.find(header, token);
    pass(31_000);
    shown = [SIGNING, NEXT];
    await keys.find({ ...header, kid: NEXT.kid }, token);
    for (let n = 0; n < 50; n++) await expect(keys.find({ ...header, kid: `k${n}` }, token)).rejects.toThrow();
    expect(access.asked).toHaveLength(2);
  });

  it("stay while Access is away, which is asked no oftener for that", async () => {
    let away: Response | null = null;
    access.stop();
    access = accessShows(() => away ?? [SIGNING]);
    const keys = new AccessKeys(TEAM);
    await keys.find(header, token);
    pass(3601_000);
    away = new Response("away", { status: 502 });
    for (let time = 0; time < 20; time++) await keys.find(header, token);
    expect(access.asked).toHaveLength(2);
  });

  it.each([
    ["an error", () => new Response("away", { status: 500 })],
    ["too much", () => new Response("x".repeat(100_000))],
    ["no keys", () => Response.json({ certs: [] })],
    ["a way elsewhere", () => Response.redirect("https://mallory.test/certs", 302)],
  ])("that come as %s open nothing, and the operator is told to come again", async (_what, answer) => {
    access.stop();
    access = accessShows(answer);
    const keys = new AccessKeys(TEAM);
    for (let time = 0; time < 20; time++) {
      await expect(keys.find(header, token)).rejects.toMatchObject({ code: "NOT_READY" });
    }
    expect(access.asked).toHaveLength(1);
  });
});

describe("an operator's action", () => {
  it("is one of a table, with a reason", async () => {
    const tenant = await stoppedTenant();
    const before = (await getTenant(tenant)).audit.position;
    const faults: [string, unknown, string][] = [
      ["read-alerts", order(), "action"],
      ["look-again", { idempotency_key: "k" }, "reason"],
      ["look-again", order({ reason: "         " }), "reason"],
      ["look-again", order({ reason: "x".repeat(501) }), "reason"],
      ["look-again", { reason: "Ticket 7: it will not start" }, "idempotency_key"],
      ["look-again", order({ tenant: newTenantId() }), "tenant"],
    ];
    for (const [action, body, path] of faults) {
      const { code, details } = await answered<ErrorBody>(operate(tenant, action, body), 422);
      expect([code, details?.[0]?.path]).toEqual(["INVALID_REQUEST", path]);
    }
    expect((await getTenant(tenant)).audit.position).toBe(before);
  });

  it("is recorded in the tenant's chain with the operator's address and reason, once however often it is sent", async () => {
    const tenant = await stoppedTenant();
    const body = order({ reason: "Ticket 7: nothing moves" });
    for (let time = 0; time < 3; time++) await took(operate(tenant, "look-again", body));
    const records = (await trailOf(tenant)).filter(({ by }) => by === "operator");
    expect(records).toMatchObject([
      {
        action: "operator.acted",
        operator: OLGA,
        what: "look-again",
        reason: "Ticket 7: nothing moves",
        operation: null,
      },
    ]);
    expect(records[0]?.request).toMatch(/^req_/);
    const other = await answered<ErrorBody>(operate(tenant, "back-up", body), 409);
    expect(other).toMatchObject({ code: "IDEMPOTENCY_CONFLICT" });
  });

  it("that is refused leaves no record, and may be asked for again under its key", async () => {
    const tenant = await stoppedTenant();
    const body = order();
    expect(await answered<ErrorBody>(operate(tenant, "rotate-certificates", body), 409)).toMatchObject({
      code: "TENANT_NOT_RUNNING",
    });
    expect((await trailOf(tenant)).filter(({ by }) => by === "operator")).toEqual([]);
  });

  it("looks again at what was given up", async () => {
    const tenant = await stoppedTenant();
    const failures = (write: string) =>
      runInDurableObject(env.TENANT.getByName(tenant), (_object: TenantObject, { storage }) => {
        if (write) storage.sql.exec(write);
        return storage.sql.exec("SELECT 1 FROM efforts").toArray().length;
      });
    await failures("INSERT INTO efforts (subject, failures, retry_at) VALUES ('stop', 9, 9e15)");
    await took(operate(tenant, "look-again"));
    expect(await failures("")).toBe(0);
  });

  it("rotates certificates and passwords as operations of its own, the same key the same one", async () => {
    const tenant = await runningTenant();
    for (const [what, kind] of [
      ["certificates", "rotate"],
      ["credentials", "rotate_credentials"],
    ] as const) {
      const body = order();
      const { operation_id } = await took(operate(tenant, `rotate-${what}`, body));
      expect(await took(operate(tenant, `rotate-${what}`, body))).toMatchObject({ operation_id });
      await until(tenant, ({ run }) => run?.kind === kind && run.state === "succeeded");
      const records = (await trailOf(tenant)).filter(({ operation }) => operation === operation_id);
      const acts = records.map(({ action, by }) => `${action} by ${by}`);
      expect(acts).toEqual([
        "operator.acted by operator",
        `${what}.rotation_asked by operator`,
        `${what}.rotated by edge`,
      ]);
    }
  });

  it("wakes a tenant that sleeps, also one that it was to change", async () => {
    const tenant = await asleepTenant();
    expect(await answered<ErrorBody>(operate(tenant, "rotate-credentials"), 503)).toMatchObject({
      code: "TENANT_ASLEEP",
    });
    await until(tenant, ({ run, observed }) => run?.kind === "wake" && observed === "running");
    const { operation_id } = await took(operate(tenant, "wake"));
    expect(operation_id).toMatch(/^op_/);
  });

  it("has a backup made", async () => {
    const tenant = await runningTenant();
    await took(operate(tenant, "back-up"));
    const { backups } = await answered<{ backups: { kind: string }[] }>(
      call("GET", `/v1/tenants/${tenant}/backups`),
      200,
    );
    expect(backups.map(({ kind }) => kind)).toEqual(["on-demand"]);
    expect((await trailOf(tenant)).at(-1)).toMatchObject({ action: "backup.ordered", by: "operator" });
  });

  it("ends all access that was given to a tenant, and to no other", async () => {
    const [mine, other] = [await stoppedTenant(), await stoppedTenant()];
    dashboardAnswers(() => new Response("ok"));
    const [bob, vera, theirs] = [await signIn(mine, { user: "usr_bob" }), await signIn(mine), await signIn(other)];
    const bearer = await scopedToken(mine, { iat: now() - 5 });
    const events = () =>
      createApiApp().request(
        `${API}/api/events`,
        { headers: { host: "edge.test", authorization: `Bearer ${bearer}` } },
        env,
      );
    await answered(events(), 200);
    await took(operate(mine, "end-access"));
    for (const cookie of [bob, vera]) expect((await open(mine, "/dashboard/", cookie)).status).toBe(401);
    await answered(events(), 401);
    expect((await open(other, "/dashboard/", theirs)).status).toBe(200);
    expect((await open(mine, "/dashboard/", await signIn(mine))).status).toBe(200);
    noDashboards();
    expect((await trailOf(mine)).find(({ action }) => action === "access.revoked")).toMatchObject({
      ...{ by: "operator", everybody: true, ended: 2 },
    });
  });

  it("answers with nothing of the tenant's, whatever it is and whatever becomes of it", async () => {
    const tenant = await runningTenant();
    const { text } = await newToken(tenant);
    await answered(enroll(text, "canary-of-the-tenant"), 201);
    await signIn(tenant, { user: "usr_canary", email: "canary@tenant.example" });
    for (const action of [...OperatorAction.options, ...OperatorAction.options, "read-events"]) {
      const answer = await operate(tenant, action);
      const body = (await answer.json()) as Record<string, unknown>;
      expect(JSON.stringify(body)).not.toMatch(/canary/);
      const error = ["code", "details", "hint", "message", "request_id", "retryable"];
      const allowed = answer.status === 202 ? ["action", "operation_id", "tenant"] : error;
      expect(allowed).toEqual(expect.arrayContaining(Object.keys(body)));
    }
  });
});
