import type { Archive } from "../events/archive";
import { type Batch, BlobLog, MAX_BATCH_BYTES } from "../events/blob_log";
import { CommitChain } from "../events/commit_chain";
import { ArchivedLog } from "../events/segments";
import type { BulkItem } from "./bulk";

/** Sends a bulk body to the indexer. */
export type Post = (ndjson: Uint8Array<ArrayBuffer>) => Promise<Response>;

export interface JournalHost {
  archive: Archive;
  /** How many days the tenant's plan keeps alerts. */
  retentionDays(): Promise<number>;
  /** Bytes that may lie in SQLite, and how large an archived segment grows. */
  sizes?: { hotBytes: number; segmentBytes: number };
}

const DEFAULT_SIZES = { hotBytes: 16 * 1024 * 1024, segmentBytes: 4 * 1024 * 1024 };

const DAY_MS = 24 * 3600 * 1000;
const HOUR_MS = 3600 * 1000;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 15_000;
/** Statuses of single documents after which sending again can help. */
const PASSING = new Set([429, 500, 502, 503, 504]);

/**
 * What keeps acknowledged alerts when the indexer's disk does not.
 *
 * Every bulk body is on disk here before it is acknowledged; one loop forwards the batches in order and remembers how far
 * the present container got. A replacement starts with an empty disk, so the loop starts from the oldest batch again:
 * documents carry their own ids, and writing one twice changes nothing.
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

  constructor(
    private readonly storage: DurableObjectStorage,
    private readonly host: JournalHost,
  ) {
    this.#log = new BlobLog(storage.sql);
    const sizes = host.sizes ?? DEFAULT_SIZES;
    this.#kept = new ArchivedLog(this.#log, host.archive, sizes, (work) => storage.transactionSync(work));
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

  /** A container started: its disk is empty, so everything has to be written again. */
  containerStarted(): void {
    this.#round += 1;
    this.#post = null;
    this.#log.setMark("applied", 0);
  }

  /** The container is gone; batches wait here. */
  containerStopped(): void {
    this.#round += 1;
    this.#post = null;
  }

  /**
   * Forwards through `post` from now on.
   * @returns when the indexer holds everything the journal held at this moment.
   */
  async replay(post: Post): Promise<void> {
    this.#post = post;
    const target = this.#log.last;
    const round = this.#round;
    while (this.#position() < target && this.#round === round) {
      this.#wake();
      await this.#draining;
    }
    this.#wake();
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
    await this.#kept.expire(now - (await this.host.retentionDays()) * DAY_MS);
  }

  /** Forgets everything in the archive; the caller deletes the object's storage. */
  async erase(): Promise<void> {
    this.containerStopped();
    await this.host.archive.removeAll();
  }

  #commit(groups: BulkItem[][]): undefined[] {
    const now = Date.now();
    this.storage.transactionSync(() => {
      for (const chunk of chunked(groups.flat())) {
        this.#log.append(chunk.length, new TextEncoder().encode(chunk.map((item) => item.lines).join("")), now);
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
    while (this.#post) {
      const round = this.#round;
      const batch = await this.#kept.batchAfter(this.#position());
      if (!batch) return;
      if (await this.#forward(batch, this.#post)) {
        if (this.#round === round) this.#log.setMark("applied", batch.last);
        pause = FIRST_PAUSE_MS;
      } else {
        await scheduler.wait(pause);
        pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
      }
    }
  }

  /** Whether the indexer took the batch; false means: the same batch again, later. */
  async #forward(batch: Batch, post: Post): Promise<boolean> {
    try {
      const answer = await post(batch.body);
      if (!answer.ok) {
        console.log(`journal: the indexer answered ${answer.status} to items ${batch.first}-${batch.last}`);
        await answer.body?.cancel();
        return false;
      }
      return this.#settle(batch, (await answer.json()) as { errors?: boolean; items?: BulkResult[] });
    } catch (reason) {
      console.log(
        `journal: items ${batch.first}-${batch.last} wait: ${reason instanceof Error ? reason.message : reason}`,
      );
      return false;
    }
  }

  /** Documents the indexer refuses for good are counted and left behind; they stay in the journal until it expires. */
  #settle(batch: Batch, answer: { errors?: boolean; items?: BulkResult[] }): boolean {
    if (!answer.errors) return true;
    const statuses = (answer.items ?? []).map((item) => Object.values(item)[0]?.status ?? 500);
    if (statuses.some((status) => PASSING.has(status))) return false;
    const refused = statuses.filter((status) => status >= 400).length;
    this.#log.setMark("rejected", this.#log.mark("rejected") + refused);
    console.log(`journal: the indexer refused ${refused} of items ${batch.first}-${batch.last}`);
    return true;
  }

  async #scheduleUpkeep(): Promise<void> {
    if (this.#kept.overfull) await this.storage.setAlarm(Date.now());
    else if (!this.#upkeepScheduled) await this.storage.setAlarm(Date.now() + HOUR_MS);
    this.#upkeepScheduled = true;
  }
}

type BulkResult = Record<string, { status?: number }>;

/** Splits documents so that each chunk fits one row. */
function* chunked(items: BulkItem[]): Generator<BulkItem[]> {
  let chunk: BulkItem[] = [];
  let size = 0;
  for (const item of items) {
    // A character is at most three bytes of UTF-8 for each of its UTF-16 units.
    const bytes = item.lines.length * 3;
    if (size + bytes > MAX_BATCH_BYTES && chunk.length > 0) {
      yield chunk;
      [chunk, size] = [[], 0];
    }
    chunk.push(item);
    size += bytes;
  }
  if (chunk.length > 0) yield chunk;
}
