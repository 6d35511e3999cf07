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
import { inGroups, ReadBack } from "../../state/read_back";
import { type FileGrant, refused, type StateRefusal } from "../../state/refusals";
import { StateFiles, type StateNode } from "../../state/vault";
import { BaseWazuhContainer } from "./base";
import { jsonAnswer } from "./json";
import { nodeStub } from "./names";
import { Shared } from "./shared";
import { tellTrouble } from "./trouble";
import { Turns } from "./turns";

/** Where an image of ours takes the order to save; inside the container only. */
const STATE_PORT = 9199;
/** A snapshot of a full disk takes its time. */
const SAVE_WITHIN_MS = 10 * 60_000;
/** Names of files that open doors: keys, passwords, users. A clone gets none of them. */
const IDENTITY = "identity/";
/** People read why a node did not save; it may have been taken over. */
const LONGEST_REASON = 200;
/** The lowest start whose archives are taken. */
const FENCE = "state_fence";

/** A container in one of these may still save. */
const MOVING: readonly NodeState[] = ["starting", "running", "stopping"];

/** A node whose state outlives its container: archives in R2, listed here, restored before its main process starts. */
export abstract class StatefulContainer extends BaseWazuhContainer {
  protected readonly ledger = new StateLedger(this.ctx.storage);
  readonly #files = new StateFiles(this.env, this.stateNode);
  readonly #readBack = new ReadBack(this.ledger, this.#files, (sha256, why) => this.fileUnreadable(sha256, why));
  /** A save waits for the one before it: whose archive a container makes must never be in doubt. */
  readonly #saves = new Turns();
  /** Who asks again for a backup that is being made waits for that one. */
  readonly #backups = new Shared<StateArchive | null>();
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
    this.#tidy();
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

  /** As {@link save}, once the saves before it are over. */
  saveState(): Promise<StateArchive | null> {
    return this.#saves.take(SAVE_WITHIN_MS, () => this.save());
  }

  /**
   * Saves the state for a backup, keeps it until `unpinArchive`, and reads it back. Again gives the same archive.
   * @returns null where nothing was ever saved
   * @throws Error where a container runs and could not save, or what was saved can't be read
   */
  backUp(backup: string): Promise<StateArchive | null> {
    return this.#backups.take(backup, () => this.#backUp(backup));
  }

  async #backUp(backup: string): Promise<StateArchive | null> {
    const archive = await this.#saves.take(SAVE_WITHIN_MS, () => this.#savedFor(backup));
    if (archive) await this.verifyArchive(archive.number);
    return archive;
  }

  async #savedFor(backup: string): Promise<StateArchive | null> {
    const archive = this.ledger.pinned(backup) ?? (await this.save());
    if (archive) this.ledger.pin(backup, archive.number);
    return archive;
  }

  /**
   * Has the running container save its state now.
   * @returns the newest archive: of this moment, or the last one where no container runs
   * @throws Error where it runs and could not save
   */
  protected async save(): Promise<StateArchive | null> {
    const port = this.serving ? this.port(STATE_PORT) : null;
    if (!port) return this.ledger.latest();
    const answer = await port.fetch("http://node/save", {
      method: "POST",
      signal: AbortSignal.timeout(SAVE_WITHIN_MS),
    });
    const told = (await jsonAnswer(answer)) as { number?: unknown; error?: unknown } | undefined;
    const archive = answer.ok && typeof told?.number === "number" ? this.ledger.archive(told.number) : null;
    if (archive) return archive;
    const reason = typeof told?.error === "string" ? told.error.slice(0, LONGEST_REASON) : `status ${answer.status}`;
    const why = `The ${this.role} did not save its state: ${reason}.`;
    this.stateNotSaved(why);
    throw new Error(why);
  }

  /** Whether the container takes orders to save; it does so once it is through with its restore, however that ended. */
  protected async takesOrders(signal: AbortSignal): Promise<boolean> {
    const answer = await this.port(STATE_PORT)?.fetch("http://node/", { signal });
    await answer?.body?.cancel();
    return answer !== undefined;
  }

  unpinArchive(backup: string): void {
    this.ledger.unpin(backup);
    this.#tidy();
  }

  /**
   * Puts an archive in front again, so that the next container starts from it. What the containers before still have
   * under way comes too late from here on: their state must not take this one's place.
   * @throws Error where the archive is not there, or a container runs, which would not start from it
   */
  adoptArchive(number: number): StateArchive {
    const archive = this.#required(number);
    const start = this.#fenceOff();
    if (this.ledger.latest()?.sha256 === archive.sha256 && this.ledger.latest()?.position === archive.position)
      return archive;
    return this.ledger.add(start, Date.now(), this.ledger.filesOf(number), archive.position);
  }

  /**
   * Has the next container start from nothing, whatever was saved.
   * @throws Error where a container runs
   */
  startEmpty(): void {
    const start = this.#fenceOff();
    const latest = this.ledger.latest();
    if (latest && this.ledger.filesOf(latest.number).length > 0) this.ledger.add(start, Date.now(), [], 0);
  }

  /** No container of before may save any more. @returns the newest start. @throws Error where one runs */
  #fenceOff(): number {
    const { state, start } = this.report();
    if (MOVING.includes(state)) throw new Error(`The ${this.role} has not ended.`);
    this.ctx.storage.kv.put(FENCE, start + 1);
    return start;
  }

  /**
   * Copies an archive of another tenant's node, opened under that tenant's key and sealed under this one's. What opens
   * doors stays behind. Again changes nothing.
   */
  async copyArchive(from: StateNode, number: number): Promise<void> {
    const source = await nodeStub(this.env, from.tenant, from.role, from.n).storedArchive(number);
    const taken = source.filter(({ name }) => !name.startsWith(IDENTITY));
    const theirs = new StateFiles(this.env, from);
    // The same content may have several names.
    const contents = new Map(taken.map(({ sha256, stored }) => [sha256, stored]));
    await inGroups([...contents.values()], (stored) => this.#copyFile(theirs, stored));
    const files = taken.map(({ name, sha256, bytes }) => ({ name, sha256, bytes }));
    if (files.length > 0 && !this.ledger.latest()) this.ledger.add(0, Date.now(), files, 0);
  }

  /** An archive's files with where they lie. @throws Error where it is not there */
  async storedArchive(number: number): Promise<(ArchivedFile & { stored: StoredFile })[]> {
    return this.ledger.filesOf(this.#required(number).number).map((file) => {
      const stored = this.ledger.file(file.sha256);
      if (!stored) throw new Error(`The file ${file.name} is not there.`);
      return { ...file, stored };
    });
  }

  async #copyFile(from: StateFiles, file: StoredFile): Promise<void> {
    const grant = this.beginFile(0, file.sha256);
    if ("known" in grant) return;
    if ("refused" in grant) throw new Error(grant.refused.message);
    const stored = await this.#files.write(0, grant.id, from.read(file), grant.limit);
    const refusal = this.finishFile(grant.id, file.sha256, stored);
    if (refusal) throw new Error(refusal.refused.message);
  }

  /**
   * Up to where every archive that a restore may need reaches, each of them read back once.
   * @returns 0 where there is none. @throws Error naming what can't be read
   */
  protected async reachOfArchives(): Promise<number> {
    const needed = this.ledger.needed();
    for (const { number } of needed) await this.#readBack.missing(this.ledger.filesOf(number));
    return needed.length === 0 ? 0 : Math.min(...needed.map(({ position }) => position));
  }

  /**
   * Reads every file of an archive: whole once, which a retry goes on from, later only its beginning.
   * @throws Error naming what can't be read
   */
  async verifyArchive(number: number): Promise<void> {
    await this.#readBack.all(this.ledger.filesOf(this.#required(number).number));
  }

  protected override progress(): number {
    return this.#fetched;
  }

  protected override onStart(): void {
    this.#fetched = 0;
  }

  protected override onErase(): Promise<void> {
    return this.#files.removeAll();
  }

  protected get stateNode(): StateNode {
    return { tenant: this.tenant, role: this.role as StatefulRole, n: this.n };
  }

  #required(number: number): StateArchive {
    const archive = this.ledger.archive(number);
    if (!archive) throw new Error(`The ${this.role}'s archive ${number} is not there.`);
    return archive;
  }

  /** The lowest start that may save: that of the container which runs, or the one after an archive was put in front. */
  get #fence(): number {
    return Math.max(this.report().start, this.ctx.storage.kv.get<number>(FENCE) ?? 0);
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
  #tidy(): void {
    const work = async () => {
      for (const file of this.ledger.unneeded(Date.now())) {
        await this.#files.remove(file);
        this.ledger.forget(file.id);
      }
    };
    this.ctx.waitUntil(work().catch((error: unknown) => this.onError(error)));
  }
}
