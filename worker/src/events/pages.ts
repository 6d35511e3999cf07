import { OpenPage, type StoredPage } from "./events";
import type { EventFilter } from "./filter";
import type { ArchivedLog } from "./segments";

export const MAX_PAGE_EVENTS = 1000;

/** What a reader asks for, wherever it begins. Times are milliseconds since 1970. */
export interface Selection extends EventFilter {
  /** Nothing from before. */
  from?: number | undefined;
  /** Nothing from then on. */
  to?: number | undefined;
}

/** Reads a stream's log page by page. */
export class Pages {
  constructor(private readonly kept: ArchivedLog) {}

  /** What was asked for after the number `after`, up to `limit` events, from SQLite and from the archive. */
  async read(after: number, limit: number, { from, to, ...filter }: Selection = {}): Promise<StoredPage> {
    const room = Math.min(limit, MAX_PAGE_EVENTS);
    const page = new OpenPage(await this.start(after, from), room, filter);
    return this.#pageOf(page, after, await this.#fill(page, room, to));
  }

  /** The number after which to begin for what comes after `after` and is not from before `from`. */
  async start(after: number, from: number | undefined): Promise<number> {
    const kept = Math.max(after, this.kept.log.oldest - 1);
    return from === undefined ? kept : this.kept.positionBefore(from, kept);
  }

  /** What comes after `previous`, as far as one frame goes; it was committed a moment ago, so it lies in SQLite. */
  hot(previous: number): StoredPage {
    const { log } = this.kept;
    const page = new OpenPage(previous, MAX_PAGE_EVENTS);
    for (let batch = log.hotAfter(previous); batch && page.take(batch); ) batch = log.hotAfter(page.position);
    return this.#pageOf(page, previous, false);
  }

  /** @returns whether nothing that was asked for can lie behind the page */
  async #fill(page: OpenPage, limit: number, to = Number.POSITIVE_INFINITY): Promise<boolean> {
    while (page.events.length < limit) {
      const batch = await this.kept.batchAfter(page.position);
      if (!batch || batch.at >= to) return true;
      if (!page.take(batch)) return false;
    }
    return false;
  }

  #pageOf({ events, position: next }: OpenPage, after: number, ended: boolean): StoredPage {
    const { oldest, last: latest } = this.kept.log;
    return { after, events, next, more: !ended && next < latest, oldest, latest };
  }
}
