import type { Archive } from "../events/archive";
import { type Batch, BlobLog, fittingOneRow } from "../events/blob_log";
import { CommitChain } from "../events/commit_chain";
import { ArchivedLog, type KeepingSizes } from "../events/segments";
import { log } from "../log";
import { searchableFrom } from "../tenant/searchable_days";
import type { BulkItem } from "./bulk";
import { type DayPart, partOfDay, writtenBetween } from "./day";

/** Sends a bulk body to the indexer. */
export type Post = (ndjson: Uint8Array<ArrayBuffer>) => Promise<Response>;

export interface JournalHost {
  archive: Archive;
  /** How many days the indexer holds, today's among them: earlier ones stay in the journal alone. */
  retentionDays(): Promise<number>;
  /** How many days they stay here although snapshots hold them. */
  archiveDays(): Promise<number>;
  /** Told, in the transaction of the write, how many bytes were kept and when. */
  kept?: (bytes: number, at: number) => void;
  /** A way to the indexer while the container of this object is none, or null; may have the position start over. */
  elsewhere?: () => Promise<Post | null>;
  /** Bytes that may lie in SQLite, and how large an archived segment grows. */
  sizes: KeepingSizes;
}

const DAY_MS = 24 * 3600 * 1000;
const HOUR_MS = 3600 * 1000;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 15_000;
/** Statuses of single documents that no later attempt would change; after any other one it may help to send again. */
const REFUSED_FOR_GOOD = new Set([400, 413]);

/**
 * What keeps acknowledged alerts when the indexer's disk does not.
 *
 * Every bulk body is on disk here before it is acknowledged; one loop forwards the batches in order and remembers how far
 * the present cluster got. One that is formed anew is empty, so the loop starts over: documents carry their own ids, and
 * writing one twice changes nothing. A node alone is a cluster of one, formed anew with each container.
 */
export class Journal {
  readonly #log: BlobLog;
  readonly #kept: ArchivedLog;
  readonly #chain: CommitChain<BulkItem[], undefined>;
  #post: Post | null = null;
  #draining: Promise<void> | null = null;
  /** Counts containers; a loop that still writes to an earlier one must not move the position of the present one. */
  #round = 0;
  #upkeepScheduled = false;
  #pause = new AbortController();

  constructor(
    private readonly storage: DurableObjectStorage,
    private readonly host: JournalHost,
  ) {
    this.#log = new BlobLog(storage.sql);
    this.#kept = new ArchivedLog(this.#log, host.archive, host.sizes, (work) => storage.transactionSync(work));
    this.#chain = new CommitChain(
      (groups) => this.#commit(groups),
      () => storage.sync(),
    );
  }

  /** Writes the documents; resolves once they are on disk. Forwarding goes on behind. */
  async keep(items: BulkItem[]): Promise<void> {
    if (items.length === 0) return;
    await this.#chain.add(items);
    this.#wake();
    await this.#scheduleUpkeep();
  }

  /** A container started; it may belong to the cluster of before. */
  containerStarted(): void {
    this.containerStopped();
    this.#log.setMark("began", this.applied);
  }

  /** What is written to now is another cluster than before, which holds everything up to here and nothing more. */
  startOver(position: number): void {
    this.#round += 1;
    for (const mark of ["applied", "began"] as const) this.#log.setMark(mark, Math.min(position, this.#log.last));
  }

  /** The container is gone; batches wait here, or go elsewhere. */
  containerStopped(): void {
    this.#round += 1;
    this.#post = null;
    this.#pause.abort();
  }

  /**
   * Forwards through `post` from now on.
   * @returns when the indexer holds everything the journal held at this moment.
   */
  async replay(post: Post): Promise<void> {
    const round = this.#round;
    const left = this.#log.writtenBefore(searchableFrom(await this.host.retentionDays(), Date.now()));
    if (this.#round !== round) return;
    if (left > this.applied) this.#log.setMark("applied", left);
    this.#post = post;
    // What waits for another way has this one now.
    this.#pause.abort();
    const target = this.#log.last;
    while (this.#position() < target && this.#round === round) {
      this.#wake();
      await this.#draining;
    }
    this.#wake();
  }

  /** Has what waits forwarded, where there is a way. */
  resume(): void {
    this.#wake();
  }

  /** How many documents were forwarded since the container started. */
  get forwarded(): number {
    return Math.max(0, this.applied - this.#log.mark("began"));
  }

  /** The last document that the present cluster took. */
  get applied(): number {
    return this.#log.mark("applied");
  }

  /** Since when a document waits for the container; null where none does. */
  get behindSince(): number | null {
    return this.#log.writtenAfter(this.#position());
  }

  /** How far the present container got, and how much there is. */
  state(): { applied: number; last: number; oldest: number; rejected: number; sealed: number } {
    const { last, oldest } = this.#log;
    const sealed = this.#log.segmentAfter(0) === null ? 0 : this.#log.segmentsBefore(Number.MAX_SAFE_INTEGER).length;
    return { applied: this.#log.mark("applied"), last, oldest, rejected: this.#log.mark("rejected"), sealed };
  }

  /** Seals what is over the size bound and drops what is past the retention; call from the object's alarm. */
  async alarm(now: number = Date.now()): Promise<void> {
    await this.storage.setAlarm(now + HOUR_MS);
    this.#upkeepScheduled = true;
    this.#wake();
    await this.#kept.seal(now);
    const days = Math.max(await this.host.retentionDays(), await this.host.archiveDays());
    await this.#kept.expire(now - days * DAY_MS);
  }

  /**
   * Drops what every snapshot that is kept holds, once its days in the archive are over.
   * @param position up to where all of them reach, each read back before
   */
  async trim(position: number, now: number = Date.now()): Promise<void> {
    const before = this.#log.oldest;
    await this.#kept.trim(position, now - (await this.host.archiveDays()) * DAY_MS);
    const { oldest } = this.#log;
    if (oldest > before) log("info", "the journal dropped what its snapshots hold", { before, oldest, position });
  }

  /** What was written of a day, from a position on, batch by batch. @param day YYYY-MM-DD */
  async *ofDay(day: string, after: number): AsyncGenerator<DayPart> {
    const { from, to } = writtenBetween(day);
    let position = Math.max(after, this.#log.writtenBefore(from));
    for (let batch = await this.#kept.batchAfter(position); batch; batch = await this.#kept.batchAfter(position)) {
      if (batch.at > to) return;
      const part = partOfDay(batch, day);
      if (part) yield part;
      position = batch.last;
    }
  }

  /** What was written after a position and up to another one, batch by batch. */
  async *between(after: number, until: number): AsyncGenerator<Batch> {
    let position = Math.max(after, this.#log.oldest - 1);
    for (let batch = await this.#kept.batchAfter(position); batch; batch = await this.#kept.batchAfter(position)) {
      if (batch.first > until) return;
      yield batch;
      position = batch.last;
    }
  }

  /** Forgets everything in the archive; the caller deletes the object's storage. */
  async erase(): Promise<void> {
    this.containerStopped();
    await this.host.archive.removeAll();
  }

  #commit(groups: BulkItem[][]): undefined[] {
    const now = Date.now();
    this.storage.transactionSync(() => {
      for (const chunk of fittingOneRow(groups.flat(), (item) => item.lines)) {
        const body = new TextEncoder().encode(chunk.map((item) => item.lines).join(""));
        this.#log.append(chunk.length, body, now);
        this.host.kept?.(body.byteLength, now);
      }
    });
    return groups.map(() => undefined);
  }

  #position(): number {
    return Math.max(this.#log.mark("applied"), this.#log.oldest - 1);
  }

  #wake(): void {
    this.#draining ??= this.#drain().finally(() => {
      this.#draining = null;
    });
  }

  async #drain(): Promise<void> {
    let pause = FIRST_PAUSE_MS;
    for (;;) {
      const step = await this.#step();
      if (step === "done") return;
      if (step === "moved") {
        pause = FIRST_PAUSE_MS;
      } else {
        await this.#wait(pause);
        pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
      }
    }
  }

  /** Waits, but no longer than the container that refused lives: its replacement must not wait for it. */
  async #wait(pause: number): Promise<void> {
    if (this.#pause.signal.aborted) this.#pause = new AbortController();
    await scheduler.wait(pause, { signal: this.#pause.signal }).catch(ended);
  }

  /** Brings the next batch to the indexer; "failed" means: the same batch again, later. */
  async #step(): Promise<"done" | "moved" | "failed"> {
    if (this.#position() >= this.#log.last) return "done";
    try {
      const post = this.#post ?? (await this.host.elsewhere?.());
      return post ? await this.#bring(post) : "done";
    } catch (reason) {
      log("warn", "the journal waits", { after: this.#position(), error: String(reason) });
      return "failed";
    }
  }

  async #bring(post: Post): Promise<"done" | "moved" | "failed"> {
    const round = this.#round;
    const position = this.#position();
    const batch = await this.#kept.batchAfter(position);
    if (!batch) return "done";
    if (!(await this.#forward(batch, post))) return "failed";
    if (this.#round === round) this.#log.setMark("applied", batch.last);
    return "moved";
  }

  async #forward(batch: Batch, post: Post): Promise<boolean> {
    const answer = await post(batch.body);
    if (answer.ok) return this.#settle(batch, (await answer.json()) as BulkAnswer);
    await answer.body?.cancel();
    log("warn", "the indexer refused a batch for now", { first: batch.first, last: batch.last, status: answer.status });
    return false;
  }

  /** Documents the indexer refuses for good are counted and left behind; they stay in the journal until it expires. */
  #settle({ first, last }: Batch, { errors, items }: BulkAnswer): boolean {
    if (errors === false) return true;
    const failed = (items ?? []).map((item) => Object.values(item)[0]?.status ?? 500).filter((status) => status >= 300);
    const told = items?.length === last - first + 1;
    if (!told || failed.some((status) => !REFUSED_FOR_GOOD.has(status))) {
      log("warn", "the indexer did not take a whole batch", { first, last, statuses: [...new Set(failed)] });
      return false;
    }
    this.#log.setMark("rejected", this.#log.mark("rejected") + failed.length);
    log("warn", "the indexer refused documents for good", { first, last, refused: failed.length });
    return true;
  }

  async #scheduleUpkeep(): Promise<void> {
    if (this.#kept.overfull) await this.storage.setAlarm(Date.now());
    else if (!this.#upkeepScheduled) await this.storage.setAlarm(Date.now() + HOUR_MS);
    this.#upkeepScheduled = true;
  }
}

/** An interrupted pause rejects; that is its purpose. */
function ended(): void {}

interface BulkAnswer {
  errors?: boolean;
  items?: Record<string, { status?: number }>[];
}
