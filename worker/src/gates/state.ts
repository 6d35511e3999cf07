/** `state.internal`: where a node's state goes, and where it comes from before its main process starts. */
import type { z } from "zod";
import type { Env } from "../bindings";
import { boundedBytes, streamOf } from "../body";
import { ERRORS, type ErrorBody, type ErrorCode, errorBody, messageOf } from "../errors";
import { log } from "../log";
import type { StoredFile } from "../state/ledger";
import { ArchiveNumber, ArchiveOrder, FrontOrder, type StateArchive, type StatefulRole } from "../state/limits";
import type { StateRefusal } from "../state/refusals";
import { StateFiles, Unreadable } from "../state/vault";
import { nodeStub } from "../tenant/nodes/names";
import type { NodeProps } from "./table";

const MAX_ORDER_BYTES = 1024 * 1024;

type Answer = (request: Request, argument: string) => Promise<Response>;

/** What a node asks for; whose state it is comes from the gate's props alone. */
export class StateDoor {
  readonly #files: StateFiles;
  readonly #node: ReturnType<typeof nodeStub<StatefulRole>>;
  /** The same object; the table has the calls that need it for indexers alone. */
  readonly #indexer: ReturnType<typeof nodeStub<"indexer">>;
  readonly #start: number;
  readonly #answers: Record<string, Answer> = {
    "GET latest": () => this.#latest(),
    "GET files": (_, sha256) => this.#read(sha256),
    "PUT files": (request, sha256) => this.#write(request, sha256),
    "POST archives": (request) => this.#commit(request),
    "POST snapshots": () => this.#commitRepository(),
    "POST front": (request) => this.#putInFront(request),
    "POST restored": (request) => this.#note(request, (number) => this.#node.archiveRestored(this.#start, number)),
    "POST unusable": (request) => this.#note(request, (number) => this.#node.archiveUnusable(this.#start, number)),
  };

  constructor(env: Env, props: NodeProps) {
    const { tenant, n, start = 0 } = props;
    const role = props.role as StatefulRole;
    this.#files = new StateFiles(env, { tenant, role, n });
    this.#node = nodeStub(env, tenant, role, n);
    this.#indexer = nodeStub(env, tenant, "indexer", n);
    this.#start = start;
  }

  /** @returns 503 where the archive's store does not answer; the node tries again */
  async answer(request: Request): Promise<Response> {
    const [, verb = "", argument = ""] = new URL(request.url).pathname.split("/");
    try {
      const answer = this.#answers[`${request.method} ${verb}`];
      return answer ? await answer(request, argument) : refusal(errorBody("NOT_FOUND", "There is no such call."));
    } catch (error) {
      log("error", "a node's state could not be served", { call: verb, error: messageOf(error) });
      if (request.method === "PUT") await this.#node.stateNotSaved(`The archive does not answer: ${messageOf(error)}`);
      return refusal(errorBody("STATE_NOT_SAVED", "The archive does not answer."));
    }
  }

  async #latest(): Promise<Response> {
    const archive = await this.#node.latestArchive();
    if (!archive) return refusal(errorBody("STATE_NONE", "There is no archive; start empty."));
    const { number, files } = archive;
    return Response.json({ number, files });
  }

  async #write(request: Request, sha256: string): Promise<Response> {
    const grant = await this.#node.beginFile(this.#start, sha256);
    if ("refused" in grant) return refusal(grant.refused);
    if ("known" in grant) return Response.json({ stored: false });
    if (Number(request.headers.get("content-length") ?? "0") > grant.limit) return this.#finish(grant.id, sha256, null);
    const stored = await this.#files.write(this.#start, grant.id, request.body ?? emptyBody(), grant.limit);
    return this.#finish(grant.id, sha256, stored);
  }

  async #finish(id: number, sha256: string, stored: Awaited<ReturnType<StateFiles["write"]>>): Promise<Response> {
    const refused = await this.#node.finishFile(id, sha256, stored);
    if (!refused) return Response.json({ stored: true }, { status: 201 });
    await this.#files.remove({ start: this.#start, id });
    return refusal(refused.refused);
  }

  async #commit(request: Request): Promise<Response> {
    const order = await parsed(request, ArchiveOrder);
    if (!order) return refusal(errorBody("BAD_REQUEST", "The list of files is not usable."));
    return madeOf(await this.#node.commitArchive(this.#start, order.files));
  }

  async #commitRepository(): Promise<Response> {
    return madeOf(await this.#indexer.commitRepository(this.#start));
  }

  async #putInFront(request: Request): Promise<Response> {
    const order = await parsed(request, FrontOrder);
    if (!order) return refusal(errorBody("BAD_REQUEST", "Name an archive's number, or 0 for none."));
    const refused = await this.#indexer.putInFront(this.#start, order.number);
    return refused ? refusal(refused.refused) : Response.json(order);
  }

  async #read(sha256: string): Promise<Response> {
    const file = await this.#node.storedFile(sha256);
    if (!file) return refusal(errorBody("STATE_NONE", "There is no such file."));
    try {
      // What is wrong from its first byte on is told by the status; later on the body ends early.
      const first = file.chunks > 0 ? await this.#files.chunk(file, 0) : new Uint8Array();
      const headers = { "content-length": String(file.bytes), "content-type": "application/octet-stream" };
      return new Response(streamOf(this.#rest(file, first), file.bytes), { headers });
    } catch (error) {
      if (!(error instanceof Unreadable)) throw error;
      await this.#node.fileUnreadable(sha256, error.message);
      return refusal(errorBody("STATE_UNREADABLE", "This file can't be read; ask for the latest archive again."));
    }
  }

  async *#rest(file: StoredFile, first: Uint8Array<ArrayBuffer>): AsyncGenerator<Uint8Array<ArrayBuffer>> {
    if (first.byteLength > 0) yield first;
    try {
      for (let number = 1; number < file.chunks; number++) yield await this.#files.chunk(file, number);
    } catch (error) {
      if (error instanceof Unreadable) await this.#node.fileUnreadable(file.sha256, error.message);
      throw error;
    }
  }

  async #note(request: Request, take: (number: number) => Promise<void>): Promise<Response> {
    const order = await parsed(request, ArchiveNumber);
    if (!order) return refusal(errorBody("BAD_REQUEST", "Name an archive's number."));
    await take(order.number);
    return Response.json({ noted: true });
  }
}

async function* emptyBody(): AsyncGenerator<Uint8Array> {}

async function parsed<Schema extends z.ZodType>(request: Request, schema: Schema): Promise<z.output<Schema> | null> {
  const bytes = await boundedBytes(request.body, MAX_ORDER_BYTES);
  try {
    return bytes && (schema.safeParse(JSON.parse(new TextDecoder().decode(bytes))).data ?? null);
  } catch {
    return null;
  }
}

function madeOf(made: StateArchive | StateRefusal): Response {
  if ("refused" in made) return refusal(made.refused);
  return Response.json({ number: made.number, sha256: made.sha256 }, { status: 201 });
}

function refusal(body: ErrorBody): Response {
  return Response.json(body, { status: ERRORS[body.code as ErrorCode].status });
}
