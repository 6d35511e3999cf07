import type { StoredFile } from "../../state/ledger";
import type { ArchivedFile, StateArchive } from "../../state/limits";
import { inGroups, ReadBack } from "../../state/read_back";
import { StateFiles, type StateNode } from "../../state/vault";
import { ArchivingContainer } from "./archives";
import { jsonAnswer } from "./json";
import { nodeStub } from "./names";
import { Shared } from "./shared";
import { Turns } from "./turns";

/** Where an image of ours takes the order to save; inside the container only. */
const STATE_PORT = 9199;
/** A snapshot of a full disk takes its time. */
const SAVE_WITHIN_MS = 10 * 60_000;
/** Names of files that open doors: keys, passwords, users. A clone gets none of them. */
const IDENTITY = "identity/";
/** People read why a node did not save; it may have been taken over. */
const LONGEST_REASON = 200;

/** A node whose state outlives its container: saved, kept for backups, put in front and copied as its tenant object says. */
export abstract class StatefulContainer extends ArchivingContainer {
  readonly #readBack = new ReadBack(this.ledger, this.files, (sha256, why) => this.fileUnreadable(sha256, why));
  /** A save waits for the one before it: whose archive a container makes must never be in doubt. */
  readonly #saves = new Turns();
  /** Who asks again for a backup that is being made waits for that one. */
  readonly #backups = new Shared<StateArchive | null>();

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
    this.tidy();
  }

  /**
   * Puts an archive in front again, so that the next container starts from it. What the containers before still have
   * under way comes too late from here on: their state must not take this one's place.
   * @throws Error where the archive is not there, or a container runs, which would not start from it
   */
  adoptArchive(number: number): StateArchive {
    const archive = this.#required(number);
    const start = this.fenceOff();
    if (this.ledger.latest()?.sha256 === archive.sha256 && this.ledger.latest()?.position === archive.position)
      return archive;
    return this.ledger.add(start, Date.now(), this.ledger.filesOf(number), archive.position);
  }

  /**
   * Has the next container start from nothing, whatever was saved.
   * @throws Error where a container runs
   */
  startEmpty(): void {
    const start = this.fenceOff();
    const latest = this.ledger.latest();
    if (latest && this.ledger.filesOf(latest.number).length > 0) this.ledger.add(start, Date.now(), [], 0);
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
    const stored = await this.files.write(0, grant.id, from.read(file), grant.limit);
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

  #required(number: number): StateArchive {
    const archive = this.ledger.archive(number);
    if (!archive) throw new Error(`The ${this.role}'s archive ${number} is not there.`);
    return archive;
  }
}
