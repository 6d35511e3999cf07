import { env, runInDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import { BlobLog } from "../src/events/blob_log";
import { newTenantId } from "./support/edge";

const body = (length: number) => new Uint8Array(length);

/** Runs against the storage of an object that nothing else uses. */
const withStorage = (work: (sql: SqlStorage) => void) =>
  runInDurableObject(env.TENANT.getByName(newTenantId()), (_, { storage }) => work(storage.sql));

/** The same storage, counting the rows that are read. */
function counting(sql: SqlStorage) {
  const counter = { rows: 0 };
  const exec = (query: string, ...bindings: SqlStorageValue[]) => {
    const cursor = sql.exec(query, ...bindings);
    const found = cursor.toArray();
    counter.rows += cursor.rowsRead;
    return { toArray: () => found, one: () => found[0] };
  };
  return { counter, sql: { exec } as unknown as SqlStorage };
}

describe("a log of blobs", () => {
  it("counts its bytes by a mark that follows every change", () =>
    withStorage((sql) => {
      const log = new BlobLog(sql);
      for (let n = 1; n <= 10; n++) log.append(2, body(n * 10), n);
      expect(log.hotBytes).toBe(550);
      log.replaceBySegment({ first: 1, last: 8, at: 4, key: "1-8" });
      expect(log.hotBytes).toBe(450);
      log.forgetSegment(1);
      log.forgetBatchesBefore(7);
      expect(log.hotBytes).toBe(340);
    }));

  it("counts once what a version without the mark left, and again what such a version adds", () =>
    withStorage((sql) => {
      const log = new BlobLog(sql);
      log.append(1, body(100), 1);
      sql.exec("DELETE FROM marks WHERE name = 'hot_bytes'");
      const next = new BlobLog(sql);
      expect(next.hotBytes).toBe(100);
      sql.exec("INSERT INTO batches (first, last, at, bytes, body) VALUES (2, 2, 2, 7, x'00')");
      next.countHotBytes();
      expect(next.hotBytes).toBe(107);
    }));

  it("finds what holds an item, or stands next behind a gap, without looking through what lies before", () =>
    withStorage((sql) => {
      const log = new BlobLog(sql);
      for (let n = 0; n < 300; n++) log.append(3, body(1), n);
      sql.exec("DELETE FROM batches WHERE first BETWEEN 301 AND 600");
      for (let n = 0; n < 100; n++) log.replaceBySegment({ first: 3 * n + 1, last: 3 * n + 3, at: n, key: `${n}` });
      expect([0, 2, 3, 299, 300].map((position) => log.segmentAfter(position)?.first)).toEqual([
        1,
        1,
        4,
        298,
        undefined,
      ]);
      expect([300, 450, 600, 603, 899, 900].map((position) => log.hotAfter(position)?.first)).toEqual([
        601,
        601,
        601,
        604,
        898,
        undefined,
      ]);
      const { counter, sql: counted } = counting(sql);
      const next = new BlobLog(counted);
      counter.rows = 0;
      next.hotAfter(890);
      next.segmentAfter(290);
      expect(counter.rows).toBeLessThan(12);
    }));
});
