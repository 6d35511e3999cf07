/** How much a node may keep outside its container, and how that is described to and by it. */
import { z } from "zod";

const MIB = 1024 * 1024;

/** The roles that keep state, and what one archive of theirs may hold; a hostile node must not fill the bucket. */
export const ARCHIVE_BYTES = { manager: 512 * MIB, indexer: 20 * 1024 * MIB } as const;
export type StatefulRole = keyof typeof ARCHIVE_BYTES;
export const STATEFUL_ROLES = Object.keys(ARCHIVE_BYTES) as StatefulRole[];

/** A sealed piece is held in memory whole. */
export const CHUNK_BYTES = 4 * MIB;
export const MAX_FILES = 2000;

/** Of an indexer's repository. OpenSearch writes pieces of 16 MiB (`images/indexer/snapshots.py`), some dozens for a day. */
export const REPOSITORY = {
  pieces: 20_000,
  pieceBytes: 128 * MIB,
  /** Of one object; what it makes is not longer than a file of an archive may be anyway. */
  parts: 1000,
  openUploads: 64,
  /** Milliseconds after which an upload that was not completed is forgotten. */
  uploadMs: 24 * 3600 * 1000,
};

/**
 * Names go back to a node, which writes them to its disk; one that climbs is refused here and there.
 * The part before the first `/` says what a file is: `identity/…` never goes to another tenant.
 */
export const NAME = /^(?!.*\.\.)[A-Za-z0-9_][A-Za-z0-9._-]*(\/[A-Za-z0-9._-]+){0,5}$/;
export const LONGEST_NAME = 200;
export const SHA256 = /^[0-9a-f]{64}$/;

export const ArchivedFile = z.strictObject({
  name: z.string().max(LONGEST_NAME).regex(NAME),
  sha256: z.string().regex(SHA256),
  bytes: z.int().min(0).max(Number.MAX_SAFE_INTEGER),
});
/** Several of one name are the pieces of one object, in their order. */
export type ArchivedFile = z.infer<typeof ArchivedFile>;

/** What was written of a file, and what it turned out to be. */
export interface WrittenFile {
  bytes: number;
  chunks: number;
  sha256: string;
  md5: string;
}

/** What a node says when an archive's files are all there. */
export const ArchiveOrder = z.strictObject({ files: z.array(ArchivedFile).min(1).max(MAX_FILES) });
export const ArchiveNumber = z.strictObject({ number: z.int().min(1).max(Number.MAX_SAFE_INTEGER) });

/** Which archive the repository is to hold; 0: nothing. */
export const FrontOrder = z.strictObject({ number: z.int().min(0).max(Number.MAX_SAFE_INTEGER) });

/** One archive: files that belong together, as of one moment of one start of the node. The ledger has its list. */
export interface StateArchive {
  number: number;
  /** Of the container that wrote it. */
  start: number;
  /** Milliseconds since 1970. */
  at: number;
  bytes: number;
  /** SHA-256 over names and checksums of its files. */
  sha256: string;
  /** Up to where the indexer's journal is contained in it; 0 for other roles. */
  position: number;
}
