/**
 * `repository.internal`: the calls of S3 that OpenSearch's plugin `repository-s3` makes, on the bucket `snapshots`.
 *
 * Source: the Amazon S3 API reference, path style, version 2006-03-01. The signature of a request is not checked, and the
 * credentials that it is made with are no secret: whose repository it is stands in the gate's props, which the object
 * that started the container made. Nothing in a request names a tenant, a role or a bucket of the edge's own.
 */
import type { Env } from "../bindings";
import { streamOf } from "../body";
import { messageOf } from "../errors";
import { log } from "../log";
import { errorAnswer, granted, S3Error } from "../s3/errors";
import { Content } from "../s3/framing";
import { deletionIn, listQuery, partOf, partsIn, requireKey, uploadOf } from "../s3/orders";
import { rangeOf } from "../s3/range";
import { documentOf, element, group } from "../s3/xml";
import type { StoredFile } from "../state/ledger";
import { REPOSITORY, type WrittenFile } from "../state/limits";
import type { Entry, ObjectFacts } from "../state/objects";
import { StateFiles, Unreadable } from "../state/vault";
import { nodeStub } from "../tenant/nodes/names";
import type { Caller, Target } from "../tenant/nodes/repository";
import type { NodeProps } from "./table";

const BUCKET = "snapshots";

/** What a query may say. Another word would be another call of S3: `?acl` must not be taken for a write of the object. */
const WORDS = new Set([
  ...["list-type", "prefix", "delimiter", "continuation-token", "start-after", "max-keys", "encoding-type"],
  ...["fetch-owner", "delete", "uploads", "uploadId", "partNumber", "x-id"],
]);
/** The words that make another call of the same method. */
const CALLS = ["list-type", "delete", "uploads", "uploadId"];
/** Headers that would change what a call does. `if-match` is heeded where something is read. */
const NOT_HEEDED = ["if-none-match", "if-modified-since", "if-unmodified-since", "x-amz-copy-source"];
const READS = ["GET", "HEAD"];

type Answer = (request: Request, key: string, query: URLSearchParams) => Promise<Response>;

export class RepositoryDoor {
  readonly #files: StateFiles;
  readonly #store: ReturnType<typeof nodeStub<"indexer">>;
  readonly #caller: Caller;
  /** Method, `bucket` or `key`, and the word of the query. */
  readonly #answers: Record<string, Answer> = {
    "GET bucket list-type": (_, __, query) => this.#list(query),
    "POST bucket delete": (request) => this.#removeAll(request),
    "GET key": (request, key) => this.#read(request, key),
    "HEAD key": (request, key) => this.#describe(request, key),
    "PUT key": (request, key) => this.#write(request, { name: key }),
    "DELETE key": (_, key) => this.#remove(key),
    "POST key uploads": (_, key) => this.#openUpload(key),
    "PUT key uploadId": (request, key, query) => this.#write(request, partOf(key, query)),
    "POST key uploadId": (request, key, query) => this.#closeUpload(request, key, uploadOf(query)),
    "DELETE key uploadId": (_, key, query) => this.#dropUpload(key, uploadOf(query)),
  };

  constructor(
    private readonly env: Env,
    private readonly props: NodeProps,
  ) {
    const { tenant, n, start = 0 } = props;
    // All indexers of a tenant share one repository, that of the first.
    this.#files = new StateFiles(env, { tenant, role: "indexer", n: 0 });
    this.#store = nodeStub(env, tenant, "indexer", 0);
    this.#caller = { n, start };
  }

  /** @returns an error in S3's form; 503 where R2 does not answer, which clients try again */
  async answer(request: Request): Promise<Response> {
    try {
      await this.#refuseOldStarts();
      return await this.#answered(request);
    } catch (error) {
      const told = await this.#told(error, request.method);
      await skipBody(request);
      return errorAnswer(told, request.method);
    }
  }

  async #answered(request: Request): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    const key = pathname.slice(`/${BUCKET}/`.length);
    const known = (word: string) => WORDS.has(word) && (word !== "partNumber" || searchParams.has("uploadId"));
    const odd = [...searchParams.keys()].find((word) => !known(word));
    const notHeeded = READS.includes(request.method) ? NOT_HEEDED : ["if-match", ...NOT_HEEDED];
    const header = notHeeded.find((name) => request.headers.has(name));
    const word = CALLS.find((name) => searchParams.has(name));
    const answer = this.#answers[[request.method, key ? "key" : "bucket", word ?? []].flat().join(" ")];
    if (!answer || odd || header)
      throw new S3Error("NotImplemented", `This repository does not know ${odd ?? header ?? "this call"}.`);
    if (key) requireKey(key);
    return answer(request, key, searchParams);
  }

  /** The first node's object looks at its own starts by itself. */
  async #refuseOldStarts(): Promise<void> {
    const { n, start } = this.#caller;
    if (n !== 0 && !(await nodeStub(this.env, this.props.tenant, "indexer", n).isCurrent(start)))
      throw new S3Error("AccessDenied", `Start ${start} of the indexer ${n} is over.`);
  }

  async #told(error: unknown, method: string): Promise<S3Error> {
    if (error instanceof S3Error) return error;
    const why = messageOf(error);
    log("error", "a call to the repository could not be served", { tenant: this.props.tenant, method, error: why });
    await this.#store.storeFailed();
    if (method === "PUT") await this.#store.stateNotSaved(`The archive does not answer: ${why}`);
    return new S3Error("SlowDown", "The archive does not answer.");
  }

  async #write(request: Request, target: Target): Promise<Response> {
    const content = new Content(request);
    const { id, limit } = granted(await this.#store.beginObject(this.#caller, target));
    const file = { start: this.#caller.start, id };
    const written = await this.#received(content, file, limit);
    const { spare } = await this.#finished(file, target, written);
    if (spare) await this.#files.remove(file);
    return new Response(null, { headers: { etag: `"${written.md5}"` } });
  }

  /** Nothing stays of what did not arrive as it was announced, or not to its end. */
  async #received(content: Content, file: { start: number; id: number }, limit: number): Promise<WrittenFile> {
    try {
      if (content.announced > limit) throw tooLarge(limit);
      const written = await this.#files.write(file.start, file.id, content.bytes(), limit);
      if (!written) throw tooLarge(limit);
      content.check(written);
      return written;
    } catch (error) {
      await this.#files.remove(file);
      throw error;
    }
  }

  /** An answer that does not come may have been a yes: only what was refused is removed. */
  async #finished(file: { start: number; id: number }, target: Target, written: WrittenFile) {
    const answer = await this.#store.finishObject(this.#caller, file.id, target, written);
    if ("refused" in answer) await this.#files.remove(file);
    return granted(answer);
  }

  async #describe(request: Request, key: string): Promise<Response> {
    const { facts } = granted(await this.#store.findObject(this.#caller, key));
    requireMatch(request, facts);
    return new Response(null, { headers: { ...headersOf(facts), "content-length": String(facts.bytes) } });
  }

  async #read(request: Request, key: string): Promise<Response> {
    const { facts, files } = granted(await this.#store.findObject(this.#caller, key));
    requireMatch(request, facts);
    const range = rangeOf(request.headers.get("range"), facts.bytes);
    const { from, to } = range ?? { from: 0, to: facts.bytes };
    const pieces = this.#bytes(files, from, to);
    // What is wrong from its first byte on is told by the status; later on the body ends early.
    const first = await pieces.next();
    const partial = range ? { "content-range": `bytes ${from}-${to - 1}/${facts.bytes}` } : {};
    const headers = { ...headersOf(facts), ...partial, "content-length": String(to - from) };
    return new Response(streamOf(after(first, pieces), to - from), { status: range ? 206 : 200, headers });
  }

  /** The bytes of an object between two places of it. */
  async *#bytes(files: StoredFile[], from: number, to: number): AsyncGenerator<Uint8Array<ArrayBuffer>> {
    let start = 0;
    for (const file of files) {
      const [first, end] = [Math.max(0, from - start), Math.min(file.bytes, to - start)];
      start += file.bytes;
      if (first < end) yield* this.#ofFile(file, first, end);
    }
  }

  async *#ofFile(file: StoredFile, from: number, to: number): AsyncGenerator<Uint8Array<ArrayBuffer>> {
    try {
      yield* this.#files.readRange(file, from, to);
    } catch (error) {
      if (!(error instanceof Unreadable)) throw error;
      await this.#store.fileUnreadable(file.sha256, error.message);
      throw new S3Error("InternalError", "This object can't be read any more.");
    }
  }

  async #list(query: URLSearchParams): Promise<Response> {
    const asked = listQuery(query);
    const { entries, next } = granted(await this.#store.listObjects(this.#caller, asked));
    const token = next === null ? [] : [element("NextContinuationToken", Buffer.from(next).toString("base64url"))];
    // Keys have no character that a URL would change, so that both encodings are the same.
    const encoding = query.has("encoding-type") ? [element("EncodingType", "url")] : [];
    return xmlAnswer("ListBucketResult", [
      ...[element("Name", BUCKET), element("Prefix", asked.prefix), element("Delimiter", asked.delimiter)],
      ...[element("MaxKeys", asked.limit), element("KeyCount", entries.length), ...encoding],
      ...[element("IsTruncated", next !== null), ...token, ...entries.map(entryElement)],
    ]);
  }

  async #remove(key: string): Promise<Response> {
    granted(await this.#store.removeObjects(this.#caller, [key]));
    return new Response(null, { status: 204 });
  }

  async #removeAll(request: Request): Promise<Response> {
    const { keys, quiet } = await deletionIn(request);
    granted(await this.#store.removeObjects(this.#caller, keys));
    const told = quiet ? [] : keys.map((key) => group("Deleted", [element("Key", key)]));
    return xmlAnswer("DeleteResult", told);
  }

  async #openUpload(key: string): Promise<Response> {
    const { upload } = granted(await this.#store.openUpload(this.#caller, key));
    const told = [element("Bucket", BUCKET), element("Key", key), element("UploadId", upload)];
    return xmlAnswer("InitiateMultipartUploadResult", told);
  }

  async #closeUpload(request: Request, name: string, upload: string): Promise<Response> {
    const parts = await partsIn(request);
    const { etag } = granted(await this.#store.closeUpload(this.#caller, { name, upload }, parts));
    const told = [element("Bucket", BUCKET), element("Key", name), element("ETag", `"${etag}"`)];
    return xmlAnswer("CompleteMultipartUploadResult", told);
  }

  async #dropUpload(name: string, upload: string): Promise<Response> {
    granted(await this.#store.dropUpload(this.#caller, { name, upload }));
    return new Response(null, { status: 204 });
  }
}

/** A reader of several parts names the object that it began with. */
function requireMatch(request: Request, { etag }: ObjectFacts): void {
  const wanted = request.headers.get("if-match") ?? "*";
  if (wanted !== "*" && wanted.replaceAll('"', "") !== etag)
    throw new S3Error("PreconditionFailed", "The object is another one now.");
}

const tooLarge = (limit: number) => new S3Error("EntityTooLarge", `At most ${limit} bytes are taken here.`);

/**
 * An answer before the body was sent leaves some clients (boto3, which announces `Expect: 100-continue`) with a connection
 * on which their next request would be taken for that body.
 */
async function skipBody({ body, bodyUsed }: Request): Promise<void> {
  let left = REPOSITORY.pieceBytes;
  if (bodyUsed) return;
  for await (const piece of body ?? []) {
    left -= piece.byteLength;
    if (left < 0) return;
  }
}

function xmlAnswer(name: string, elements: string[]): Response {
  return new Response(documentOf(name, elements), { headers: { "content-type": "application/xml" } });
}

const headersOf = ({ at, etag }: ObjectFacts) => ({
  ...{ etag: `"${etag}"`, "last-modified": new Date(at).toUTCString() },
  ...{ "content-type": "application/octet-stream", "accept-ranges": "bytes" },
});

function entryElement(entry: Entry): string {
  if ("prefix" in entry) return group("CommonPrefixes", [element("Prefix", entry.prefix)]);
  const { name, at, etag, bytes } = entry;
  return group("Contents", [
    ...[element("Key", name), element("LastModified", new Date(at).toISOString()), element("ETag", `"${etag}"`)],
    ...[element("Size", bytes), element("StorageClass", "STANDARD")],
  ]);
}

async function* after<T>(first: IteratorResult<T>, rest: AsyncGenerator<T>): AsyncGenerator<T> {
  if (first.done) return;
  yield first.value;
  yield* rest;
}
