/** Well-formed calls of the control plane, with what a test wants to be different. */
import { contentHash } from "../../src/canonical";
import { randomBase32 } from "../../src/ids";
import { call, iso } from "./edge";
import { newOperation } from "./tenants";

const epoch = 1;

export const token = () => randomBase32(10);
export const tokenBody = (more = {}) => ({
  ...{
    epoch,
    name: "servers",
    secret_sha256: "0".repeat(64),
    expires_at: iso(3600_000),
    max_uses: 1,
    groups: [],
    labels: {},
    names: [],
  },
  ...more,
});
export const putToken = (id: string, name = token(), body = tokenBody()) =>
  call("PUT", `/v1/tenants/${id}/tokens/${name}`, body);
export const codeBody = (more = {}) => ({
  ...{
    epoch,
    idempotency_key: crypto.randomUUID(),
    user: { id: "usr_alice", email: "alice@acme.test" },
    role: "admin",
  },
  ...{ organization: "org_acme", grant: null, connection: null, session: "ses_1", ends_at: iso(3600_000) },
  ...more,
});
export const code = (id: string, body: unknown = codeBody()) =>
  call("POST", `/v1/tenants/${id}/dashboard-codes`, body, "access");
export const revocation = (more = {}) => ({
  epoch,
  idempotency_key: crypto.randomUUID(),
  before: iso(0),
  subject: "usr_bob",
  ...more,
});
export const revoke = (id: string, body: unknown = revocation()) =>
  call("POST", `/v1/tenants/${id}/revocations`, body, "access");
/** An agent as a manager's client.keys has it. */
export const known = { id: "041", name: "old-1", key: "ab".repeat(32) };

export const takeOver = (id: string, more: object = {}) =>
  call("POST", `/v1/tenants/${id}/agents/import`, { epoch, agents: [known], ...more });

export const isolate = (id: string, agent: string, more = {}) =>
  call("POST", `/v1/tenants/${id}/agents/${agent}/quarantine`, {
    epoch,
    idempotency_key: "k",
    reason: "stolen",
    ...more,
  });

export const isolateToken = (id: string, token: string, more = {}) =>
  call("POST", `/v1/tenants/${id}/tokens/${token}/quarantine`, {
    epoch,
    idempotency_key: "k",
    reason: "leaked",
    ...more,
  });

/** An order about agents, and the call that gives it. */
export const agentOrder = () => `ord_${randomBase32(20)}`;
export const removal = (more = {}) => ({ epoch, kind: "remove", agents: ["001"], ...more });
export const orderAgents = (id: string, name = agentOrder(), body: unknown = removal()) =>
  call("PUT", `/v1/tenants/${id}/agent-orders/${name}`, body);
export const agentOrderAt = (id: string, name = agentOrder()) => call("GET", `/v1/tenants/${id}/agent-orders/${name}`);

/** Where the portal's trail of Acme ends, and the call that tells it. */
export const trailBody = (more = {}) => ({
  ...{ epoch, organization: `org_${"a".repeat(20)}`, position: 7, hash: "1".repeat(64) },
  ...more,
});
export const tellTrail = (id: string, body: unknown = trailBody()) =>
  call("PUT", `/v1/tenants/${id}/portal-trail`, body);

/** A bundle of content, the digest that names it, and the call that stores it. */
export const contentBody = (text = '<group name="local,"></group>') => ({
  files: [{ kind: "rules", name: "local_rules.xml", text }],
});
export const digestOf = (body: object) => contentHash(body);
export const putContent = (id: string, body: object = contentBody(), digest = digestOf(body)) =>
  call("PUT", `/v1/tenants/${id}/content/${digest}`, body);

export const event = (more = {}) => ({ event: "Nov 27 18:00:00 web-1 app: hello", ...more });
export const logtest = (id: string, body: unknown = event()) => call("POST", `/v1/tenants/${id}/logtest`, body);

export const rotation = (more = {}) => ({ epoch, operation_id: newOperation(), ...more });
export const rotate = (id: string, body: unknown = rotation()) => call("POST", `/v1/tenants/${id}/certs/rotate`, body);
export const rotateCredentials = (id: string, body: unknown = rotation()) =>
  call("POST", `/v1/tenants/${id}/credentials/rotate`, body);
