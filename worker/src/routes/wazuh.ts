/**
 * The door of Wazuh 5 agents: `HOST:443/wazuh/<tenant>` is their manager's endpoint, and below it the paths of their
 * manager's own API, which go through as they are. Release-candidate support: written from the published interface.
 */
import { createHash } from "node:crypto";
import { clientAddress } from "../auth/address";
import { enrollToken } from "../auth/enroll_jwt";
import { boundedBytes, mayCarryBody } from "../body";
import { type EdgeApp, type EdgeContext, respond } from "../edge_app";
import { asEdgeError, EdgeError, type ErrorCode } from "../errors";
import { refuseBadJson } from "../front";
import { agentAnswerHeaders, agentRequestHeaders, agentUrl } from "../gates/agent_headers";
import { digest, idFrom, type ParsedToken, parseToken } from "../ids";
import { countSource } from "../sources";
import type { AdmittedRequest, Sender, Urgency } from "../tenant/agent_requests";
import { Late, within } from "../tenant/deadline";
import { MAX_HELD_BATCH_BYTES } from "../tenant/held_batches";
import { notRunning } from "../tenant/nodes/carry";
import { nodeStub } from "../tenant/nodes/names";
import { tenantStub } from "../tenants";

const KIB = 1024;
const MIB = 1024 * KIB;
/** The manager's own bound of a body. */
const MOST_BYTES = 20 * MIB;
/** The manager answers within 30 seconds, of which it may use all. */
const ANSWER_WITHIN_MS = 45_000;
const READ_WITHIN_MS = 10_000;

type Handle = (c: EdgeContext, tenant: string, route: AgentRoute) => Promise<Response>;

interface AgentRoute {
  method: "GET" | "POST";
  /** Most bytes of a body. */
  bytes: number;
  handle: Handle;
}

const get = (handle: Handle): AgentRoute => ({ method: "GET", bytes: 0, handle });
const post = (bytes: number, handle: Handle): AgentRoute => ({ method: "POST", bytes, handle });

/** Every path that an agent's manager has for it; nothing else of the manager is reached here. */
const ROUTES: Record<string, AgentRoute> = {
  "/": get(askAnyManager),
  "/cacerts": get(askAnyManager),
  "/enroll": post(16 * KIB, enroll),
  "/control": post(64 * KIB, control),
  "/stateless": post(MOST_BYTES, events),
  "/stateful": post(MOST_BYTES, pass),
  "/download": post(4 * KIB, pass),
  "/config": post(MOST_BYTES, pass),
  "/stats": post(MOST_BYTES, pass),
  "/scan/vd": post(4 * KIB, pass),
};

export function mount(app: EdgeApp): void {
  for (const [path, route] of Object.entries(ROUTES)) {
    app.on(route.method, `/wazuh/:tenant${path}`, (c) => answer(c, path, route));
  }
}

async function answer(c: EdgeContext, path: string, route: AgentRoute): Promise<Response> {
  const tenant = c.req.param("tenant") ?? "";
  tenantStub(c, tenant);
  if (path !== "/" && c.req.header("protocol-version") !== "1")
    throw new EdgeError("PROTOCOL_UNSUPPORTED", "Agents are spoken with by version 1 of their protocol.");
  refuseTooLarge(c, route);
  return route.handle(c, tenant, route);
}

/** By what is announced, so that a body is neither read nor passed on before its sender is known. */
function refuseTooLarge(c: EdgeContext, { bytes, method }: AgentRoute): void {
  const announced = c.req.header("content-length");
  if (announced === undefined && mayCarryBody(method))
    throw new EdgeError("LENGTH_REQUIRED", "The length of the body is not announced.");
  if (!(Number(announced ?? "0") <= bytes))
    throw new EdgeError("BODY_TOO_LARGE", `The body is larger than ${bytes} bytes.`);
}

async function bodyOf(c: EdgeContext, bytes: number): Promise<Uint8Array<ArrayBuffer>> {
  const body = await within(READ_WITHIN_MS, boundedBytes(c.req.raw.body, bytes)).catch(tooSlow);
  if (!body) throw new EdgeError("BODY_TOO_LARGE", `The body is larger than ${bytes} bytes.`);
  return body;
}

function tooSlow(error: unknown): never {
  if (!(error instanceof Late)) throw error;
  throw new EdgeError("BODY_TOO_SLOW", `The body did not arrive within ${READ_WITHIN_MS / 1000} seconds.`);
}

/** What a manager tells anybody. No stranger wakes a tenant by it. */
async function askAnyManager(c: EdgeContext, tenant: string): Promise<Response> {
  const nodes = await c.env.TENANT.getByName(tenant).servingManagers();
  return toManager(c, tenant, { nodes });
}

/** What can wait until the manager is there again. */
async function pass(c: EdgeContext, tenant: string): Promise<Response> {
  return toManager(c, tenant, await admit(c, tenant, "idle"), c.req.raw.body);
}

/** Signs of life, and an agent's start: only that wakes a tenant. */
async function control(c: EdgeContext, tenant: string, { bytes }: AgentRoute): Promise<Response> {
  const body = await bodyOf(c, bytes);
  if (encodingOf(c) === "") return toManager(c, tenant, await admit(c, tenant, urgencyOf(body)), body);
  return toManager(c, tenant, await admitUnread(c, tenant), body);
}

/** A body that can't be read may be either: where that matters, the agent sends it again as it is. */
function admitUnread(c: EdgeContext, tenant: string): Promise<AdmittedRequest> {
  return admit(c, tenant, "idle").catch((error: unknown) => {
    if (!(error instanceof EdgeError) || error.code !== "NODE_NOT_RUNNING") throw error;
    throw new EdgeError("ENCODING_REFUSED", "While the manager is away, control messages are read uncompressed.");
  });
}

function urgencyOf(body: Uint8Array): Urgency {
  try {
    const { type } = JSON.parse(new TextDecoder().decode(body)) as { type?: unknown };
    return type === "startup" ? "start" : "idle";
  } catch {
    // The manager says what is wrong with it.
    return "idle";
  }
}

/** Events: what the manager can't take now the edge keeps for it, and says that it was taken. */
async function events(c: EdgeContext, tenant: string): Promise<Response> {
  const admission = await admit(c, tenant, "events");
  if (Number(c.req.header("content-length")) > MAX_HELD_BATCH_BYTES)
    return toManager(c, tenant, admission, c.req.raw.body);
  const body = await bodyOf(c, MAX_HELD_BATCH_BYTES);
  const batch = { id: batchId(admission.agent, encodingOf(c), body), encoding: encodingOf(c), body };
  if (admission.nodes.length > 0) {
    const answered = await send(c, tenant, admission, body, batch.id);
    if (!isAway(answered)) return answered;
  }
  await tenantStub(c, tenant).holdBatch(senderOf(c), batch);
  return new Response(null, { status: 202 });
}

const batchId = (agent: string, encoding: string, body: Uint8Array) =>
  createHash("sha256").update(`${agent}\n${encoding}\n`).update(body).digest("hex");

const encodingOf = (c: EdgeContext) => (c.req.header("content-encoding") ?? "").toLowerCase();

const admit = (c: EdgeContext, tenant: string, urgency: Urgency) =>
  tenantStub(c, tenant).admitRequest(senderOf(c), urgency);

const senderOf = (c: EdgeContext): Sender => ({
  bearer: c.req.header("authorization") ?? null,
  address: clientAddress(c.req.raw.headers),
});

type Body = Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array> | null;
type To = Pick<AdmittedRequest, "nodes"> & { agent?: string };

async function toManager(c: EdgeContext, tenant: string, to: To, body: Body = null): Promise<Response> {
  const answered = await send(c, tenant, to, body);
  if (isAway(answered)) throw away();
  return answered;
}

const away = () => new EdgeError("NODE_NOT_RUNNING", "The tenant's manager takes no requests at the moment.");

async function send(
  c: EdgeContext,
  tenant: string,
  { nodes, agent }: To,
  body: Body,
  batch?: string,
): Promise<Response> {
  const [n] = nodes;
  if (n === undefined) throw away();
  const { pathname, search } = new URL(c.req.url);
  const headers = agentRequestHeaders(c.req.raw.headers, batch);
  const what = { method: c.req.method, headers, body, redirect: "manual" } as const;
  const request = new Request(agentUrl(pathname + search), what);
  const got = await within(ANSWER_WITHIN_MS, nodeStub(c.env, tenant, "manager", n).fetch(request)).catch(lateIsAway);
  if (isAway(got)) return got;
  if (got.status === 401 && agent !== undefined) return unknownToManager(c, tenant, agent, got);
  return new Response(got.body, { status: got.status, headers: agentAnswerHeaders(got.headers) });
}

function lateIsAway(error: unknown): Response {
  if (!(error instanceof Late)) throw error;
  return notRunning("manager");
}

const isAway = (answer: Response) => answer.headers.get("x-edge-error") === "NODE_NOT_RUNNING";

/** The edge knows the agent, so its key is good: told otherwise the agent would throw it away and enroll anew. */
async function unknownToManager(c: EdgeContext, tenant: string, agent: string, got: Response): Promise<never> {
  await got.body?.cancel();
  await c.env.TENANT.getByName(tenant).agentMissing(agent);
  throw new EdgeError("AGENTS_NOT_PUSHED", "The tenant's manager does not know this agent yet.");
}

const BEARER = /^Bearer (\S{1,256})$/;
/** How a manager names these to its agents: by what they do not try again with the same token. */
const FINAL: Partial<Record<ErrorCode, number>> = {
  TOKEN_UNKNOWN: 9022,
  TOKEN_REVOKED: 9022,
  TOKEN_EXPIRED: 9023,
  TOKEN_USED_UP: 9024,
};
const NAME = /^[A-Za-z0-9_-][A-Za-z0-9._-]{1,127}$/;
const VERSION = /^[A-Za-z0-9._-]{1,32}$/;

/**
 * Enrollment is the edge's: the manager's own is closed. An agent proves its token as its manager would have it, or sends a
 * token of ours itself; one that asks again because it heard no answer gets the same one.
 */
async function enroll(c: EdgeContext, tenant: string, { bytes }: AgentRoute): Promise<Response> {
  const bearer = c.req.header("authorization") ?? "";
  const native = enrollToken(bearer);
  const token = native?.token ?? tokenSent(bearer, tenant)?.id;
  if (token === undefined) return refused(c, new EdgeError("TOKEN_UNKNOWN", "This enrollment token is not known."));
  await countSource(c, "enroll");
  const { name, version } = await enrolling(c, bytes);
  const enrollment_id = idFrom("w5", `${token} ${name}`);
  const request = { name, version, enrollment_id, address: clientAddress(c.req.raw.headers) };
  const stub = tenantStub(c, tenant);
  const sent = { token, token_sha256: digest(bearer.slice("Bearer ".length)) };
  const asked = native
    ? stub.enrollNatively({ ...request, bearer })
    : stub.enroll({ ...request, ...sent, wazuh5: true });
  try {
    const { answer } = await asked;
    return c.json({ id: answer.agent_id, name, ip: "any", key: answer.key }, 200);
  } catch (error) {
    const known = asEdgeError(error);
    if (known) return refused(c, known);
    throw error;
  }
}

/** The token of ours that stands in a header; null where it is none of this tenant's. */
function tokenSent(authorization: string, tenant: string): ParsedToken | null {
  const token = parseToken(BEARER.exec(authorization)?.[1] ?? "");
  return token?.prefix === "enr" && token.owner === tenant ? token : null;
}

/** A refusal as every door has it, and in it the envelope that these agents read: by its code they go on trying or stop. */
function refused(c: EdgeContext, error: EdgeError): Promise<Response> {
  return withMore(respond(c, error), { error: { code: FINAL[error.code] ?? 0, message: error.message } });
}

async function withMore(answer: Response, more: object): Promise<Response> {
  return new Response(JSON.stringify({ ...(await answer.json<object>()), ...more }), answer);
}

async function enrolling(c: EdgeContext, bytes: number): Promise<{ name: string; version: string }> {
  if (encodingOf(c) !== "") throw new EdgeError("ENCODING_REFUSED", "Enrollments are read uncompressed.");
  const body = await bodyOf(c, bytes);
  refuseBadJson(body);
  const sent = JSON.parse(new TextDecoder().decode(body)) as { name?: unknown; version?: unknown } | null;
  const faults = [
    ...(typeof sent?.name === "string" && NAME.test(sent.name)
      ? []
      : [{ path: "name", message: "must be 2-128 of A-Z a-z 0-9 . _ -" }]),
    ...(typeof sent?.version === "string" && VERSION.test(sent.version)
      ? []
      : [{ path: "version", message: "must be a version" }]),
  ];
  if (faults.length > 0) throw new EdgeError("INVALID_REQUEST", "The request does not fit.", faults);
  return sent as { name: string; version: string };
}
