import { backUp, backupBody, dayBody, rehydrate, restore, restoreBody, withAlerts, withBackup } from "./backup_calls";
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
  known,
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
  takeOver,
  tellTrail,
  token,
  tokenBody,
  trailBody,
} from "./calls";
import { type Causes, deletion, on, onDeleted, onLaterEpoch, stopped, withAgent } from "./causes";
import { call, newTenantId, newToken, PLAN } from "./edge";
import { EXPORT, exportAt, exportBody, orderExport, withExport } from "./export_calls";
import { afterTooMany, tenantCauses, unsigned, withoutAnswers } from "./knocking";
import { asleepTenant, change } from "./sleeping";
import { runningTenant, specOf } from "./tenants";

const epoch = 1;

export const CONTROL_CAUSES: Record<string, Causes> = {
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
  "post /v1/tenants/{id}/agents/import": {
    ...tenantCauses("POST", "/agents/import", { epoch, agents: [known] }),
    200: on((id) => takeOver(id)),
    409: onLaterEpoch((id) => takeOver(id)),
    410: onDeleted((id) => takeOver(id)),
    422: on((id) => takeOver(id, { agents: [] })),
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
  "put /v1/tenants/{id}/agent-orders/{order}": {
    ...tenantCauses("PUT", `/agent-orders/${agentOrder()}`, removal()),
    202: on((id) => orderAgents(id)),
    409: onLaterEpoch((id) => orderAgents(id)),
    410: onDeleted((id) => orderAgents(id)),
    422: on((id) => orderAgents(id, agentOrder(), removal({ agents: [] }))),
  },
  "get /v1/tenants/{id}/agent-orders/{order}": {
    ...tenantCauses("GET", `/agent-orders/${agentOrder()}`),
    200: on(async (id) => {
      const name = agentOrder();
      await (await orderAgents(id, name)).text();
      return agentOrderAt(id, name);
    }),
    410: onDeleted((id) => agentOrderAt(id)),
    422: on((id) => agentOrderAt(id, "ord_x")),
  },
  "put /v1/tenants/{id}/content/{digest}": {
    ...tenantCauses("PUT", `/content/${digestOf(contentBody())}`, contentBody()),
    200: on(async (id) => {
      await (await putContent(id)).text();
      return putContent(id);
    }),
    201: on((id) => putContent(id)),
    410: onDeleted((id) => putContent(id)),
    422: on((id) => putContent(id, { files: [{ kind: "rules", name: "local_rules.txt", text: "x" }] })),
  },
  "post /v1/tenants/{id}/logtest": {
    ...tenantCauses("POST", "/logtest", event()),
    200: async () => logtest(await runningTenant()),
    409: on((id) => logtest(id)),
    410: onDeleted((id) => logtest(id)),
    422: on((id) => logtest(id, event({ event: "" }))),
    429: async () => {
      const id = await runningTenant();
      return afterTooMany(60, () => logtest(id));
    },
    503: async () => logtest(await asleepTenant()),
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
  "put /v1/tenants/{id}/exports/{export}": {
    ...tenantCauses("PUT", `/exports/${EXPORT}`, exportBody()),
    202: on((id) => orderExport(id)),
    409: onLaterEpoch((id) => orderExport(id)),
    410: onDeleted((id) => orderExport(id)),
    422: on((id) => orderExport(id, "exp_x")),
  },
  "get /v1/tenants/{id}/exports": {
    ...tenantCauses("GET", "/exports"),
    200: () => withExport((id) => exportAt(id, "")),
    410: onDeleted((id) => exportAt(id, "")),
  },
  "get /v1/tenants/{id}/exports/{export}": {
    ...tenantCauses("GET", `/exports/${EXPORT}`),
    200: () => withExport((id) => exportAt(id)),
    410: onDeleted((id) => exportAt(id)),
    422: on((id) => exportAt(id, "/exp_x")),
  },
  "get /v1/tenants/{id}/exports/{export}/files/{number}": {
    ...tenantCauses("GET", `/exports/${EXPORT}/files/1`),
    200: () => withExport((id) => exportAt(id, `/${EXPORT}/files/1`)),
    410: onDeleted((id) => exportAt(id, `/${EXPORT}/files/1`)),
    422: on((id) => exportAt(id, `/${EXPORT}/files/0`)),
  },
  "post /v1/tenants/{id}/restore": {
    ...tenantCauses("POST", "/restore", restoreBody()),
    202: () => withBackup((id) => restore(id)),
    409: onLaterEpoch((id) => restore(id)),
    410: onDeleted((id) => restore(id)),
    422: on((id) => restore(id, restoreBody({ backup: "../bak" }))),
  },
  "get /v1/tenants/{id}/erasure-certificate": {
    ...tenantCauses("GET", "/erasure-certificate"),
    200: onDeleted((id) => call("GET", `/v1/tenants/${id}/erasure-certificate`)),
    409: on((id) => call("GET", `/v1/tenants/${id}/erasure-certificate`)),
  },
  "get /v1/tenants/{id}/isolation-receipt": {
    ...tenantCauses("GET", "/isolation-receipt"),
    200: on((id) => call("GET", `/v1/tenants/${id}/isolation-receipt`)),
    410: onDeleted((id) => call("GET", `/v1/tenants/${id}/isolation-receipt`)),
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
};
