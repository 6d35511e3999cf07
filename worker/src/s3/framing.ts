/**
 * Bodies as AWS's SDKs send them: plain, or `aws-chunked`, whose chunks and trailers are taken off here.
 *
 * Sources: "Signature calculations for the Authorization header: transferring payload in multiple chunks" and "Checking
 * object integrity" in the Amazon S3 API reference. No signature is looked at: who calls stands in the gate's props.
 */
import { crc32 } from "node:zlib";
import type { WrittenFile } from "../state/limits";
import { S3Error } from "./errors";

const LONGEST_LINE = 1024;
const MAX_TRAILERS = 16;
const CHECKSUM = "x-amz-checksum-";

/** The content of a request's body; {@link Content.check} says whether it is what its sender announced. */
export class Content {
  readonly #trailers = new Map<string, string>();
  readonly #headers: Headers;
  #crc32 = 0;
  #bytes = 0;

  constructor(private readonly request: Request) {
    this.#headers = request.headers;
    const unknown = [...this.#headers.keys()].find((name) => name.startsWith(CHECKSUM) && !isKnown(name));
    if (unknown) throw new S3Error("NotImplemented", `${unknown} is not understood here; use CRC32 or SHA256.`);
  }

  /**
   * In bytes, as announced. As in S3 it has to be: a body that breaks off may look like one that ended.
   * @throws S3Error MissingContentLength
   */
  get announced(): number {
    const given = this.#headers.get(this.#isFramed ? "x-amz-decoded-content-length" : "content-length") ?? "";
    if (!/^\d{1,15}$/.test(given)) throw new S3Error("MissingContentLength", "Say how many bytes the content has.");
    return Number(given);
  }

  /** @throws S3Error IncompleteBody where the framing is broken */
  async *bytes(): AsyncGenerator<Uint8Array> {
    const body: AsyncIterable<Uint8Array> = this.request.body ?? nothing();
    for await (const piece of this.#isFramed ? unframed(body, this.#trailers) : body) {
      this.#crc32 = crc32(piece, this.#crc32);
      this.#bytes += piece.byteLength;
      yield piece;
    }
  }

  /** @throws S3Error where what was read is not what was announced; call it once all of it was written */
  check({ sha256, md5 }: WrittenFile): void {
    const signed = this.#headers.get("x-amz-content-sha256") ?? "";
    if (this.announced !== this.#bytes)
      throw new S3Error("IncompleteBody", `${this.announced} bytes were announced, and ${this.#bytes} came.`);
    if (/^[0-9a-f]{64}$/.test(signed) && signed !== sha256)
      throw new S3Error("XAmzContentSHA256Mismatch", "The content has another SHA-256 than was signed.");
    const sum = Buffer.alloc(4);
    sum.writeUInt32BE(this.#crc32);
    this.#compare(this.#headers.get("content-md5"), Buffer.from(md5, "hex"));
    this.#compare(this.#told("crc32"), sum);
    this.#compare(this.#told("sha256"), Buffer.from(sha256, "hex"));
  }

  #told(algorithm: string): string | null {
    const name = CHECKSUM + algorithm;
    return this.#headers.get(name) ?? this.#trailers.get(name) ?? null;
  }

  #compare(told: string | null, found: Buffer): void {
    if (told !== null && told !== found.toString("base64"))
      throw new S3Error("BadDigest", "The content has another checksum than was announced.");
  }

  get #isFramed(): boolean {
    const names = `${this.#headers.get("x-amz-content-sha256")} ${this.#headers.get("content-encoding")}`;
    return /\bSTREAMING-|\baws-chunked\b/.test(names);
  }
}

/** What a client says about checksums beside the values: how they were made. */
const isKnown = (name: string) =>
  ["crc32", "sha256", "algorithm", "type", "mode"].includes(name.slice(CHECKSUM.length));

async function* nothing(): AsyncGenerator<Uint8Array> {}

/**
 * `size;chunk-signature=…` CRLF, so many bytes, CRLF; again, until a size of 0; then trailers, a line each.
 * @param trailers get what stands behind the last chunk
 */
async function* unframed(body: AsyncIterable<Uint8Array>, trailers: Map<string, string>): AsyncGenerator<Uint8Array> {
  const reader = new Reader(body);
  for (;;) {
    const [size = ""] = (await reader.line()).split(";");
    if (!/^[0-9a-fA-F]{1,8}$/.test(size)) throw broken("a chunk has no size");
    const bytes = Number.parseInt(size, 16);
    if (bytes === 0) break;
    yield* reader.bytes(bytes);
    if ((await reader.line()) !== "") throw broken("a chunk is longer than its size");
  }
  for (let line = await reader.line(true); line !== ""; line = await reader.line(true)) {
    const at = line.indexOf(":");
    if (at < 1 || trailers.size >= MAX_TRAILERS) throw broken("a trailer is none");
    trailers.set(line.slice(0, at).trim().toLowerCase(), line.slice(at + 1).trim());
  }
}

const broken = (why: string) => new S3Error("IncompleteBody", `The body is not aws-chunked: ${why}.`);

/** Lines and bytes out of pieces of any size, with no more than a piece and a line in memory. */
class Reader {
  readonly #pieces: AsyncIterator<Uint8Array>;
  #held = new Uint8Array();

  constructor(body: AsyncIterable<Uint8Array>) {
    this.#pieces = body[Symbol.asyncIterator]();
  }

  /** Up to the next CRLF, without it. @param mayEnd the body may end here: an empty line */
  async line(mayEnd = false): Promise<string> {
    let line = "";
    while (!line.endsWith("\n")) {
      if (!(await this.#fill())) {
        if (mayEnd && line === "") return "";
        throw broken("it ends early");
      }
      const end = this.#held.indexOf(10);
      line += new TextDecoder("latin1").decode(this.#take(end < 0 ? LONGEST_LINE + 1 : end + 1));
      if (line.length > LONGEST_LINE) throw broken("a line is too long");
    }
    return line.replace(/\r?\n$/, "");
  }

  async *bytes(count: number): AsyncGenerator<Uint8Array> {
    for (let left = count; left > 0; ) {
      if (!(await this.#fill())) throw broken("it ends early");
      const piece = this.#take(left);
      left -= piece.byteLength;
      yield piece;
    }
  }

  async #fill(): Promise<boolean> {
    while (this.#held.byteLength === 0) {
      const { value, done } = await this.#pieces.next();
      if (done) return false;
      this.#held = value as Uint8Array<ArrayBuffer>;
    }
    return true;
  }

  #take(most: number): Uint8Array {
    const taken = this.#held.subarray(0, most);
    this.#held = this.#held.subarray(most);
    return taken;
  }
}
