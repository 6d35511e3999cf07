/** What a node keeps outside its container: which files lie in R2, which archives they make, and who needs those. */
import { digest } from "../ids";
import { migrate } from "../tenant/schema";
import type { ArchivedFile, StateArchive, WrittenFile } from "./limits";

const MIGRATIONS = [
  `CREATE TABLE state_files (
     id INTEGER PRIMARY KEY AUTOINCREMENT, sha256 TEXT NOT NULL, start INTEGER NOT NULL, at INTEGER NOT NULL,
     bytes INTEGER NOT NULL DEFAULT 0, chunks INTEGER NOT NULL DEFAULT 0, stored INTEGER NOT NULL DEFAULT 0,
     verified INTEGER NOT NULL DEFAULT 0) STRICT;
   CREATE INDEX state_files_by_sha256 ON state_files (sha256);
   CREATE TABLE state_archives (
     number INTEGER PRIMARY KEY AUTOINCREMENT, start INTEGER NOT NULL, at INTEGER NOT NULL, bytes INTEGER NOT NULL,
     sha256 TEXT NOT NULL, files TEXT NOT NULL, position INTEGER NOT NULL, broken INTEGER NOT NULL DEFAULT 0) STRICT;
   CREATE TABLE state_uses (
     sha256 TEXT NOT NULL, number INTEGER NOT NULL, PRIMARY KEY (sha256, number)) STRICT, WITHOUT ROWID;
   CREATE TABLE state_pins (backup TEXT PRIMARY KEY, number INTEGER NOT NULL) STRICT;`,
  `CREATE TABLE state_restored (
     one INTEGER PRIMARY KEY CHECK (one = 1), start INTEGER NOT NULL, number INTEGER NOT NULL) STRICT;`,
  // A list may be longer than a row, and most who ask for an archive don't want its list.
  `CREATE TABLE state_lists (
     number INTEGER NOT NULL, page INTEGER NOT NULL, files TEXT NOT NULL, PRIMARY KEY (number, page)) STRICT;
   INSERT INTO state_lists SELECT number, 0, files FROM state_archives;
   ALTER TABLE state_archives DROP COLUMN files;
   ALTER TABLE state_files ADD COLUMN md5 TEXT NOT NULL DEFAULT '';
   CREATE TABLE state_objects (
     name TEXT NOT NULL, part INTEGER NOT NULL, sha256 TEXT NOT NULL, bytes INTEGER NOT NULL, at INTEGER NOT NULL,
     PRIMARY KEY (name, part)) STRICT, WITHOUT ROWID;
   CREATE INDEX state_objects_by_sha256 ON state_objects (sha256);
   CREATE TABLE state_uploads (id TEXT PRIMARY KEY, name TEXT NOT NULL, at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
   CREATE TABLE state_parts (
     upload TEXT NOT NULL, part INTEGER NOT NULL, sha256 TEXT NOT NULL, bytes INTEGER NOT NULL,
     PRIMARY KEY (upload, part)) STRICT, WITHOUT ROWID;
   CREATE INDEX state_parts_by_sha256 ON state_parts (sha256);`,
];

/** The newest archives that stay although no backup needs them: the next one may turn out to be unreadable. */
const KEPT = 3;
/** An upload that was broken off, or never made part of an archive, is removed after this long. */
const ORPHAN_MS = 3600 * 1000;
/** Entries of a list in one row, which may have 2 MB: a name of 200 characters makes about 330. */
const LIST_PAGE = 4000;

/** A file in R2, sealed in chunks under `start/id/`. */
export interface StoredFile extends Record<string, SqlStorageValue> {
  id: number;
  sha256: string;
  /** Empty where an earlier version wrote it. */
  md5: string;
  start: number;
  bytes: number;
  chunks: number;
  /** It was read back whole. */
  verified: number;
}

type ArchiveRow = StateArchive & Record<string, SqlStorageValue>;

const FILE = "id, sha256, md5, start, bytes, chunks, verified";
const ARCHIVE = "number, start, at, bytes, sha256, position";
const isIn = (table: string) => `EXISTS (SELECT 1 FROM ${table} WHERE ${table}.sha256 = state_files.sha256)`;
const ARCHIVED = isIn("state_uses");
/** The repository of an indexer may hold what no archive does, or not yet. */
const USED = ["state_uses", "state_objects", "state_parts"].map(isIn).join(" OR ");
const NEEDED = `broken = 0 AND (number IN (SELECT number FROM state_pins)
  OR number IN (SELECT number FROM state_archives WHERE broken = 0 ORDER BY number DESC LIMIT ${KEPT}))`;

export class StateLedger {
  readonly #sql: SqlStorage;

  constructor(private readonly storage: DurableObjectStorage) {
    this.#sql = storage.sql;
    migrate(storage, "state", MIGRATIONS);
  }

  /** Names a new file, whose checksum may be known only later; its chunks are written under this id, which no other upload ever gets. */
  open(sha256: string, start: number, now: number): number {
    const insert = "INSERT INTO state_files (sha256, start, at) VALUES (?, ?, ?) RETURNING id";
    return this.#sql.exec<{ id: number }>(insert, sha256, start, now).one().id;
  }

  finish(id: number, { bytes, chunks, sha256, md5 }: WrittenFile): void {
    const set = "UPDATE state_files SET bytes = ?, chunks = ?, sha256 = ?, md5 = ?, stored = 1 WHERE id = ?";
    this.#sql.exec(set, bytes, chunks, sha256, md5, id);
  }

  markVerified(id: number): void {
    this.#sql.exec("UPDATE state_files SET verified = 1 WHERE id = ?", id);
  }

  file(sha256: string): StoredFile | null {
    const query = `SELECT ${FILE} FROM state_files WHERE sha256 = ? AND stored = 1 ORDER BY id DESC LIMIT 1`;
    return this.#sql.exec<StoredFile>(query, sha256).toArray()[0] ?? null;
  }

  /** The id of the file that was begun last; 0 before the first. */
  newestFile(): number {
    return this.#sql.exec<{ id: number }>("SELECT coalesce(max(id), 0) AS id FROM state_files").one().id;
  }

  /** Bytes of files that belong to no archive yet. */
  looseBytes(): number {
    const query = `SELECT coalesce(sum(bytes), 0) AS bytes FROM state_files WHERE stored = 1 AND NOT ${ARCHIVED}`;
    return this.#sql.exec<{ bytes: number }>(query).one().bytes;
  }

  /** The files among these that are not stored. */
  missing(files: ArchivedFile[]): ArchivedFile[] {
    return files.filter(({ sha256, bytes }) => this.file(sha256)?.bytes !== bytes);
  }

  add(start: number, at: number, files: ArchivedFile[], position: number): StateArchive {
    const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
    const sha256 = digest(files.map((file) => `${file.sha256} ${file.name}\n`).join(""));
    const insert = `INSERT INTO state_archives (start, at, bytes, sha256, position) VALUES (?, ?, ?, ?, ?)
      RETURNING ${ARCHIVE}`;
    return this.storage.transactionSync(() => {
      const row = this.#sql.exec<ArchiveRow>(insert, start, at, bytes, sha256, position).one();
      for (let page = 0; page * LIST_PAGE < files.length; page++) {
        const part = JSON.stringify(files.slice(page * LIST_PAGE, (page + 1) * LIST_PAGE));
        this.#sql.exec("INSERT INTO state_lists (number, page, files) VALUES (?, ?, ?)", row.number, page, part);
      }
      const use = "INSERT OR IGNORE INTO state_uses (sha256, number) VALUES (?, ?)";
      for (const file of files) this.#sql.exec(use, file.sha256, row.number);
      return row;
    });
  }

  /** What an archive is made of, in its order. */
  filesOf(number: number): ArchivedFile[] {
    const query = "SELECT files FROM state_lists WHERE number = ? ORDER BY page";
    const pages = this.#sql.exec<{ files: string }>(query, number).toArray();
    return pages.flatMap(({ files }) => JSON.parse(files) as ArchivedFile[]);
  }

  /** Archives of which some file's name begins so. */
  holding(beginning: string): number[] {
    const query = "SELECT DISTINCT number FROM state_lists WHERE instr(files, ?) ORDER BY number";
    const numbers = this.#sql.exec<{ number: number }>(query, `{"name":"${beginning}`).toArray();
    return numbers.map(({ number }) => number);
  }

  /** The newest archive that is not known to be unreadable. */
  latest(): StateArchive | null {
    const query = `SELECT ${ARCHIVE} FROM state_archives WHERE broken = 0 ORDER BY number DESC LIMIT 1`;
    return this.#sql.exec<ArchiveRow>(query).toArray()[0] ?? null;
  }

  archive(number: number): StateArchive | null {
    const query = `SELECT ${ARCHIVE} FROM state_archives WHERE number = ? AND broken = 0`;
    return this.#sql.exec<ArchiveRow>(query, number).toArray()[0] ?? null;
  }

  /** Archives that a restore may need: the newest, and what backups hold. */
  needed(): StateArchive[] {
    const query = `SELECT ${ARCHIVE} FROM state_archives WHERE ${NEEDED} ORDER BY number`;
    return this.#sql.exec<ArchiveRow>(query).toArray();
  }

  noteRestored(start: number, number: number): void {
    this.#sql.exec("INSERT OR REPLACE INTO state_restored (one, start, number) VALUES (1, ?, ?)", start, number);
  }

  /** From which archive the container of this start began; null where it said none. */
  restoredBy(start: number): number | null {
    const query = "SELECT number FROM state_restored WHERE start = ?";
    return this.#sql.exec<{ number: number }>(query, start).toArray()[0]?.number ?? null;
  }

  /** @returns whether this was news */
  markBroken(number: number): boolean {
    return (
      this.#sql.exec("UPDATE state_archives SET broken = 1 WHERE number = ? AND broken = 0", number).rowsWritten > 0
    );
  }

  /** Marks every archive that holds a file; the file itself is forgotten, so that it may be sent anew. */
  markFileBroken(sha256: string): number[] {
    const query = "SELECT number FROM state_uses WHERE sha256 = ?";
    const numbers = this.#sql.exec<{ number: number }>(query, sha256).toArray();
    const holding = numbers.map(({ number }) => number).filter((number) => this.markBroken(number));
    this.#sql.exec("UPDATE state_files SET stored = 0, at = 0 WHERE sha256 = ?", sha256);
    return holding;
  }

  /** The archive that a backup keeps; null where there is none, or it can't be read any more. */
  pinned(backup: string): StateArchive | null {
    const query = `SELECT number FROM state_pins WHERE backup = ?`;
    const [pin] = this.#sql.exec<{ number: number }>(query, backup).toArray();
    return pin ? this.archive(pin.number) : null;
  }

  pin(backup: string, number: number): void {
    this.#sql.exec("INSERT OR REPLACE INTO state_pins (backup, number) VALUES (?, ?)", backup, number);
  }

  unpin(backup: string): void {
    this.#sql.exec("DELETE FROM state_pins WHERE backup = ?", backup);
  }

  /**
   * Forgets archives that nothing needs, and returns the files that are in none any more; see {@link forget}. Those count
   * as not stored from here on: a node must not be told that a file is known while it is being removed.
   */
  unneeded(now: number): StoredFile[] {
    return this.storage.transactionSync(() => {
      const newest = "SELECT coalesce(max(number), 0) FROM state_archives WHERE broken = 0";
      // A broken one stays listed until a newer one stands in its place: it says why something is missing.
      this.#sql.exec(`DELETE FROM state_archives WHERE NOT (${NEEDED}) AND number < (${newest})`);
      for (const table of ["state_uses", "state_lists"])
        this.#sql.exec(`DELETE FROM ${table} WHERE number NOT IN (SELECT number FROM state_archives)`);
      // A file that was just sent will be part of an archive in a moment.
      const before = now - ORPHAN_MS;
      this.#sql.exec(`UPDATE state_files SET stored = 0 WHERE at < ? AND NOT (${USED})`, before);
      const query = `SELECT ${FILE} FROM state_files WHERE at < ? AND stored = 0`;
      return this.#sql.exec<StoredFile>(query, before).toArray();
    });
  }

  /** Call once the file's objects are gone. */
  forget(id: number): void {
    this.#sql.exec("DELETE FROM state_files WHERE id = ?", id);
  }
}
