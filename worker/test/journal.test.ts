import { env, runInDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import type { Archive } from "../src/events/archive";
import { type BulkItem, documentId, isTaken, MAX_BULK_ITEMS, readBulk } from "../src/gates/bulk";
import { Journal, type Post } from "../src/gates/journal";
import { nodeStub } from "../src/tenant/nodes/names";
import { stoppedTenant } from "./support/edge";
import { keptOf } from "./support/journal";

const INDEX = "wazuh-alerts-4.x-2026.11.23";

const items = (tenant: string, ids: string[], text = ""): BulkItem[] =>
  readBulk(
    tenant,
    0,
    ids.map((id) => `{"index":{"_index":"${INDEX}"}}\n${JSON.stringify({ id, text })}\n`).join(""),
  ).filter(isTaken);

/** An indexer that keeps documents by id, as OpenSearch does, and can be told to fail. */
class Indexer {
  documents = new Map<string, string>();
  writes = 0;
  answer: (() => Response) | null = null;

  readonly post: Post = async (body) => {
    if (this.answer) return this.answer();
    const lines = new TextDecoder().decode(body).trim().split("\n");
    for (let at = 0; at < lines.length; at += 2) {
      const { index } = JSON.parse(lines[at] as string) as { index: { _id: string } };
      this.documents.set(index._id, lines[at + 1] as string);
      this.writes += 1;
    }
    return Response.json({ errors: false, items: [] });
  };

  /** Answers once with the statuses of single documents, then as usual. */
  answerOnce(...statuses: number[]): void {
    this.answer = () => {
      this.answer = null;
      return Response.json({ errors: true, items: statuses.map((status) => ({ index: { status } })) });
    };
  }

  ids(): string[] {
    return [...this.documents.values()].map((document) => (JSON.parse(document) as { id: string }).id);
  }
}

class MemoryArchive implements Archive {
  readonly objects = new Map<string, Uint8Array<ArrayBuffer>>();
  put = async (key: string, bytes: Uint8Array<ArrayBuffer>) => void this.objects.set(key, bytes);
  get = async (key: string) => this.objects.get(key) ?? null;
  remove = async (key: string) => void this.objects.delete(key);
  removeAll = async () => this.objects.clear();
}

interface Bench {
  journal: Journal;
  indexer: Indexer;
  archive: MemoryArchive;
  storage: DurableObjectStorage;
  reopen: () => Journal;
}

const days = { retentionDays: async () => 30, archiveDays: async () => 30 };
let counter = 0;

/** Runs a journal inside an object of its own, so that its storage is the real one. */
async function bench(work: (bench: Bench) => Promise<void>): Promise<void> {
  counter += 1;
  await runInDurableObject(env.WAZUH_EVENTS.getByName(`journal-bench-${counter}`), async (_, { storage }) => {
    const archive = new MemoryArchive();
    const sizes = { hotBytes: 20_000, segmentBytes: 8_000 };
    const reopen = () => new Journal(storage, { archive, ...days, sizes });
    await work({ journal: reopen(), indexer: new Indexer(), archive, storage, reopen });
    await storage.deleteAlarm();
  });
}

describe("the journal", () => {
  it("holds documents on disk before it answers, and keeps them over a restart", () =>
    bench(async ({ journal, indexer, reopen }) => {
      await journal.keep(items("t", ["a", "b"]));
      const next = reopen();
      await next.replay(indexer.post);
      expect(indexer.ids()).toEqual(["a", "b"]);
    }));

  it("forwards in order, and only what the container does not have yet", () =>
    bench(async ({ journal, indexer, reopen }) => {
      await journal.replay(indexer.post);
      await Promise.all(["a", "b", "c"].map((id) => journal.keep(items("t", [id]))));
      await expect.poll(() => indexer.ids()).toEqual(["a", "b", "c"]);
      await expect.poll(() => journal.state().applied).toBe(3);
      const next = reopen();
      await next.keep(items("t", ["d"]));
      await next.replay(indexer.post);
      expect(indexer.ids()).toEqual(["a", "b", "c", "d"]);
      expect(indexer.writes).toBe(4);
    }));

  it("refills a replacement that starts empty, from the archive too, before it counts as ready", () =>
    bench(async ({ journal, indexer, archive }) => {
      await journal.replay(indexer.post);
      const ids = Array.from({ length: 60 }, (_, n) => `alert-${n}`);
      for (const id of ids) await journal.keep(items("t", [id], "x".repeat(1000)));
      await journal.alarm();
      expect(archive.objects.size).toBeGreaterThan(2);
      const replacement = new Indexer();
      journal.containerStopped();
      journal.startOver(0);
      await journal.keep(items("t", ["while-down"]));
      await journal.replay(replacement.post);
      expect(replacement.ids()).toEqual([...ids, "while-down"]);
    }));

  it("waits for an indexer that refuses or is gone, and loses nothing", () =>
    bench(async ({ journal, indexer }) => {
      let failures = 0;
      const failing = [
        () => new Response("", { status: 503 }),
        () => new Response("", { status: 401 }),
        () => Response.json({ errors: true, items: [{ index: { status: 429 } }] }),
        (): Response => {
          throw new Error("connection refused");
        },
      ];
      indexer.answer = () => {
        const fail = failing[failures++];
        if (fail) return fail();
        indexer.answer = null;
        return new Response("", { status: 503 });
      };
      await journal.keep(items("t", ["a"]));
      await journal.replay(indexer.post);
      expect(indexer.ids()).toEqual(["a"]);
    }));

  it.each([
    ["may not write yet", [401, 201]],
    ["is forbidden to", [201, 403]],
    ["misses an index", [404, 404]],
    ["has no room", [429, 400]],
    ["says nothing of one document", [400]],
    ["says nothing of any", []],
  ])("sends a batch again while the indexer %s", (_, statuses) =>
    bench(async ({ journal, indexer }) => {
      indexer.answerOnce(...statuses);
      await journal.keep(items("t", ["a", "b"]));
      await journal.replay(indexer.post);
      expect(indexer.ids()).toEqual(["a", "b"]);
      expect(journal.state().rejected).toBe(0);
    }),
  );

  it("leaves a document behind that no indexer would ever take, and counts it", () =>
    bench(async ({ journal, indexer }) => {
      indexer.answerOnce(400, 201, 413);
      await journal.keep(items("t", ["a", "b", "c"]));
      await journal.keep(items("t", ["d"]));
      await journal.replay(indexer.post);
      expect(indexer.ids()).toEqual(["d"]);
      expect(journal.state()).toMatchObject({ rejected: 2, applied: 4 });
    }));

  it("does not make a replacement wait for the pauses that its predecessor earned", () =>
    bench(async ({ journal, indexer }) => {
      indexer.answer = () => new Response("", { status: 503 });
      await journal.keep(items("t", ["a"]));
      void journal.replay(indexer.post);
      await scheduler.wait(1800);
      const replacement = new Indexer();
      const started = Date.now();
      journal.startOver(0);
      await journal.replay(replacement.post);
      expect(replacement.ids()).toEqual(["a"]);
      expect(Date.now() - started).toBeLessThan(500);
    }));

  it("counts documents the indexer refuses for good, and goes on with the others", () =>
    bench(async ({ journal, indexer }) => {
      indexer.answer = () => {
        indexer.answer = null;
        return Response.json({ errors: true, items: [{ index: { status: 400 } }, { index: { status: 201 } }] });
      };
      await journal.keep(items("t", ["bad", "good"]));
      await journal.keep(items("t", ["next"]));
      await journal.replay(indexer.post);
      expect(journal.state()).toMatchObject({ rejected: 1, applied: 3 });
      expect(indexer.ids()).toEqual(["next"]);
    }));

  it("does not take a late answer of a dead container for one of its replacement", () =>
    bench(async ({ journal }) => {
      let release: (() => void) | undefined;
      const stuck: Post = () =>
        new Promise((resolve) => {
          release = () => resolve(Response.json({ errors: false }));
        });
      await journal.keep(items("t", ["a"]));
      void journal.replay(stuck);
      await expect.poll(() => release).toBeTruthy();
      journal.startOver(0);
      release?.();
      const replacement = new Indexer();
      await journal.replay(replacement.post);
      expect(replacement.ids()).toEqual(["a"]);
    }));

  it("splits what does not fit one row", () =>
    bench(async ({ journal, indexer }) => {
      const ids = Array.from({ length: 12 }, (_, n) => `large-${n}`);
      await journal.keep(items("t", ids, "y".repeat(200_000)));
      await journal.replay(indexer.post);
      expect(indexer.ids()).toEqual(ids);
    }));

  it("leaves out what is not to be searchable any more when it refills a replacement, and keeps it", () =>
    bench(async ({ journal, indexer, storage }) => {
      for (const id of ["old-1", "old-2", "new"]) await journal.keep(items("t", [id]));
      storage.sql.exec("UPDATE batches SET at = ? WHERE first < 3", Date.now() - 31 * 24 * 3600 * 1000);
      journal.startOver(0);
      await journal.replay(indexer.post);
      expect(indexer.ids()).toEqual(["new"]);
      expect(journal.state()).toMatchObject({ oldest: 1, applied: 3 });
    }));

  it("tells since when something waits for the indexer", () =>
    bench(async ({ journal, indexer, storage }) => {
      expect(journal.behindSince).toBeNull();
      await journal.keep(items("t", ["a"]));
      expect(journal.behindSince).toBe(storage.sql.exec("SELECT at FROM batches").one().at);
      await journal.replay(indexer.post);
      expect(journal.behindSince).toBeNull();
    }));

  it("forgets what is older than the retention", () =>
    bench(async ({ journal, indexer, archive }) => {
      for (const id of Array.from({ length: 40 }, (_, n) => `old-${n}`)) {
        await journal.keep(items("t", [id], "x".repeat(1000)));
      }
      await journal.alarm();
      await journal.alarm(Date.now() + 31 * 24 * 3600 * 1000);
      expect(archive.objects.size).toBe(0);
      await journal.keep(items("t", ["new"]));
      await journal.replay(indexer.post);
      expect(indexer.ids()).toEqual(["new"]);
    }));
});

describe("an indexer's object without a container", () => {
  it("still takes alerts", async () => {
    const tenant = await stoppedTenant();
    const indexer = nodeStub(env, tenant, "indexer", 0);
    await indexer.keep(items(tenant, ["a", "b"]));
    expect(await keptOf(tenant)).toBe(2);
  });

  it("forgets them with their archive when the tenant is deleted", async () => {
    const tenant = await stoppedTenant();
    const indexer = nodeStub(env, tenant, "indexer", 0);
    await indexer.keep(items(tenant, ["a"]));
    await env.ARCHIVE.put(`${tenant}/journal/indexer-0/000001-000001`, "sealed");
    await indexer.erase();
    expect((await env.ARCHIVE.list({ prefix: `${tenant}/` })).objects).toEqual([]);
  });
});

describe("a bulk body", () => {
  const document = '{"id":"1.2"}';

  it("gets ids that its sender does not choose", () => {
    const sent = `{"create":{"_index":"${INDEX}","_id":"mine","routing":"x","version":7}}\n${document}\n`;
    const [item] = readBulk("tenant", 3, sent).filter(isTaken);
    expect(item).toMatchObject({ action: "create", id: documentId("tenant", 3, "1.2") });
    const action = JSON.parse(item?.lines.split("\n")[0] ?? "");
    expect(action).toEqual({ index: { _index: INDEX, _id: item?.id } });
  });

  it("has ids that differ by tenant, manager and alert, and by nothing else", () => {
    const ids = [documentId("a", 0, "1"), documentId("b", 0, "1"), documentId("a", 1, "1"), documentId("a", 0, "2")];
    expect(new Set(ids).size).toBe(4);
    expect(documentId("a", 0, "1")).toBe(ids[0]);
    expect(ids[0]).toMatch(/^[0-9a-f]{64}$/);
  });

  it.each([
    ["another index", `{"index":{"_index":".opendistro_security"}}\n${document}\n`, 400],
    ["no index", `{"index":{}}\n${document}\n`, 400],
    ["a document that is no object", `{"index":{"_index":"${INDEX}"}}\n[1]\n`, 400],
    ["a document that is cut off", `{"index":{"_index":"${INDEX}"}}\n{"id":\n`, 400],
    [
      "a document that is too large",
      `{"index":{"_index":"${INDEX}"}}\n{"id":"1","x":"${"x".repeat(1_100_000)}"}\n`,
      413,
    ],
  ])("keeps what stands around %s", (_, wrong, status) => {
    const right = `{"index":{"_index":"${INDEX}"}}\n${document}\n`;
    const entries = readBulk("tenant", 0, right + wrong + right);
    expect(entries).toHaveLength(3);
    expect(entries.filter(isTaken)).toHaveLength(2);
    expect(entries[1]).toMatchObject({ status });
  });

  it("takes an agent's longest event, written in escapes", () => {
    const event = "\u0001".repeat(64 * 1024);
    const source = JSON.stringify({ id: "1", full_log: event, data: { command: event } });
    expect(readBulk("tenant", 0, `{"index":{"_index":"${INDEX}"}}\n${source}\n`).every(isTaken)).toBe(true);
  });

  it.each([
    ["a deletion", `{"delete":{"_index":"${INDEX}","_id":"x"}}\n${document}\n`],
    ["an update", `{"update":{"_index":"${INDEX}","_id":"x"}}\n${document}\n`],
    ["an action without a document", `{"index":{"_index":"${INDEX}"}}\n`],
    ["something that is not JSON", "hello\nworld\n"],
    ["more documents than one call between objects carries", `{"index":{}}\n{}\n`.repeat(MAX_BULK_ITEMS + 1)],
  ])("is refused whole with %s", (_, body) => {
    expect(() => readBulk("tenant", 0, body)).toThrow();
  });
});
