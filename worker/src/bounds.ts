/** How much a request may carry and how long it may take, at each of the two fronts. */

export interface Bounds {
  /** Bytes of a body that says its length. */
  announcedBytes: number;
  /** Bytes of a body that is read here before anybody else gets it. */
  readBytes: number;
  /** How long such a body may take to arrive. */
  readMs: number;
  /** Until the head of the answer; what streams behind it has bounds of its own. */
  answerMs: number;
}

const MIB = 1024 * 1024;

/** API hosts: every body is read here. A poll of the changes waits 25 seconds, a push to a manager 20. */
export const API_BOUNDS: Bounds = { announcedBytes: MIB, readBytes: MIB, readMs: 30_000, answerMs: 60_000 };

/** A bundle of content: texts of 4 MiB together, of which JSON escapes each line's end and each quotation mark. */
export const CONTENT_BYTES = 10 * MIB;

/**
 * Dashboards: bodies go on to the node as they come. The largest is an import of saved objects, 25 MiB by the dashboard's
 * own default.
 */
export const DASHBOARD_BOUNDS: Bounds = {
  ...{ announcedBytes: 32 * MIB, readBytes: MIB, readMs: 30_000 },
  answerMs: 120_000,
};
