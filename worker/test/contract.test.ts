/** The contract is executable: every status it documents is answered here, in the documented form. */
import { env, SELF } from "cloudflare:test";
import { afterAll, describe, expect, it, vi } from "vitest";
import { z } from "zod";
import { createApiApp } from "../src/app";
import { API_BOUNDS } from "../src/bounds";
import { makeToken } from "../src/ids";
import { ManagerContainer } from "../src/index";
import { accessShows, operate, order, SIGNING } from "./support/access";
import {
  backUp,
  backupBody,
  dayBody,
  rehydrate,
  restore,
  restoreBody,
  withAlerts,
  withBackup,
} from "./support/backup_calls";
import {
  code,
  codeBody,
  isolate,
  isolateToken,
  putToken,
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
  onDeleted,
  onLaterEpoch,
  stopped,
  withAgent,
} from "./support/causes";
import { DOCUMENTED, OPERATIONS, resolved } from "./support/documented";
import {
  API,
  askRotation,
  call,
  enroll,
  newTenantId,
  newToken,
  PLAN,
  scopedToken,
  stoppedTenant,
  stuckRequest,
} from "./support/edge";
import { asleepTenant, change } from "./support/sleeping";
import { runningTenant, specOf } from "./support/tenants";

const epoch = 1;
const plain = (path: string, init: RequestInit = {}) =>
  SELF.fetch(API + path, { ...init, headers: { host: "edge.test", ...(init.headers as Record<string, string>) } });
const unsigned = (method: string, path: string, body?: string) => () =>
  plain(path, { method, ...(body ? { body, headers: { "content-type": "application/json" } } : {}) });
const ELSEWHERE = [["192.0.2.0/24"]];
const GUESS = "a".repeat(26);

const events = async (bearer: string, query = "", headers = {}) =>
  plain(`/api/events${query}`, { headers: { authorization: `Bearer ${bearer}`, ...headers } });

async function withoutFeed(act: Cause): Promise<Response> {
  await env.WAZUH_META.exec("ALTER TABLE feed RENAME TO feed_away");
  try {
    return await act();
  } finally {
    await env.WAZUH_META.exec("ALTER TABLE feed_away RENAME TO feed");
  }
}

/** No manager's object says who uses it. */
async function withoutAnswers(act: Cause): Promise<Response> {
  const silent = vi.spyOn(ManagerContainer.prototype, "use").mockImplementation(() => {
    throw new Error("the object is away");
  });
  try {
    return await act();
  } finally {
    silent.mockRestore();
  }
}

/** So many calls at one moment that the next one is too many. */
async function afterTooMany(times: number, act: Cause): Promise<Response> {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() });
  try {
    for (const answer of await Promise.all(Array.from({ length: times }, act))) await answer.body?.cancel();
    return await act();
  } finally {
    vi.useRealTimers();
  }
}

/** What every `/v1/tenants/{id}…` call shares. */
function tenantCauses(
  method: string,
  below: string,
  body?: unknown,
  wrongKey: "access" | "control" = "access",
): Causes {
  const rightKey = wrongKey === "access" ? "control" : "access";
  return {
    401: unsigned(method, `/v1/tenants/${newTenantId()}${below}`),
    403: () => call(method, `/v1/tenants/${newTenantId()}${below}`, body, wrongKey),
    404: () => call(method, `/v1/tenants/${GUESS}${below}`, body, rightKey),
  };
}

const CAUSES: Record<string, Causes> = {
  "get /livez": { 200: () => plain("/livez") },
  "get /readyz": { 200: () => plain("/readyz"), 503: () => withoutFeed(() => plain("/readyz")) },
  "put /v1/tenants/{id}": {
    ...tenantCauses("PUT", "", specOf()),
    202: () => call("PUT", `/v1/tenants/${newTenantId()}`, stopped()),
    409: on((id) => call("PUT", `/v1/tenants/${id}`, stopped(1, { plan: { ...PLAN, max_agents: 1 } }))),
    410: onDeleted((id) => call("PUT", `/v1/tenants/${id}`, stopped(2))),
    422: on((id) => call("PUT", `/v1/tenants/${id}`, stopped(2, { plan: {} }))),
  },
  "get /v1/tenants/{id}": { ...tenantCauses("GET", ""), 200: on((id) => call("GET", `/v1/tenants/${id}`)) },
  "delete /v1/tenants/{id}": {
    ...tenantCauses("DELETE", "", deletion()),
    202: on((id) => call("DELETE", `/v1/tenants/${id}`, deletion(2))),
    409: on((id) => call("DELETE", `/v1/tenants/${id}`, { ...deletion(1), epoch: 1 })),
    422: on((id) => call("DELETE", `/v1/tenants/${id}`, {})),
  },
  "get /v1/tenants": {
    200: () => call("GET", "/v1/tenants"),
    401: unsigned("GET", "/v1/tenants"),
    403: () => call("GET", "/v1/tenants", undefined, "access"),
    422: () => call("GET", "/v1/tenants?limit=0"),
  },
  "get /v1/changes": {
    200: () => call("GET", "/v1/changes?after=0"),
    401: unsigned("GET", "/v1/changes?after=0"),
    403: () => call("GET", "/v1/changes?after=0", undefined, "access"),
    422: () => call("GET", "/v1/changes?after=-1"),
  },
  "get /v1/usage": {
    200: () => call("GET", "/v1/usage?after=0"),
    401: unsigned("GET", "/v1/usage?after=0"),
    403: () => call("GET", "/v1/usage?after=0", undefined, "access"),
    422: () => call("GET", "/v1/usage?after=0&limit=501"),
  },
  "get /v1/keys": {
    200: () => call("GET", "/v1/keys"),
    401: unsigned("GET", "/v1/keys"),
    403: () => call("GET", "/v1/keys", undefined, "access"),
  },
  "put /v1/tenants/{id}/tokens/{token}": {
    ...tenantCauses("PUT", `/tokens/${token()}`, tokenBody()),
    200: on((id) => putToken(id)),
    409: onLaterEpoch((id) => putToken(id)),
    410: onDeleted((id) => putToken(id)),
    422: on((id) => putToken(id, token(), tokenBody({ max_uses: 0 }))),
  },
  "get /v1/tenants/{id}/tokens/{token}": {
    ...tenantCauses("GET", `/tokens/${token()}`),
    200: on(async (id) => call("GET", `/v1/tenants/${id}/tokens/${(await newToken(id)).id}`)),
    422: on((id) => call("GET", `/v1/tenants/${id}/tokens/X`)),
  },
  "delete /v1/tenants/{id}/tokens/{token}": {
    ...tenantCauses("DELETE", `/tokens/${token()}`, { epoch }),
    200: on(async (id) => call("DELETE", `/v1/tenants/${id}/tokens/${(await newToken(id)).id}`, { epoch })),
    409: onLaterEpoch((id) => call("DELETE", `/v1/tenants/${id}/tokens/${token()}`, { epoch })),
    422: on((id) => call("DELETE", `/v1/tenants/${id}/tokens/${token()}`, {})),
  },
  "get /v1/tenants/{id}/agents": {
    ...tenantCauses("GET", "/agents"),
    200: on((id) => call("GET", `/v1/tenants/${id}/agents`)),
    410: onDeleted((id) => call("GET", `/v1/tenants/${id}/agents`)),
  },
  "post /v1/tenants/{id}/agents/{agent}/quarantine": {
    ...tenantCauses("POST", "/agents/001/quarantine", { epoch, idempotency_key: "k", reason: "stolen" }),
    200: () => withAgent((id, agent) => isolate(id, agent)),
    409: onLaterEpoch((id) => isolate(id, "001")),
    410: onDeleted((id) => isolate(id, "001")),
    422: on((id) => isolate(id, "001", { reason: "" })),
  },
  "post /v1/tenants/{id}/tokens/{token}/quarantine": {
    ...tenantCauses("POST", `/tokens/${token()}/quarantine`, { epoch, idempotency_key: "k", reason: "leaked" }),
    200: on(async (id) => isolateToken(id, (await newToken(id)).id)),
    409: onLaterEpoch((id) => isolateToken(id, token())),
    410: onDeleted((id) => isolateToken(id, token())),
    422: on((id) => isolateToken(id, token(), { reason: "" })),
  },
  "post /v1/tenants/{id}/certs/rotate": {
    ...tenantCauses("POST", "/certs/rotate", rotation()),
    202: async () => rotate(await runningTenant()),
    409: on((id) => rotate(id)),
    410: onDeleted((id) => rotate(id)),
    422: on((id) => rotate(id, {})),
    503: async () => rotate(await asleepTenant()),
  },
  "put /v1/tenants/{id}/portal-trail": {
    ...tenantCauses("PUT", "/portal-trail", trailBody()),
    200: on((id) => tellTrail(id)),
    409: onLaterEpoch((id) => tellTrail(id)),
    410: onDeleted((id) => tellTrail(id)),
    422: on((id) => tellTrail(id, trailBody({ position: 0 }))),
  },
  "post /v1/tenants/{id}/sleep": {
    ...tenantCauses("POST", "/sleep", rotation()),
    202: async () => change(await runningTenant(), "sleep"),
    409: on((id) => change(id, "sleep")),
    410: onDeleted((id) => change(id, "sleep")),
    422: on((id) => change(id, "sleep", "op_x")),
    503: () => withoutAnswers(async () => change(await runningTenant(), "sleep")),
  },
  "post /v1/tenants/{id}/wake": {
    ...tenantCauses("POST", "/wake", rotation()),
    202: async () => change(await asleepTenant(), "wake"),
    409: on((id) => change(id, "wake")),
    410: onDeleted((id) => change(id, "wake")),
    422: on((id) => change(id, "wake", "op_x")),
  },
  "post /v1/tenants/{id}/credentials/rotate": {
    ...tenantCauses("POST", "/credentials/rotate", rotation()),
    202: async () => rotateCredentials(await runningTenant()),
    409: on((id) => rotateCredentials(id)),
    410: onDeleted((id) => rotateCredentials(id)),
    422: on((id) => rotateCredentials(id, {})),
    503: async () => rotateCredentials(await asleepTenant()),
  },
  "post /v1/tenants/{id}/backups": {
    ...tenantCauses("POST", "/backups", backupBody()),
    202: on((id) => backUp(id)),
    409: onLaterEpoch((id) => backUp(id)),
    410: onDeleted((id) => backUp(id)),
    422: on((id) => backUp(id, backupBody({ kind: "scheduled" }))),
  },
  "get /v1/tenants/{id}/backups": {
    ...tenantCauses("GET", "/backups"),
    200: () => withBackup((id) => call("GET", `/v1/tenants/${id}/backups`)),
    410: onDeleted((id) => call("GET", `/v1/tenants/${id}/backups`)),
  },
  "post /v1/tenants/{id}/restore": {
    ...tenantCauses("POST", "/restore", restoreBody()),
    202: () => withBackup((id) => restore(id)),
    409: onLaterEpoch((id) => restore(id)),
    410: onDeleted((id) => restore(id)),
    422: on((id) => restore(id, restoreBody({ backup: "../bak" }))),
  },
  "post /v1/tenants/{id}/rehydrations": {
    ...tenantCauses("POST", "/rehydrations", dayBody()),
    202: () => withAlerts((id) => rehydrate(id)),
    409: onLaterEpoch((id) => rehydrate(id)),
    410: onDeleted((id) => rehydrate(id)),
    422: on((id) => rehydrate(id, dayBody("yesterday"))),
    503: on((id) => rehydrate(id)),
  },
  "get /v1/tenants/{id}/rehydrations": {
    ...tenantCauses("GET", "/rehydrations"),
    200: on((id) => call("GET", `/v1/tenants/${id}/rehydrations`)),
    410: onDeleted((id) => call("GET", `/v1/tenants/${id}/rehydrations`)),
  },
  "post /v1/tenants/{id}/dashboard-codes": {
    ...tenantCauses("POST", "/dashboard-codes", codeBody(), "control"),
    201: on((id) => code(id)),
    403: () => call("POST", `/v1/tenants/${newTenantId()}/dashboard-codes`, codeBody(), "control"),
    409: onLaterEpoch((id) => code(id)),
    410: onDeleted((id) => code(id)),
    422: on((id) => code(id, codeBody({ role: "owner" }))),
    429: on((id) => afterTooMany(120, () => code(id))),
  },
  "post /v1/tenants/{id}/revocations": {
    ...tenantCauses("POST", "/revocations", revocation()),
    200: on((id) => revoke(id)),
    409: onLaterEpoch((id) => revoke(id)),
    422: on((id) => revoke(id, revocation({ subject: undefined }))),
  },
  "post /operators/tenants/{id}/actions/{action}": {
    202: on((id) => operate(id)),
    401: on((id) => operate(id, "wake", order(), null)),
    404: () => operate(GUESS),
    409: on((id) => operate(id, "wake")),
    410: onDeleted((id) => operate(id)),
    422: on((id) => operate(id, "wake", {})),
    429: on((id) => afterTooMany(30, () => operate(id))),
    503: async () => operate(await asleepTenant(), "rotate-certificates"),
  },
  "post /api/agents/enroll": {
    201: async () => enroll((await newToken(await stoppedTenant())).text, "web-1"),
    200: () => enrolled((text, enrollment_id) => enroll(text, "web-1", { enrollment_id })),
    403: on((id) => enroll(makeToken("enr", id, token()), "web-1")),
    409: () => enrolled((text) => enroll(text, "web-1")),
    410: onDeleted((id) => enroll(makeToken("enr", id, token()), "web-1")),
    429: on((id) => afterTooMany(120, () => enroll(makeToken("enr", id, token()), "web-1"))),
    422: async () => enroll((await newToken(await stoppedTenant())).text, "not a name"),
  },
  "post /api/certs/rotate": {
    202: async () => askRotation(await runningTenant()),
    401: unsigned("POST", "/api/certs/rotate", '{"idempotency_key":"k"}'),
    403: on(async (id) =>
      askRotation(id, undefined, await scopedToken(id, { scope: "certs:rotate", networks: ELSEWHERE })),
    ),
    409: on((id) => askRotation(id)),
    422: on((id) => askRotation(id, {})),
    429: on((id) => afterTooMany(60, () => askRotation(id))),
    503: async () => askRotation(await asleepTenant()),
  },
  "get /api/events": {
    200: on(async (id) => events(await scopedToken(id))),
    101: on(async (id) => events(await scopedToken(id), "", { upgrade: "websocket" })),
    401: () => plain("/api/events"),
    403: on(async (id) => events(await scopedToken(id, { networks: ELSEWHERE }))),
    422: on(async (id) => events(await scopedToken(id), "?limit=0")),
    429: on(async (id) => {
      const bearer = await scopedToken(id);
      return afterTooMany(200, () => events(bearer));
    }),
  },
};

/** What any route may answer, whatever it does. */
function causesAnywhere(name: string): Causes {
  const [verb = "", template = ""] = name.split(" ");
  const method = verb.toUpperCase();
  const path = template
    .replace("{id}", newTenantId())
    .replace("{token}", token())
    .replace("{agent}", "001")
    .replace("{action}", "wake");
  const headers = { host: "edge.test", "content-type": "application/json" };
  const halfBody = method === "GET" ? {} : { body: '{"epoch":1,' };
  return {
    400: () => plain(method === "GET" ? `${path}%00` : path, { method, headers, ...halfBody }),
    408: async () => createApiApp({ ...API_BOUNDS, readMs: 20 }).fetch(stuckRequest(method, API + path, headers), env),
    413: () => plain(path, { method, headers: { ...headers, ...large(method) }, ...filled(method) }),
    421: () => SELF.fetch(`http://elsewhere.test${path}`, { method, headers: { host: "elsewhere.test" } }),
    500: async () => createApiApp().request(API + path, { method, headers }, { ...env, CELL_ID: "" }),
  };
}

/** A GET only announces its body: this side's own `fetch` sends none. */
const large = (method: string) => (method === "GET" ? { "content-length": "1100000" } : {});
const filled = (method: string) => (method === "GET" ? {} : { body: JSON.stringify({ fill: "x".repeat(1_100_000) }) });

describe("every documented status", () => {
  const access = accessShows(() => [SIGNING]);
  afterAll(() => access.stop());

  it.each(DOCUMENTED)("$status of $name is answered in its documented form", async ({ name, status, schema }) => {
    const cause = { ...causesAnywhere(name), ...CAUSES[name] }[status];
    if (!cause) throw new Error(`no request here causes ${status} of ${name}: exercise it or document it no longer`);
    const answer = await cause();
    if (answer.status === 101) answer.webSocket?.accept();
    const body = answer.status === 101 ? null : await answer.text();
    expect(`${answer.status} ${answer.status === Number(status) ? "" : body}`).toBe(`${status} `);
    if (!schema || body === null) return;
    const form = z.fromJSONSchema(resolved(schema) as Parameters<typeof z.fromJSONSchema>[0]);
    expect(form.safeParse(JSON.parse(body)).error?.issues ?? []).toEqual([]);
    answer.webSocket?.close();
  });

  it("belongs to a route that is documented", () => {
    expect(Object.keys(CAUSES).sort()).toEqual(OPERATIONS.map(({ name }) => name).sort());
  });
});
