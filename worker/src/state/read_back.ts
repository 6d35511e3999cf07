/** Reads back what was stored: a backup that can't be read is none. */
import { messageOf } from "../errors";
import type { StateLedger } from "./ledger";
import type { ArchivedFile } from "./limits";
import { type StateFiles, Unreadable } from "./vault";

/** Files that are read back or copied at once, each with a chunk or two in memory; a repository has thousands. */
const AT_ONCE = 4;

export async function inGroups<T>(all: T[], work: (one: T) => Promise<void>): Promise<void> {
  for (let at = 0; at < all.length; at += AT_ONCE) await Promise.all(all.slice(at, at + AT_ONCE).map(work));
}

export class ReadBack {
  /** @param unreadable is told which file can't be read, and why */
  constructor(
    private readonly ledger: StateLedger,
    private readonly files: StateFiles,
    private readonly unreadable: (sha256: string, why: string) => void,
  ) {}

  /** Reads each file: whole once, which a retry goes on from, later only its beginning. @throws Error naming what can't be read */
  all(files: ArchivedFile[]): Promise<void> {
    return inGroups(files, (file) => this.#verify(file));
  }

  /** Reads those that never were. @throws Error naming what can't be read */
  missing(files: ArchivedFile[]): Promise<void> {
    return this.all(files.filter(({ sha256 }) => !this.ledger.file(sha256)?.verified));
  }

  async #verify({ sha256, name }: ArchivedFile): Promise<void> {
    const file = this.ledger.file(sha256);
    try {
      if (!file) throw new Unreadable("it is not stored");
      if (file.verified) await this.files.touch(file);
      else await this.files.verify(file);
      this.ledger.markVerified(file.id);
    } catch (error) {
      if (error instanceof Unreadable) this.unreadable(sha256, error.message);
      throw new Error(`The file ${name} can't be read: ${messageOf(error)}`);
    }
  }
}
