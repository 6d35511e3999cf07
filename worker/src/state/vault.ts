/** Files of a node in R2: cut into chunks, each sealed under the tenant's data key together with its own address. */
import { createHash } from "node:crypto";
import { DataKeySealer } from "../auth/data_key";
import type { Env } from "../bindings";
import { SealedArchive } from "../events/archive";
import type { StoredFile } from "./ledger";
import { CHUNK_BYTES, type StatefulRole, type WrittenFile } from "./limits";

export interface StateNode {
  tenant: string;
  role: StatefulRole;
  n: number;
}

/** A stored chunk is missing, or is not the one that was written there. */
export class Unreadable extends Error {}

/**
 * The place of one node's files. The prefix is made of what the edge knows; nothing of a request goes into it.
 *
 * A chunk's address (tenant, node, start, file, chunk) is authenticated with it: whoever can write the bucket can't pass
 * one chunk, one start's file or one tenant's file off as another.
 */
export class StateFiles {
  readonly #prefix: string;
  readonly #sealer: DataKeySealer;

  constructor(
    private readonly env: Env,
    { tenant, role, n }: StateNode,
  ) {
    this.#prefix = `${tenant}/state/${role}-${n}/`;
    this.#sealer = new DataKeySealer(() => env.TENANT.getByName(tenant).archiveKey());
  }

  /**
   * Writes a stream as the chunks of one file.
   * @param limit in bytes; more ends the writing
   * @returns null where there was more than the limit
   */
  async write(start: number, id: number, body: AsyncIterable<Uint8Array>, limit: number): Promise<WrittenFile | null> {
    const archive = this.#at({ start, id });
    const [hash, md5] = [createHash("sha256"), createHash("md5")];
    let [bytes, chunks] = [0, 0];
    for await (const piece of inChunks(body)) {
      bytes += piece.byteLength;
      if (bytes > limit) return null;
      hash.update(piece);
      md5.update(piece);
      await archive.put(String(chunks), piece);
      chunks += 1;
    }
    return { bytes, chunks, sha256: hash.digest("hex"), md5: md5.digest("hex") };
  }

  /** @throws Unreadable; any other error means that the store did not answer. */
  async chunk(file: Pick<StoredFile, "start" | "id">, number: number): Promise<Uint8Array<ArrayBuffer>> {
    const where = `chunk ${number} of file ${file.id}`;
    const found = await this.#at(file).get(String(number)).catch(asUnreadable(where));
    if (!found) throw new Unreadable(`${where} is missing`);
    return found;
  }

  /** @throws Unreadable where the file is not what its checksum says, whichever chunk is to blame. */
  async verify(file: StoredFile): Promise<void> {
    const hash = createHash("sha256");
    for await (const chunk of this.read(file)) hash.update(chunk);
    if (hash.digest("hex") !== file.sha256) throw new Unreadable(`file ${file.id} has another checksum`);
  }

  /** Opens the beginning of a file that was read whole before: it is still there. @throws Unreadable */
  async touch(file: StoredFile): Promise<void> {
    if (file.chunks > 0) await this.chunk(file, 0);
  }

  read(file: StoredFile): AsyncGenerator<Uint8Array<ArrayBuffer>> {
    return this.readRange(file, 0, file.bytes);
  }

  /** The bytes from `from` to before `to`; only the chunks that they lie in are opened. @throws Unreadable */
  async *readRange(file: StoredFile, from: number, to: number): AsyncGenerator<Uint8Array<ArrayBuffer>> {
    for (let number = Math.floor(from / CHUNK_BYTES); number * CHUNK_BYTES < to; number++) {
      const chunk = await this.chunk(file, number);
      const start = number * CHUNK_BYTES;
      yield chunk.subarray(Math.max(0, from - start), Math.min(chunk.byteLength, to - start));
    }
  }

  remove(file: Pick<StoredFile, "start" | "id">): Promise<void> {
    return this.#at(file).removeAll();
  }

  removeAll(): Promise<void> {
    return new SealedArchive(this.env.ARCHIVE, this.#prefix, this.#sealer).removeAll();
  }

  #at({ start, id }: Pick<StoredFile, "start" | "id">): SealedArchive {
    return new SealedArchive(this.env.ARCHIVE, `${this.#prefix}${start}/${id}/`, this.#sealer);
  }
}

/** Decryption fails with an OperationError, unpacking with a TypeError; what R2 throws is neither. */
const asUnreadable = (where: string) => (reason: unknown) => {
  const name = reason instanceof Error ? reason.name : "";
  if (name === "OperationError" || name === "TypeError") throw new Unreadable(`${where} can't be opened`);
  throw reason;
};

/** The same bytes in pieces of {@link CHUNK_BYTES}; the last one is shorter. */
export async function* inChunks(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  let waiting: Uint8Array[] = [];
  let size = 0;
  for await (const piece of body) {
    for (let at = 0; at < piece.byteLength; ) {
      const part = piece.subarray(at, at + CHUNK_BYTES - size);
      waiting.push(part);
      size += part.byteLength;
      at += part.byteLength;
      if (size < CHUNK_BYTES) continue;
      yield joined(waiting);
      [waiting, size] = [[], 0];
    }
  }
  if (size > 0) yield joined(waiting);
}

const joined = (parts: Uint8Array[]) => new Uint8Array(Buffer.concat(parts));
