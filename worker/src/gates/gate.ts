import { WorkerEntrypoint } from "cloudflare:workers";
import type { z } from "zod";
import type { Env } from "../bindings";
import { nodeStub } from "../tenant/nodes/names";
import { acceptedAnswer, BulkRefused, readBulk } from "./bulk";
import { alertEvents, Digests, Heartbeat, heartbeatEvent } from "./digests";
import { upstreamHeaders } from "./headers";
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
  };

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
      const items = readBulk(tenant, n, body);
      await nodeStub(this.env, tenant, "indexer", 0).keep(items);
      return Response.json(acceptedAnswer(items));
    } catch (reason) {
      if (reason instanceof BulkRefused) return refusal(400, reason.message);
      throw reason;
    }
  }

  async #pass(request: Request, role: "indexer" | "manager", port: number): Promise<Response> {
    const { pathname, search } = new URL(request.url);
    const headers = upstreamHeaders(this.ctx.props.role, request.headers);
    const init: RequestInit = { method: request.method, headers, redirect: "manual" };
    const body = request.body ? { body: request.body } : {};
    return nodeStub(this.env, this.ctx.props.tenant, role, 0).fetch(
      new Request(`http://node:${port}${pathname}${search}`, { ...init, ...body }),
    );
  }

  async #digests(request: Request): Promise<Response> {
    const read = await parsed(request, Digests);
    return read instanceof Response ? read : this.#append(alertEvents(this.ctx.props, read));
  }

  async #heartbeat(request: Request): Promise<Response> {
    const read = await parsed(request, Heartbeat);
    return read instanceof Response ? read : this.#append([heartbeatEvent(this.ctx.props, read)]);
  }

  async #append(events: Parameters<ReturnType<Env["WAZUH_EVENTS"]["getByName"]>["append"]>[0]): Promise<Response> {
    return Response.json(await this.env.WAZUH_EVENTS.getByName(this.ctx.props.tenant).append(events));
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

/** The body as text, or null as soon as it grows past the bound. */
async function boundedText(request: Request): Promise<string | null> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request.body ?? []) {
    size += chunk.byteLength;
    if (size > MAX_BODY_BYTES) return null;
    chunks.push(chunk);
  }
  return new TextDecoder().decode(Buffer.concat(chunks));
}

function refusal(status: number, reason: string): Response {
  return Response.json({ error: { type: "gate_refused", reason }, status }, { status });
}
