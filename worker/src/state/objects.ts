/** The repository of a tenant's indexers as it is now: names, each with the files that make its content. */
import { createHash } from "node:crypto";
import { type ArchivedFile, REPOSITORY } from "./limits";

/** A file that is an object, or a part of one. */
export interface Piece {
  sha256: string;
  bytes: number;
}

export interface ObjectFacts {
  name: string;
  bytes: number;
  /** Milliseconds since 1970. */
  at: number;
  /** As S3 makes it: the MD5 of the content, or of the parts' MD5s with their number. Without quotes. */
  etag: string;
}

/** One step of a listing: an object, or the names that go on alike up to the delimiter. */
export type Entry = ObjectFacts | { prefix: string };

export interface ListQuery {
  prefix: string;
  /** Empty for none. */
  delimiter: string;
  /** Names up to here are left out. */
  after: string;
  limit: number;
}

/** Comes after every character that a name may have. */
const END = "\x7f";

const MD5 = `(SELECT md5 FROM state_files WHERE state_files.sha256 = state_objects.sha256 AND stored = 1
  ORDER BY id DESC LIMIT 1)`;

/** The tables are the ledger's: which files are still needed depends on them. */
export class ObjectTable {
  readonly #sql: SqlStorage;
  /** Counted once, for counting means reading every row. */
  #count: number | null = null;

  constructor(private readonly storage: DurableObjectStorage) {
    this.#sql = storage.sql;
  }

  get pieces(): number {
    this.#count ??= this.#sql.exec<{ n: number }>("SELECT count(*) AS n FROM state_objects").one().n;
    return this.#count;
  }

  /** Takes the place of what had this name. */
  put(name: string, pieces: Piece[], now: number): void {
    this.storage.transactionSync(() => {
      this.remove(name);
      const insert = "INSERT INTO state_objects (name, part, sha256, bytes, at) VALUES (?, ?, ?, ?, ?)";
      for (const [part, { sha256, bytes }] of pieces.entries()) this.#sql.exec(insert, name, part, sha256, bytes, now);
    });
    this.#count = this.pieces + pieces.length;
  }

  /** Again changes nothing. */
  remove(name: string): void {
    const before = this.pieces;
    const removed = this.piecesOf(name).length;
    this.#sql.exec("DELETE FROM state_objects WHERE name = ?", name);
    this.#count = before - removed;
  }

  piecesOf(name: string): Piece[] {
    const query = "SELECT sha256, bytes FROM state_objects WHERE name = ? ORDER BY part";
    return this.#sql.exec<Piece & Record<string, SqlStorageValue>>(query, name).toArray();
  }

  facts(name: string): ObjectFacts | null {
    const query = `SELECT bytes, at, ${MD5} AS md5, sha256 FROM state_objects WHERE name = ? ORDER BY part`;
    type Row = { bytes: number; at: number; md5: string | null; sha256: string };
    const rows = this.#sql.exec<Row>(query, name).toArray();
    const [first] = rows;
    if (!first) return null;
    const etag = etagOf(rows.map(({ md5, sha256 }) => md5 || sha256));
    return { name, bytes: rows.reduce((sum, row) => sum + row.bytes, 0), at: first.at, etag };
  }

  /** @returns at most `limit` entries in order, and from where to go on; null where that was all */
  list({ prefix, delimiter, after, limit }: ListQuery): { entries: Entry[]; next: string | null } {
    const entries: Entry[] = [];
    for (let from = after; ; ) {
      const name = this.#nameAfter(prefix, from);
      if (name === null) return { entries, next: null };
      if (entries.length >= limit) return { entries, next: from };
      const cut = delimiter ? name.indexOf(delimiter, prefix.length) : -1;
      const common = name.slice(0, cut + delimiter.length);
      const entry = cut < 0 ? this.facts(name) : { prefix: common };
      if (entry) entries.push(entry);
      from = cut < 0 ? name : common + END;
    }
  }

  #nameAfter(prefix: string, after: string): string | null {
    const query = "SELECT name FROM state_objects WHERE name > ? AND name >= ? AND name < ? ORDER BY name LIMIT 1";
    return this.#sql.exec<{ name: string }>(query, after, prefix, prefix + END).toArray()[0]?.name ?? null;
  }

  /** Everything, as an archive lists it. */
  all(): ArchivedFile[] {
    const query = "SELECT name, sha256, bytes FROM state_objects ORDER BY name, part";
    return this.#sql.exec<ArchivedFile & Record<string, SqlStorageValue>>(query).toArray();
  }

  /** The repository holds exactly this from here on; uploads that were under way are none any more. */
  replaceAll(files: ArchivedFile[], now: number): void {
    this.storage.transactionSync(() => {
      for (const table of ["state_objects", "state_uploads", "state_parts"]) this.#sql.exec(`DELETE FROM ${table}`);
      const insert = `INSERT INTO state_objects (name, part, sha256, bytes, at) VALUES (?, ?, ?, ?, ?)`;
      let [name, part] = ["", 0];
      for (const file of files) {
        [name, part] = [file.name, file.name === name ? part + 1 : 0];
        this.#sql.exec(insert, name, part, file.sha256, file.bytes, now);
      }
    });
    this.#count = files.length;
  }

  /** @returns null where too many are open */
  openUpload(name: string, now: number): string | null {
    this.#forgetOldUploads(now - REPOSITORY.uploadMs);
    const { n } = this.#sql.exec<{ n: number }>("SELECT count(*) AS n FROM state_uploads").one();
    if (n >= REPOSITORY.openUploads) return null;
    const id = crypto.randomUUID();
    this.#sql.exec("INSERT INTO state_uploads (id, name, at) VALUES (?, ?, ?)", id, name, now);
    return id;
  }

  isOpen(id: string, name: string): boolean {
    return this.#sql.exec("SELECT 1 FROM state_uploads WHERE id = ? AND name = ?", id, name).toArray().length > 0;
  }

  putPart(upload: string, part: number, { sha256, bytes }: Piece): void {
    const insert = "INSERT OR REPLACE INTO state_parts (upload, part, sha256, bytes) VALUES (?, ?, ?, ?)";
    this.#sql.exec(insert, upload, part, sha256, bytes);
  }

  /** The parts of an upload by their numbers, each with its MD5. */
  partsOf(upload: string): Map<number, Piece & { md5: string }> {
    const query = `SELECT part, sha256, bytes, ${MD5.replaceAll("state_objects", "state_parts")} AS md5
      FROM state_parts WHERE upload = ?`;
    const rows = this.#sql.exec<{ part: number; sha256: string; bytes: number; md5: string | null }>(query, upload);
    return new Map(rows.toArray().map(({ part, sha256, bytes, md5 }) => [part, { sha256, bytes, md5: md5 ?? "" }]));
  }

  closeUpload(id: string): void {
    this.#sql.exec("DELETE FROM state_parts WHERE upload = ?", id);
    this.#sql.exec("DELETE FROM state_uploads WHERE id = ?", id);
  }

  #forgetOldUploads(before: number): void {
    const query = "SELECT id FROM state_uploads WHERE at < ?";
    for (const { id } of this.#sql.exec<{ id: string }>(query, before).toArray()) this.closeUpload(id);
  }
}

function etagOf(sums: string[]): string {
  if (sums.length === 1) return sums[0] ?? "";
  return `${createHash("md5")
    .update(Buffer.from(sums.join(""), "hex"))
    .digest("hex")}-${sums.length}`;
}
