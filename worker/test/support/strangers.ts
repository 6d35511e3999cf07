/** Two tenants, the canaries of one, and everybody who is a stranger to it, with every credential that they hold. */
import { env, runInDurableObject, SELF } from "cloudflare:test";
import { createHash } from "node:crypto";
import { isolate, revoke } from "./calls";
import { pair } from "./connector";
import { codeFor, cookieOf, originOf, post } from "./dashboard";
import { API, answered, call, type Enrolled, enroll, newToken, PORTAL, scopedToken, sign, stoppedTenant } from "./edge";
import { streamOf } from "./stream";
import { bearer } from "./wazuh5";

/** What each tenant's data bears, and nobody else's answers, headers or log lines may. */
export const canaryOf = (tenant: string) => `canary-${tenant.slice(-8)}`;

export const STRANGERS = ["nobody", "another tenant", "somebody withdrawn", "a quarantined agent"] as const;
export type Stranger = (typeof STRANGERS)[number];

/** One request at one of the edge's doors. */
export interface Asked {
  method: string;
  /** On the API's host, or on the tenant's own. */
  origin: string;
  path: string;
  body?: string;
}

type Headers = Record<string, string>;

/** What somebody can show: header sets, each tried by itself, and what goes into a form or body. */
export interface Keyring {
  headers: Headers[];
  enrollment: string;
  code: string;
  /** A tenant whose control plane's proofs were overheard: they are tried at the other's address. */
  overheard?: string;
}

export interface Strangers {
  /** Whose data bear the canary. */
  theirs: string;
  agent: string;
  token: string;
  keyrings: Record<Stranger, Keyring>;
  /** What its owner shows. */
  owner: { events: Headers; session: Headers };
}

/** A tenant with a canary in each kind of its data. */
async function canaried(): Promise<{ tenant: string; agent: Enrolled; token: { id: string; text: string } }> {
  const tenant = await stoppedTenant();
  const canary = canaryOf(tenant);
  const token = await newToken(tenant, { groups: [canary] });
  const agent = await answered<Enrolled>(enroll(token.text, canary), 201);
  await streamOf(tenant).append([{ kind: "alert", key: canary, data: { id: canary, agent: { name: canary } } }]);
  await runInDurableObject(env.TENANT.getByName(tenant), (_, { storage }) => {
    const error = JSON.stringify({ code: "BACKUP_FAILED", message: canary, hint: "" });
    const insert =
      "INSERT INTO backups (id, kind, state, at, expires_at, parts, error) VALUES (?, ?, ?, ?, ?, '[]', ?)";
    storage.sql.exec(insert, `bak_${"c".repeat(20)}`, "on-demand", "failed", 0, 9_000_000_000_000, error);
  });
  return { tenant, agent, token };
}

/** A dashboard session, and a code that was not used yet. */
async function visitor(tenant: string, user: string): Promise<{ cookie: string; code: string }> {
  const used = await codeFor(tenant, { user });
  const cookie = cookieOf(await post(used.post_to, used.code));
  return { cookie, code: (await codeFor(tenant, { user })).code };
}

async function keyring(tenant: string, user: string, agent: Enrolled, enrollment: string): Promise<Keyring> {
  const { cookie, code } = await visitor(tenant, user);
  const scoped = await Promise.all(
    ["events:read", "certs:rotate"].map((scope) => scopedToken(tenant, { scope, sub: user })),
  );
  const bearers = [...scoped, enrollment].map((token) => ({ authorization: `Bearer ${token}` }));
  return { headers: [...bearers, { cookie }, ...(await agentsOwn(agent))], enrollment, code };
}

/** What an agent shows: its connector's credential, or as one of Wazuh 5 a bearer of its own. */
const agentsOwn = async ({ agent_id: id, key, connector }: Enrolled): Promise<Headers[]> => [
  pair(connector),
  { authorization: `Bearer ${await bearer({ id, key })}` },
];

/** Everything that the matrix walks over. */
export async function strangers(): Promise<Strangers> {
  const [their, other] = [await canaried(), await canaried()];
  const { tenant: theirs, agent, token } = their;
  const late = await newToken(theirs);
  const lateAgent = await answered<Enrolled>(enroll(late.text, "late"), 201);
  const withdrawn = await keyring(theirs, "usr_gone", lateAgent, late.text);
  await answered(call("DELETE", `/v1/tenants/${theirs}/tokens/${late.id}`, { epoch: 1 }), 200);
  const rule = {
    epoch: 1,
    idempotency_key: "gone",
    before: new Date(Date.now() + 1000).toISOString(),
    subject: "usr_gone",
  };
  await answered(revoke(theirs, rule), 200);
  await answered(isolate(theirs, lateAgent.agent_id), 200);
  const owner = await visitor(theirs, "usr_alice");
  return {
    ...{ theirs, agent: agent.agent_id, token: token.id },
    owner: { events: { authorization: `Bearer ${await scopedToken(theirs)}` }, session: { cookie: owner.cookie } },
    keyrings: {
      nobody: { headers: [{}], enrollment: "", code: "" },
      "another tenant": {
        ...(await keyring(other.tenant, "usr_alice", other.agent, other.token.text)),
        overheard: other.tenant,
      },
      "somebody withdrawn": withdrawn,
      "a quarantined agent": { headers: await agentsOwn(lateAgent), enrollment: late.text, code: "" },
    },
  };
}

/** The control plane's proof of a call. */
async function proofOf({ method, path, body = "" }: Asked): Promise<Headers> {
  const now = Math.floor(Date.now() / 1000);
  const bh = createHash("sha256").update(body).digest("base64url");
  const claims = { iss: "portal", aud: "edge:test:lo", iat: now, exp: now + 60, jti: crypto.randomUUID() };
  const proof = await sign("control", "edge-control+jwt", { ...claims, htm: method, htu: path, bh });
  return { authorization: `Bearer ${proof}` };
}

/** Every set of headers that somebody can send with a request about `theirs`. */
export async function attempts({ theirs }: Strangers, ring: Keyring, asked: Asked): Promise<Headers[]> {
  if (!ring.overheard || !asked.path.startsWith("/v1/")) return ring.headers;
  const there = { ...asked, path: asked.path.replaceAll(theirs, ring.overheard) };
  // A call that names no tenant has to be another one to be a stranger's.
  const overheard = there.path === asked.path ? { ...there, path: `${asked.path}&wait=0` } : there;
  return [...ring.headers, await proofOf(overheard)];
}

let asked = 0;

/** Asks from an address of its own each time, so that no bound on guesses answers in a door's place. */
export function ask({ method, origin, path, body }: Asked, headers: Headers): Promise<Response> {
  asked += 1;
  const from = { "cf-connecting-ip": `198.51.${asked >> 8}.${asked & 255}`, host: new URL(origin).host };
  const own = origin === API ? {} : { origin: path === "/session" ? PORTAL : origin };
  const type = path === "/session" ? "application/x-www-form-urlencoded" : "application/json";
  const sent = body === undefined ? {} : { body };
  const all = { "content-type": type, accept: "application/json", ...own, ...headers, ...from };
  return SELF.fetch(origin + path, { method, headers: all, redirect: "manual", ...sent });
}

export { originOf };
