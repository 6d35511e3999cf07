/** A node object that keeps its tenant's repository of snapshots beside its archives. */
import type { Env } from "../../bindings";
import { refusedAs, type S3Refusal } from "../../s3/errors";
import type { StoredFile } from "../../state/ledger";
import { ARCHIVE_BYTES, type ArchivedFile, REPOSITORY, type StateArchive, type WrittenFile } from "../../state/limits";
import { type ListQuery, type ObjectFacts, ObjectTable, type Piece } from "../../state/objects";
import { refused, type StateRefusal } from "../../state/refusals";
import { StatefulContainer } from "./stateful";

/** The container that asks, from the gate's props: of which node, and of which start of it. */
export interface Caller {
  n: number;
  start: number;
}

/** Where what is being written goes: an object, or a part of an upload. */
export type Target = { name: string } | { name: string; upload: string; part: number };

/** How an earlier version named the files of a snapshot: packed, as they lay on the indexer's own disk. */
const PACKED = "snapshot/";
const PACKED_LOOKED_FOR = "packed_looked_for";
/** For so long after the store failed a snapshot that could not be restored is not to blame. */
const STORE_TO_BLAME_MS = 5 * 60_000;
/** The newest file that was begun before the repository was replaced as a whole. */
const REPLACED_AT = "repository_replaced_at";

/**
 * The repository is a table of names and the files that they stand for, as they are now; all indexers of a tenant use
 * that of node 0. An archive is what it held when a snapshot had finished: so archives are kept, read back, copied and
 * put in front like those of any node, and no container can list what is not there.
 */
export abstract class RepositoryContainer extends StatefulContainer {
  readonly #objects = new ObjectTable(this.ctx.storage);
  #storeFailedAt = 0;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#passOverPacked();
  }

  /** The store did not answer a call to the repository. */
  storeFailed(): void {
    this.#storeFailedAt = Date.now();
  }

  /** A container can't tell a store that is away from a snapshot that is no good; the archive is offered again. */
  override archiveUnusable(start: number, number: number): void {
    if (Date.now() - this.#storeFailedAt >= STORE_TO_BLAME_MS) super.archiveUnusable(start, number);
  }

  /** Whether calls of this start still count; whoever asks another node's object for the repository asks this first. */
  isCurrent(start: number): boolean {
    return !this.isOld(start);
  }

  /** The first step of a write. @returns how much may be written, and under which id */
  beginObject(caller: Caller, target: Target): { id: number; limit: number } | S3Refusal {
    const refusal = this.#refusal(caller, target);
    if (refusal) return refusal;
    if (this.#objects.pieces >= REPOSITORY.pieces)
      return refusedAs("AccessDenied", `The repository has ${REPOSITORY.pieces} objects and parts, the most it may.`);
    const room = ARCHIVE_BYTES.indexer - this.ledger.looseBytes();
    if (room <= 0) return refusedAs("AccessDenied", this.tooLarge().refused.message);
    return { id: this.ledger.open("", caller.start, Date.now()), limit: Math.min(room, REPOSITORY.pieceBytes) };
  }

  /**
   * The last step of a write.
   * @returns `spare`: the same content was stored already, and what was written is to be removed
   */
  finishObject(caller: Caller, id: number, target: Target, written: WrittenFile): { spare: boolean } | S3Refusal {
    const refusal = this.#refusal(caller, target);
    if (refusal) return refusal;
    // What another node still had under way must not come to what was put in front.
    if (id <= (this.ctx.storage.kv.get<number>(REPLACED_AT) ?? 0))
      return refusedAs("AccessDenied", "The repository was replaced meanwhile.");
    const spare = this.ledger.file(written.sha256) !== null;
    if (!spare) this.ledger.finish(id, written);
    if ("upload" in target) this.#objects.putPart(target.upload, target.part, written);
    else this.#objects.put(target.name, [written], Date.now());
    return { spare };
  }

  /** An object with the files to read it from. */
  findObject(caller: Caller, name: string): { facts: ObjectFacts; files: StoredFile[] } | S3Refusal {
    const refusal = this.#refusal(caller);
    if (refusal) return refusal;
    const facts = this.#objects.facts(name);
    if (!facts) return refusedAs("NoSuchKey", "There is no such object.");
    const files = this.#objects.piecesOf(name).map(({ sha256 }) => this.storedFile(sha256));
    if (files.includes(null)) return refusedAs("InternalError", "This object can't be read any more.");
    return { facts, files: files.filter((file) => file !== null) };
  }

  listObjects(caller: Caller, query: ListQuery): ReturnType<ObjectTable["list"]> | S3Refusal {
    return this.#refusal(caller) ?? this.#objects.list(query);
  }

  removeObjects(caller: Caller, names: string[]): { removed: number } | S3Refusal {
    const refusal = this.#refusal(caller);
    if (refusal) return refusal;
    for (const name of names) this.#objects.remove(name);
    return { removed: names.length };
  }

  openUpload(caller: Caller, name: string): { upload: string } | S3Refusal {
    const refusal = this.#refusal(caller);
    if (refusal) return refusal;
    const upload = this.#objects.openUpload(name, Date.now());
    return upload ? { upload } : refusedAs("SlowDown", `${REPOSITORY.openUploads} uploads are open already.`);
  }

  /** Makes an object of parts. @param parts their numbers, rising, each with the ETag that it was answered with */
  closeUpload(
    caller: Caller,
    target: { name: string; upload: string },
    parts: { part: number; etag: string }[],
  ): ObjectFacts | S3Refusal {
    const refusal = this.#refusal(caller, target);
    if (refusal) return refusal;
    const sent = this.#objects.partsOf(target.upload);
    const pieces: Piece[] = [];
    for (const { part, etag } of parts) {
      const found = sent.get(part);
      if (found?.md5 !== etag) return refusedAs("InvalidPart", `Part ${part} was not sent, or is another.`);
      pieces.push(found);
    }
    this.#objects.put(target.name, pieces, Date.now());
    this.#objects.closeUpload(target.upload);
    return this.#objects.facts(target.name) ?? refusedAs("InternalError", "The object is not there.");
  }

  dropUpload(caller: Caller, target: { name: string; upload: string }): { removed: number } | S3Refusal {
    const refusal = this.#refusal(caller, target);
    if (refusal) return refusal;
    this.#objects.closeUpload(target.upload);
    return { removed: 1 };
  }

  /** Makes an archive of what the repository holds now. @param start of node 0's container */
  commitRepository(start: number): StateArchive | StateRefusal {
    const files = this.#objects.all();
    if (files.length === 0 && !this.isOld(start)) return refused("STATE_CHECKSUM", "The repository is empty.");
    return this.commitArchive(start, files);
  }

  /**
   * Has the repository hold exactly what an archive lists, before a container starts from it; whatever containers before
   * it left there is gone. @param number 0: nothing
   */
  putInFront(start: number, number: number): StateRefusal | null {
    if (this.isOld(start)) return this.fenced(start);
    if (number > 0 && !this.ledger.archive(number)) return refused("STATE_NONE", "There is no such archive.");
    this.#objects.replaceAll(number > 0 ? this.ledger.filesOf(number) : [], Date.now());
    this.ctx.storage.kv.put(REPLACED_AT, this.ledger.newestFile());
    return null;
  }

  /** The repository has them. */
  protected override filesToFetch(): ArchivedFile[] {
    return [];
  }

  #refusal({ n, start }: Caller, target?: { name: string; upload?: string }): S3Refusal | null {
    if (n === this.n && this.isOld(start)) return refusedAs("AccessDenied", this.fenced(start).refused.message);
    if (target?.upload !== undefined && !this.#objects.isOpen(target.upload, target.name))
      return refusedAs("NoSuchUpload", "There is no such upload.");
    return null;
  }

  /** What an earlier version saved is passed over, as what can't be read is: the journal, which nothing else cuts, has it. */
  #passOverPacked(): void {
    if (this.ctx.storage.kv.get(PACKED_LOOKED_FOR)) return;
    for (const number of this.ledger.holding(PACKED))
      if (this.ledger.markBroken(number)) this.passedOver(number, "an earlier version wrote it in another form");
    this.ctx.storage.kv.put(PACKED_LOOKED_FOR, true);
  }
}
