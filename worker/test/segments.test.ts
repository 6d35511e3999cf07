import { env, runInDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import { BlobLog } from "../src/events/blob_log";
import { ArchivedLog } from "../src/events/segments";

describe("a log whose archive lost an object", () => {
  it("looks for it again and again, then goes on with what came after it", async () => {
    await runInDurableObject(env.WAZUH_EVENTS.getByName("segments-bench"), async (_object, { storage }) => {
      const objects = new Map<string, Uint8Array<ArrayBuffer>>();
      const archive = {
        put: async (key: string, bytes: Uint8Array<ArrayBuffer>) => void objects.set(key, bytes),
        get: async (key: string) => objects.get(key) ?? null,
        remove: async (key: string) => void objects.delete(key),
        removeAll: async () => objects.clear(),
      };
      const log = new BlobLog(storage.sql);
      const sizes = { hotBytes: 150, segmentBytes: 200 };
      const kept = new ArchivedLog(log, archive, sizes, (work) => storage.transactionSync(work));
      for (let item = 1; item <= 6; item++) log.append(1, new Uint8Array(100).fill(item), Date.now());
      await kept.seal(Date.now());
      expect(objects.size).toBeGreaterThan(1);
      objects.delete([...objects.keys()][0] as string);
      for (let look = 1; look < 5; look++) await expect(kept.batchAfter(0)).rejects.toThrow("is missing");
      expect((await kept.batchAfter(0))?.first).toBe(3);
      expect((await kept.batchAfter(3))?.first).toBe(4);
    });
  });
});
