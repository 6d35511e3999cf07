import { log } from "../log";
import type { Archive } from "./archive";
import type { Batch, BlobLog, Segment } from "./blob_log";

/** How much stays in SQLite, and how large a segment grows. */
export interface KeepingSizes {
  hotBytes: number;
  segmentBytes: number;
}

/** A segment is a quarter of what stays, so that sealing one leaves most of the newest at hand. */
export function keeping(hotBytes: number): KeepingSizes {
  return { hotBytes, segmentBytes: hotBytes / 4 };
}

type IndexEntry = [first: number, last: number, at: number, length: number];

/** Joins batches to one archive object: a line of JSON that lists them, then their bodies. */
export function packBatches(batches: Batch[]): Uint8Array<ArrayBuffer> {
  const index: IndexEntry[] = batches.map(({ first, last, at, body }) => [first, last, at, body.byteLength]);
  const head = new TextEncoder().encode(`${JSON.stringify(index)}\n`);
  const packed = new Uint8Array(head.byteLength + batches.reduce((sum, batch) => sum + batch.body.byteLength, 0));
  packed.set(head);
  let offset = head.byteLength;
  for (const { body } of batches) {
    packed.set(body, offset);
    offset += body.byteLength;
  }
  return packed;
}

/** Takes apart what {@link packBatches} made. */
export function unpackBatches(packed: Uint8Array<ArrayBuffer>): Batch[] {
  const end = packed.indexOf(0x0a);
  const index = JSON.parse(new TextDecoder().decode(packed.subarray(0, end))) as IndexEntry[];
  let offset = end + 1;
  return index.map(([first, last, at, length]) => {
    const body = packed.slice(offset, offset + length);
    offset += length;
    return { first, last, at, body };
  });
}

/** How often an archive object is looked for before its range is passed over: a store may take a moment to show it. */
const LOOKS = 5;

/** A {@link BlobLog} together with the archive that takes its oldest batches. */
export class ArchivedLog {
  #opened: { key: string; batches: Batch[] } | null = null;
  readonly #misses = new Map<string, number>();

  constructor(
    readonly log: BlobLog,
    private readonly archive: Archive,
    private readonly sizes: KeepingSizes,
    private readonly transaction: (work: () => void) => void,
  ) {}

  /** The batch that holds the item after `position`, from SQLite or from the archive; null at the end of the log. */
  async batchAfter(position: number): Promise<Batch | null> {
    const segment = this.log.segmentAfter(position);
    if (!segment) return this.log.hotAfter(position);
    const batches = await this.#open(segment);
    return batches.find((batch) => batch.last > position) ?? this.batchAfter(segment.last);
  }

  /**
   * The last item that was written before a moment (milliseconds since 1970), or `position` where that is later. Of the
   * archive one segment is opened, the one in which the moment lies.
   */
  async positionBefore(moment: number, position: number): Promise<number> {
    let before = Math.max(position, this.log.writtenBefore(moment));
    for (let batch = await this.batchAfter(before); batch && batch.at < moment; batch = await this.batchAfter(before))
      before = batch.last;
    return before;
  }

  /** Whether more lies in SQLite than should. */
  get overfull(): boolean {
    return this.log.hotBytes > this.sizes.hotBytes;
  }

  /**
   * Moves the oldest batches to the archive until SQLite is below its bound.
   *
   * The object is written before the rows go, under a key made of its range: a restart between the two writes the same
   * object again.
   */
  async seal(now: number): Promise<void> {
    this.log.countHotBytes();
    while (this.overfull) {
      const batches = this.log.oldestBatches(this.sizes.segmentBytes);
      if (batches.length === 0) return;
      const segment = describe(batches, now);
      await this.archive.put(segment.key, packBatches(batches));
      this.transaction(() => this.log.replaceBySegment(segment));
    }
  }

  /** Drops what was written before a moment (milliseconds since 1970). */
  async expire(before: number): Promise<void> {
    for (const segment of this.log.segmentsBefore(before)) {
      await this.archive.remove(segment.key);
      this.log.forgetSegment(segment.first);
    }
    this.transaction(() => this.log.forgetBatchesBefore(before));
  }

  /** Drops what ends at a position at the latest and was written before a moment: it is kept elsewhere. */
  async trim(position: number, before: number): Promise<void> {
    for (const segment of this.log.segmentsBefore(before).filter(({ last }) => last <= position)) {
      await this.archive.remove(segment.key);
      this.log.forgetSegment(segment.first);
    }
    this.transaction(() => this.log.forgetBatchesUpTo(position, before));
  }

  async #open(segment: Segment): Promise<Batch[]> {
    if (this.#opened?.key === segment.key) return this.#opened.batches;
    const packed = await this.archive.get(segment.key);
    if (!packed) return this.#missed(segment);
    this.#opened = { key: segment.key, batches: unpackBatches(packed) };
    return this.#opened.batches;
  }

  /**
   * What is lost must not keep all that came after it from being read.
   * @returns nothing, once the object was looked for often enough
   */
  #missed({ key, first, last }: Segment): Batch[] {
    const looks = (this.#misses.get(key) ?? 0) + 1;
    this.#misses.set(key, looks);
    if (looks < LOOKS) throw new Error(`archive object ${key} is missing; items ${first}-${last} can't be read`);
    if (looks === LOOKS) log("error", "an archive object is lost and passed over", { key, first, last });
    return [];
  }
}

function describe(batches: Batch[], now: number): Segment {
  const first = batches[0] as Batch;
  const last = batches[batches.length - 1] as Batch;
  const pad = (value: number) => String(value).padStart(15, "0");
  return { first: first.first, last: last.last, at: last.at || now, key: `${pad(first.first)}-${pad(last.last)}` };
}
