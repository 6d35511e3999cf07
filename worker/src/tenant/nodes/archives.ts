import { type ErrorBody, errorBody } from "../../errors";
import { log } from "../../log";
import type { NodeState } from "../../schemas/tenant";
import { StateLedger, type StoredFile } from "../../state/ledger";
import {
  ARCHIVE_BYTES,
  type ArchivedFile,
  type StateArchive,
  type StatefulRole,
  type WrittenFile,
} from "../../state/limits";
import { type FileGrant, refused, type StateRefusal } from "../../state/refusals";
import { StateFiles, type StateNode } from "../../state/vault";
import { BaseWazuhContainer } from "./base";
import { tellTrouble } from "./trouble";

/** The lowest start whose archives are taken. */
const FENCE = "state_fence";
/** A container in one of these may still save. */
const MOVING: readonly NodeState[] = ["starting", "running", "stopping"];

/**
 * A node with archives in R2, listed here: its container sends them through its gate, and fetches the newest before its main
 * process starts. When that is, and what becomes of archives besides: stateful.ts.
 */
export abstract class ArchivingContainer extends BaseWazuhContainer {
  protected readonly ledger = new StateLedger(this.ctx.storage);
  protected readonly files = new StateFiles(this.env, this.stateNode);
  /** Rises while a starting container fetches its state. */
  #fetched = 0;

  /** Whether an archive may be written now, and what of the journal it contains. */
  protected abstract positionOfArchive(): number | null;
  /** Called when a container said from which archive it starts. */
  protected onRestored(): void {}

  /** The first step of an upload. @param start of the container that asks, from the gate's props */
  beginFile(start: number, sha256: string): FileGrant {
    if (this.isOld(start)) return this.fenced(start);
    if (this.ledger.file(sha256)) return { known: true };
    const limit = ARCHIVE_BYTES[this.stateNode.role] - this.ledger.looseBytes();
    if (limit <= 0) return this.tooLarge();
    return { id: this.ledger.open(sha256, start, Date.now()), limit };
  }

  /** The last step of an upload. @param stored null where there was more than the limit */
  finishFile(id: number, sha256: string, stored: WrittenFile | null): StateRefusal | null {
    if (!stored) return this.tooLarge();
    if (stored.sha256 !== sha256) return refused("STATE_CHECKSUM", "The file has another checksum than was announced.");
    this.ledger.finish(id, stored);
    return null;
  }

  /**
   * Makes an archive of files that were sent. An older container's never comes after a newer one's: the number of its
   * start is the edge's own, not the request's.
   */
  commitArchive(start: number, files: ArchivedFile[]): StateArchive | StateRefusal {
    if (this.isOld(start)) return this.fenced(start);
    const [missing] = this.ledger.missing(files);
    if (missing) return refused("STATE_CHECKSUM", `The file ${missing.name} is not stored.`);
    if (files.reduce((sum, { bytes }) => sum + bytes, 0) > ARCHIVE_BYTES[this.stateNode.role]) return this.tooLarge();
    const position = this.positionOfArchive();
    if (position === null) return refused("STATE_FENCED", "No archive was asked for.");
    const archive = this.ledger.add(start, Date.now(), files, position);
    this.#trouble(null);
    this.tidy();
    return archive;
  }

  /** With the files that its container is to fetch. */
  latestArchive(): (StateArchive & { files: ArchivedFile[] }) | null {
    const archive = this.ledger.latest();
    return archive && { ...archive, files: this.filesToFetch(archive.number) };
  }

  protected filesToFetch(number: number): ArchivedFile[] {
    return this.ledger.filesOf(number);
  }

  storedFile(sha256: string): StoredFile | null {
    this.#fetched += 1;
    return this.ledger.file(sha256);
  }

  /** A file can't be read any more: every archive with it is passed over from now on. */
  fileUnreadable(sha256: string, why: string): void {
    for (const number of this.ledger.markFileBroken(sha256)) this.passedOver(number, why);
  }

  /** A container could not start from an archive although its files arrived. */
  archiveUnusable(start: number, number: number): void {
    if (!this.isOld(start) && this.ledger.markBroken(number)) this.passedOver(number, "the node could not use it");
  }

  /** A container starts from this archive. */
  archiveRestored(start: number, number: number): void {
    const archive = this.ledger.archive(number);
    if (!archive || this.isOld(start)) return;
    this.ledger.noteRestored(start, number);
    this.onRestored();
  }

  /** From which archive the newest container began; null where it began empty, or has not said yet. */
  restoredFrom(): number | null {
    return this.ledger.restoredBy(this.report().start);
  }

  /** The store did not answer, or the node could not save; it is tried again. */
  stateNotSaved(why: string): void {
    this.#trouble(errorBody("STATE_NOT_SAVED", why));
  }

  protected override progress(): number {
    return this.#fetched;
  }

  protected override onStart(): void {
    this.#fetched = 0;
  }

  protected override onErase(): Promise<void> {
    return this.files.removeAll();
  }

  protected get stateNode(): StateNode {
    return { tenant: this.tenant, role: this.role as StatefulRole, n: this.n };
  }

  /** The lowest start that may save: that of the container which runs, or the one after an archive was put in front. */
  get #fence(): number {
    return Math.max(this.report().start, this.ctx.storage.kv.get<number>(FENCE) ?? 0);
  }

  /** No container of before may save any more. @returns the newest start. @throws Error where one runs */
  protected fenceOff(): number {
    const { state, start } = this.report();
    if (MOVING.includes(state)) throw new Error(`The ${this.role} has not ended.`);
    this.ctx.storage.kv.put(FENCE, start + 1);
    return start;
  }

  protected isOld(start: number): boolean {
    return start < this.#fence;
  }

  protected fenced(start: number): StateRefusal {
    return refused("STATE_FENCED", `Start ${start} of the ${this.role} is over; ${this.#fence} is the newest.`);
  }

  protected tooLarge(): StateRefusal {
    const limit = ARCHIVE_BYTES[this.stateNode.role];
    const refusal = refused("STATE_TOO_LARGE", `The ${this.role}'s state is larger than ${limit} bytes.`);
    this.#trouble(refusal.refused);
    return refusal;
  }

  protected passedOver(number: number, why: string): void {
    const { tenant, role, n } = this;
    log("error", "an archive is unreadable and passed over", { tenant, role, n, number, why });
    this.#trouble(errorBody("STATE_UNREADABLE", `Archive ${number} of the ${role} can't be read: ${why}.`));
  }

  #trouble(trouble: ErrorBody | null): void {
    const told = tellTrouble(this.env, this.ctx.storage, this.stateNode, trouble);
    this.ctx.waitUntil(told.catch((error: unknown) => this.onError(error)));
  }

  /** Removes what no archive needs any more; what fails is met again after the next archive. */
  protected tidy(): void {
    const work = async () => {
      for (const file of this.ledger.unneeded(Date.now())) {
        await this.files.remove(file);
        this.ledger.forget(file.id);
      }
    };
    this.ctx.waitUntil(work().catch((error: unknown) => this.onError(error)));
  }
}
