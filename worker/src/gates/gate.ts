import { WorkerEntrypoint } from "cloudflare:workers";
import type { z } from "zod";
import type { Env } from "../bindings";
import { boundedBytes, mayCarryBody } from "../body";
import type { NewEvent } from "../events/events";
import type { Appended } from "../events/stream";
import { inJurisdiction } from "../jurisdiction";
import { log } from "../log";
import { nodeStub } from "../tenant/nodes/names";
import { BulkRefused, bulkAnswer, isTaken, readBulk } from "./bulk";
import { alertEvents, DigestBatch, Heartbeat, heartbeatEvent } from "./digests";
import { EnrollLine, enrollLine } from "./enroll";
import { upstreamHeaders } from "./headers";
import { openLink } from "./mesh";
import { refusal } from "./refusal";
import { RepositoryDoor } from "./repository";
import { StateDoor } from "./state";
import { type Destination, type NodeProps, ruleFor } from "./table";

/** A manager's bulk bodies are about 100 KiB; more than this in one request is not from Filebeat. */
export const MAX_BODY_BYTES = 10 * 1024 * 1024;
const INDEXER_PORT = 9200;
const MANAGER_PORT = 55000;

type Handler = (request: Request) => Promise<Response>;

/** Answers what a container sends to an intercepted name. */
export class Gate extends WorkerEntrypoint<Env, NodeProps> {
  readonly #handlers: Record<Destination, Handler> = {
    journal: (request) => this.#journal(request),
    indexer: (request) => this.#pass(request, "indexer", INDEXER_PORT),
    manager: (request) => this.#pass(request, "manager", MANAGER_PORT),
    digests: (request) => this.#digests(request),
    heartbeat: (request) => this.#heartbeat(request),
    state: (request) => new StateDoor(this.env, this.ctx.props).answer(request),
    mesh: (request) => openLink(this.env, this.ctx.props, request),
    enroll: (request) => this.#enroll(request),
    repository: (request) => new RepositoryDoor(this.env, this.ctx.props).answer(request),
  };

  constructor(ctx: ExecutionContext<NodeProps>, env: Env) {
    super(ctx, inJurisdiction(env));
  }

  override async fetch(request: Request): Promise<Response> {
    const { role } = this.ctx.props;
    const { hostname, pathname } = new URL(request.url);
    const rule = ruleFor(role, hostname, request.method, pathname);
    if (!rule) return refusal(403, `a ${role} may not ${request.method} ${hostname}${pathname}`);
    return this.#handlers[rule.to](request);
  }

  async #journal(request: Request): Promise<Response> {
    const { tenant, n } = this.ctx.props;
    const body = await boundedText(request);
    if (body === null) return refusal(413, `a bulk body may have ${MAX_BODY_BYTES} bytes`);
    try {
      const entries = readBulk(tenant, n, body);
      const items = entries.filter(isTaken);
      await nodeStub(this.env, tenant, "indexer", 0).keep(items);
      this.#noteRefused("documents", entries.length - items.length);
      return Response.json(bulkAnswer(entries));
    } catch (reason) {
      if (reason instanceof BulkRefused) return refusal(reason.status, reason.message);
      throw reason;
    }
  }

  async #pass(request: Request, role: "indexer" | "manager", port: number): Promise<Response> {
    const { pathname, search } = new URL(request.url);
    const { method } = request;
    // Without its body a search would find everything, and the platform can't build such a request.
    if (!mayCarryBody(method) && (await boundedBytes(request.body, 0)) === null)
      return refusal(400, `a ${method} carries no body here; use POST`);
    const headers = upstreamHeaders(this.ctx.props.role, request.headers);
    if (!mayCarryBody(method)) headers.delete("content-length");
    const init: RequestInit = { method, headers, redirect: "manual" };
    const body = mayCarryBody(method) && request.body ? { body: request.body } : {};
    return nodeStub(this.env, this.ctx.props.tenant, role, 0).fetch(
      new Request(`http://node:${port}${pathname}${search}`, { ...init, ...body }),
    );
  }

  async #digests(request: Request): Promise<Response> {
    const read = await parsed(request, DigestBatch);
    if (read instanceof Response) return read;
    const { events, refused } = alertEvents(this.ctx.props, read);
    this.#noteRefused("digests", refused);
    return Response.json({ ...(await this.#append(events)), refused });
  }

  async #heartbeat(request: Request): Promise<Response> {
    const read = await parsed(request, Heartbeat);
    return read instanceof Response ? read : Response.json(await this.#append([heartbeatEvent(this.ctx.props, read)]));
  }

  async #enroll(request: Request): Promise<Response> {
    const read = await parsed(request, EnrollLine);
    return read instanceof Response ? read : enrollLine(this.env, this.ctx.props.tenant, read);
  }

  async #append(events: NewEvent[]): Promise<Appended> {
    return this.env.WAZUH_EVENTS.getByName(this.ctx.props.tenant).append(events);
  }

  #noteRefused(what: string, count: number): void {
    const { tenant, n } = this.ctx.props;
    if (count > 0) log("warn", "a manager's items were refused for good", { tenant, n, what, count });
  }
}

async function parsed<Schema extends z.ZodType>(
  request: Request,
  schema: Schema,
): Promise<z.output<Schema> | Response> {
  const text = await boundedText(request);
  if (text === null) return refusal(413, `a body may have ${MAX_BODY_BYTES} bytes`);
  const result = schema.safeParse(jsonOf(text));
  if (result.success) return result.data;
  const [first] = result.error.issues;
  return refusal(400, `${first?.path.join(".") || "body"}: ${first?.message ?? "not usable"}`);
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The body as text, or null where it is larger than {@link MAX_BODY_BYTES}. */
async function boundedText(request: Request): Promise<string | null> {
  const bytes = await boundedBytes(request.body, MAX_BODY_BYTES);
  return bytes && new TextDecoder().decode(bytes);
}
