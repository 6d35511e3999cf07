/** Where a status stands for several errors, each of them is caused here. */
import { env, SELF } from "cloudflare:test";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { createApiApp } from "../src/app";
import type { ErrorBody } from "../src/errors";
import { makeToken } from "../src/ids";
import { accessShows, assertion, operate, order, SIGNING } from "./support/access";
import { backupBody, dayBody, rehydrate, restore, restoreBody, withAlerts, withBackup } from "./support/backup_calls";
import {
  agentOrder,
  agentOrderAt,
  code,
  codeBody,
  contentBody,
  digestOf,
  event,
  isolate,
  isolateToken,
  logtest,
  orderAgents,
  putContent,
  putToken,
  removal,
  revocation,
  revoke,
  rotate,
  rotateCredentials,
  rotation,
  tellTrail,
  token,
  tokenBody,
  trailBody,
} from "./support/calls";
import {
  type Cause,
  type Causes,
  deletion,
  enrolled,
  on,
  onBinned,
  onLaterEpoch,
  stopped,
  withAgent,
} from "./support/causes";
import { connect, enrolledAgent } from "./support/connector";
import { world } from "./support/containers";
import { dashboardAnswers, echo, noDashboards, signIn, socketOf } from "./support/dashboard";
import { SHARED_STATUS } from "./support/documented";
import {
  API,
  answered,
  askRotation,
  call,
  enroll,
  iso,
  newTenantId,
  newToken,
  PLAN,
  replayed,
  stoppedTenant,
} from "./support/edge";
import { EXPORT, exportAt, exportBody, orderExport, otherExport } from "./support/export_calls";
import { asleepTenant, change, managersServe, sleepyTenant } from "./support/sleeping";
import { newOperation, runningTenant, specOf, until } from "./support/tenants";

const epoch = 1;
const GUESS = "a".repeat(26);
const NO_BACKUP = `bak_${"b".repeat(20)}`;
const undo: (() => void)[] = [];

afterEach(() => {
  for (const act of undo.splice(0)) act();
  world.usedBytes = 1000;
});

/** A write without a proof, and one whose proof was used. */
function proofs(method: string, below: string, body: unknown): Causes {
  const path = `/v1/tenants/${newTenantId()}${below}`;
  const headers = { host: "edge.test", "content-type": "application/json" };
  return {
    UNAUTHENTICATED: () => SELF.fetch(API + path, { method, headers, body: JSON.stringify(body) }),
    PROOF_REPLAYED: () => replayed(method, path, body, "control"),
  };
}

const put = (id: string, spec: object) => call("PUT", `/v1/tenants/${id}`, spec);
const withPlan = (plan: object) => on((id) => put(id, stopped(2, { plan })));
const tokenAt = (method: string, id: string, body?: object) =>
  call(method, `/v1/tenants/${id}/tokens/${token()}`, body);

/** The first call succeeds; the second is the one that is looked at. */
const then = async (first: Promise<Response>, second: () => Promise<Response>): Promise<Response> => {
  expect((await first).status).toBeLessThan(300);
  return second();
};

/** What an order to change a tenant's nodes may be refused for. */
const changes = (act: (id: string, body?: object) => Promise<Response>): Causes => ({
  TENANT_NOT_RUNNING: on((id) => act(id)),
  OPERATION_IN_PROGRESS: async () => {
    const id = await runningTenant();
    return then(rotate(id), () => act(id));
  },
  STALE_EPOCH: onLaterEpoch((id) => act(id)),
  GENERATION_CONFLICT: async () => {
    const [id, operation_id] = [newTenantId(), newOperation()];
    await answered(put(id, specOf(1, { operation_id })), 202);
    await until(id, ({ observed }) => observed === "running");
    return act(id, rotation({ operation_id }));
  },
});

const asleepOrAwake =
  (what: "sleep" | "wake") =>
  (id: string, body: object = rotation()) =>
    call("POST", `/v1/tenants/${id}/${what}`, body);

/** The same key with two bodies. */
const twice = (act: (id: string, body: object) => Promise<Response>, one: () => object, other: object): Cause =>
  on(async (id) => {
    const first = one();
    return then(act(id, first), () => act(id, { ...first, ...other }));
  });

async function withUsedToken(definition: { max_uses?: number; expires_at?: string }, name: string, more = {}) {
  const { text } = await newToken(await stoppedTenant(), definition);
  if (definition.max_uses === 1) await answered(enroll(text, "first"), 201);
  return enroll(text, name, more);
}

const CAUSES: Record<string, Causes> = {
  "put /v1/tenants/{id}": {
    ...proofs("PUT", "", stopped()),
    STALE_GENERATION: on((id) => then(put(id, stopped(2)), () => put(id, stopped(1)))),
    CONTENT_UNSUPPORTED: withPlan({ ...PLAN, version: "5.0.0-rc", content: digestOf(contentBody()) }),
    CONTENT_MISSING: withPlan({ ...PLAN, content: digestOf(contentBody()) }),
    GENERATION_CONFLICT: on((id) => put(id, stopped(1, { plan: { ...PLAN, max_agents: 1 } }))),
    CLONE_REFUSED: on(async (id) => put(id, specOf(2, { from: { tenant: await runningTenant(), backup: NO_BACKUP } }))),
    INVALID_REQUEST: on((id) => put(id, {})),
    INVALID_PLAN: withPlan({}),
    UNKNOWN_VERSION: on((id) => put(id, specOf(2, { plan: { ...PLAN, version: "9.9.9" } }))),
    PLAN_TOO_LARGE: withPlan({ ...PLAN, max_agents: 120, retention_days: 90 }),
  },
  "delete /v1/tenants/{id}": {
    ...proofs("DELETE", "", deletion()),
    STALE_GENERATION: on((id) => then(put(id, stopped(2)), () => call("DELETE", `/v1/tenants/${id}`, deletion(1)))),
    GENERATION_CONFLICT: on((id) => call("DELETE", `/v1/tenants/${id}`, deletion(1))),
  },
  "put /v1/tenants/{id}/content/{digest}": {
    ...proofs("PUT", `/content/${digestOf(contentBody())}`, contentBody()),
    INVALID_REQUEST: on((id) => putContent(id, { files: 1 })),
    CONTENT_MISMATCH: on((id) => putContent(id, contentBody(), digestOf({}))),
  },
  "post /v1/tenants/{id}/logtest": {
    ...proofs("POST", "/logtest", event()),
    INVALID_REQUEST: on((id) => logtest(id, {})),
    LOGTEST_REFUSED: async () => logtest(await runningTenant(), event({ log_format: "no-such" })),
    TENANT_ASLEEP: async () => logtest(await asleepTenant()),
    NODE_NOT_RUNNING: async () => {
      const id = newTenantId();
      await answered(put(id, specOf()), 202);
      return logtest(id);
    },
    MANAGER_REFUSED: async () => {
      const id = await runningTenant();
      world.silent.add(`${id}:manager:0:55000`);
      undo.push(() => world.silent.delete(`${id}:manager:0:55000`));
      return logtest(id);
    },
  },
  "post /v1/tenants/{id}/certs/rotate": { ...proofs("POST", "/certs/rotate", rotation()), ...changes(rotate) },
  "post /v1/tenants/{id}/credentials/rotate": {
    ...proofs("POST", "/credentials/rotate", rotation()),
    ...changes(rotateCredentials),
  },
  "post /api/certs/rotate": {
    TENANT_NOT_RUNNING: on((id) => askRotation(id)),
    OPERATION_IN_PROGRESS: async () => {
      const id = await runningTenant();
      return then(askRotation(id, { idempotency_key: "a" }), () => askRotation(id, { idempotency_key: "b" }));
    },
  },
  "put /v1/tenants/{id}/portal-trail": {
    ...proofs("PUT", "/portal-trail", trailBody()),
    STALE_EPOCH: onLaterEpoch((id) => tellTrail(id)),
    TRAIL_FORKED: on((id) => then(tellTrail(id), () => tellTrail(id, trailBody({ hash: "2".repeat(64) })))),
  },
  "post /v1/tenants/{id}/sleep": {
    ...proofs("POST", "/sleep", rotation()),
    ...changes(asleepOrAwake("sleep")),
    AGENTS_CONNECTED: async () => {
      undo.push(managersServe());
      const id = await sleepyTenant();
      const socket = await connect(id, await enrolledAgent(id));
      undo.push(() => socket?.close());
      return change(id, "sleep");
    },
    DASHBOARD_IN_USE: async () => {
      const id = await sleepyTenant();
      dashboardAnswers(() => echo());
      undo.push(noDashboards);
      await socketOf(id, await signIn(id));
      return change(id, "sleep");
    },
  },
  "post /v1/tenants/{id}/wake": {
    ...proofs("POST", "/wake", rotation()),
    ...changes(asleepOrAwake("wake")),
  },
  "post /v1/tenants/{id}/backups": proofs("POST", "/backups", backupBody()),
  "put /v1/tenants/{id}/exports/{export}": {
    ...proofs("PUT", `/exports/${EXPORT}`, exportBody()),
    STALE_EPOCH: onLaterEpoch((id) => orderExport(id)),
    EXPORT_IN_PROGRESS: on((id) => then(orderExport(id), () => orderExport(id, otherExport()))),
  },
  "get /v1/tenants/{id}/exports/{export}": {
    TENANT_UNKNOWN: () => exportAt(GUESS),
    EXPORT_NOT_FOUND: on((id) => exportAt(id)),
  },
  "get /v1/tenants/{id}/exports/{export}/files/{number}": {
    TENANT_UNKNOWN: () => exportAt(GUESS, `/${EXPORT}/files/1`),
    EXPORT_NOT_FOUND: on((id) => exportAt(id, `/${EXPORT}/files/1`)),
  },
  "post /v1/tenants/{id}/restore": {
    ...proofs("POST", "/restore", restoreBody()),
    TENANT_UNKNOWN: () => restore(GUESS),
    BACKUP_NOT_FOUND: async () => restore(await runningTenant()),
    STALE_EPOCH: onLaterEpoch((id) => restore(id)),
    IDEMPOTENCY_CONFLICT: () =>
      withBackup((id) => {
        const body = restoreBody();
        return then(restore(id, body), () => restore(id, { ...body, operation_id: newOperation() }));
      }),
    BACKUP_NEWER: () => withBackup((id) => restore(id), [{ role: "manager", n: 0, version: "5.0.0" }]),
    TENANT_NOT_RUNNING: () => withBackup(async (id) => then(put(id, stopped(2)), () => restore(id))),
    OPERATION_IN_PROGRESS: () => withBackup(async (id) => then(rotate(id), () => restore(id))),
  },
  "post /v1/tenants/{id}/rehydrations": {
    ...proofs("POST", "/rehydrations", dayBody()),
    TENANT_UNKNOWN: () => rehydrate(GUESS),
    DAY_NOT_ARCHIVED: async () => rehydrate(await runningTenant()),
    STALE_EPOCH: onLaterEpoch((id) => rehydrate(id)),
    IDEMPOTENCY_CONFLICT: () =>
      withAlerts((id) => {
        const body = dayBody();
        return then(rehydrate(id, body), () => rehydrate(id, { ...body, day: "2026-01-01" }));
      }),
    DAY_DOES_NOT_FIT: () =>
      withAlerts((id) => {
        world.usedBytes = 12 * 1024 ** 3;
        return rehydrate(id);
      }),
    NODE_NOT_RUNNING: on((id) => rehydrate(id)),
    TENANT_ASLEEP: async () => rehydrate(await asleepTenant()),
  },
  "put /v1/tenants/{id}/tokens/{token}": {
    TOKEN_CONFLICT: on((id) => {
      const name = token();
      return then(putToken(id, name), () => putToken(id, name, tokenBody({ max_uses: 5 })));
    }),
    STALE_EPOCH: onLaterEpoch((id) => putToken(id)),
  },
  "get /v1/tenants/{id}/tokens/{token}": {
    TENANT_UNKNOWN: () => tokenAt("GET", GUESS),
    TOKEN_NOT_FOUND: on((id) => tokenAt("GET", id)),
  },
  "delete /v1/tenants/{id}/tokens/{token}": {
    TENANT_UNKNOWN: () => tokenAt("DELETE", GUESS, { epoch }),
    TOKEN_NOT_FOUND: on((id) => tokenAt("DELETE", id, { epoch })),
  },
  "post /v1/tenants/{id}/agents/{agent}/quarantine": {
    TENANT_UNKNOWN: () => isolate(GUESS, "001"),
    AGENT_NOT_FOUND: on((id) => isolate(id, "999")),
    STALE_EPOCH: onLaterEpoch((id) => isolate(id, "001")),
    IDEMPOTENCY_CONFLICT: () =>
      withAgent((id, agent) => then(isolate(id, agent), () => isolate(id, agent, { reason: "another" }))),
  },
  "put /v1/tenants/{id}/agent-orders/{order}": {
    AGENT_ORDER_CONFLICT: on((id) => {
      const name = agentOrder();
      return then(orderAgents(id, name), () => orderAgents(id, name, removal({ agents: ["002"] })));
    }),
    STALE_EPOCH: onLaterEpoch((id) => orderAgents(id)),
  },
  "get /v1/tenants/{id}/agent-orders/{order}": {
    TENANT_UNKNOWN: () => agentOrderAt(GUESS),
    AGENT_ORDER_NOT_FOUND: on((id) => agentOrderAt(id)),
  },
  "post /v1/tenants/{id}/tokens/{token}/quarantine": {
    TENANT_UNKNOWN: () => isolateToken(GUESS, token()),
    TOKEN_NOT_FOUND: on((id) => isolateToken(id, token())),
    STALE_EPOCH: onLaterEpoch((id) => isolateToken(id, token())),
    IDEMPOTENCY_CONFLICT: on(async (id) => {
      const { id: leaked } = await newToken(id);
      return then(isolateToken(id, leaked), () => isolateToken(id, leaked, { reason: "another" }));
    }),
  },
  "post /v1/tenants/{id}/dashboard-codes": {
    DOOR_FORBIDDEN: on((id) => call("POST", `/v1/tenants/${id}/dashboard-codes`, codeBody())),
    TENANT_BINNED: onBinned((id) => code(id)),
    STALE_EPOCH: onLaterEpoch((id) => code(id)),
    IDEMPOTENCY_CONFLICT: twice(code, codeBody, { role: "viewer" }),
    INVALID_REQUEST: on((id) => code(id, codeBody({ role: "owner" }))),
    ACCESS_ENDED: on((id) => code(id, codeBody({ ends_at: iso(-1000) }))),
  },
  "post /v1/tenants/{id}/revocations": {
    STALE_EPOCH: onLaterEpoch((id) => revoke(id)),
    IDEMPOTENCY_CONFLICT: twice(revoke, revocation, { subject: "usr_carol" }),
  },
  "post /operators/tenants/{id}/actions/{action}": {
    NOT_CONFIGURED: async () => {
      const path = `${API}/operators/tenants/${newTenantId()}/actions/wake`;
      const headers = { host: "edge.test" };
      return createApiApp().request(
        path,
        { method: "POST", headers },
        { ...env, ACCESS_ISSUER: "", ACCESS_AUDIENCE: "" },
      );
    },
    TENANT_UNKNOWN: () => operate(GUESS),
    TENANT_NOT_RUNNING: on((id) => operate(id, "wake")),
    OPERATION_IN_PROGRESS: async () => {
      const id = await runningTenant();
      return then(rotate(id), () => operate(id, "rotate-certificates"));
    },
    IDEMPOTENCY_CONFLICT: on(async (id) => {
      const body = order();
      return then(operate(id, "look-again", body), () => operate(id, "back-up", body));
    }),
    TENANT_ASLEEP: async () => operate(await asleepTenant(), "rotate-credentials"),
    NOT_READY: async () => {
      const path = `${API}/operators/tenants/${newTenantId()}/actions/wake`;
      const headers = { host: "edge.test", "cf-access-jwt-assertion": await assertion() };
      const elsewhere = { ...env, ACCESS_ISSUER: "https://another.cloudflareaccess.com" };
      return createApiApp().request(path, { method: "POST", headers }, elsewhere);
    },
  },
  "post /api/agents/enroll": {
    TOKEN_UNKNOWN: on((id) => enroll(makeToken("enr", id, token()), "web-1")),
    TOKEN_REVOKED: on(async (id) => {
      const issued = await newToken(id);
      await answered(call("DELETE", `/v1/tenants/${id}/tokens/${issued.id}`, { epoch }), 200);
      return enroll(issued.text, "web-1");
    }),
    TOKEN_EXPIRED: () => withUsedToken({ expires_at: iso(-1000) }, "web-1"),
    TOKEN_USED_UP: () => withUsedToken({ max_uses: 1 }, "web-2"),
    TENANT_BINNED: onBinned(async (id) => enroll((await newToken(id)).text, "web-1")),
    CLOCK_WRONG: () => withUsedToken({}, "web-1", { sent_at: iso(-7_200_000) }),
    TOKEN_NOT_FOR_NAME: on(async (id) => enroll((await newToken(id, { names: ["db-1"] })).text, "web-1")),
    AGENT_LIMIT_REACHED: async () => {
      const { text } = await newToken(await stoppedTenant({ max_agents: 1 }));
      return then(enroll(text, "web-1"), () => enroll(text, "web-2"));
    },
    AGENT_QUARANTINED: () =>
      enrolled(async (text, enrollment_id, id) => {
        await answered(isolate(id, "001"), 200);
        return enroll(text, "web-1", { enrollment_id });
      }),
    AGENT_CERTIFICATE_TAKEN: on(async (id) => {
      const { text } = await newToken(id);
      const certificate = { client_certificate_sha256: "c".repeat(64) };
      return then(enroll(text, "web-1", certificate), () => enroll(text, "web-2", certificate));
    }),
    AGENT_NAME_TAKEN: () => enrolled((text) => enroll(text, "web-1")),
    ENROLLMENT_CONFLICT: () => enrolled((text, enrollment_id) => enroll(text, "web-2", { enrollment_id })),
  },
};

const access = accessShows(() => [SIGNING]);
afterAll(() => access.stop());

describe("every documented error that shares its status with others", () => {
  it.each(SHARED_STATUS)("$code of $name is answered with $status", async ({ name, status, code: wanted }) => {
    const cause = CAUSES[name]?.[wanted];
    if (!cause) throw new Error(`no request here causes ${wanted} of ${name}: exercise it or document it no longer`);
    const answer = await cause();
    const body = (await answer.json()) as ErrorBody;
    expect([answer.status, body.code]).toEqual([Number(status), wanted]);
  });

  it("belongs to a route that documents it", () => {
    const documented = SHARED_STATUS.map(({ name, code: one }) => `${name} ${one}`);
    const caused = Object.entries(CAUSES).flatMap(([name, causes]) =>
      Object.keys(causes).map((one) => `${name} ${one}`),
    );
    expect(caused.filter((one) => !documented.includes(one))).toEqual([]);
  });
});
