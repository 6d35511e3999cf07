/** Archives that are made of a tenant's repository, and the repository that is made of an archive. */
import { env, evictDurableObject, runInDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import { messageOf } from "../src/errors";
import { StateLedger } from "../src/state/ledger";
import { ObjectTable } from "../src/state/objects";
import { nodeStub } from "../src/tenant/nodes/names";
import { containerNamed } from "./support/containers";
import { newTenantId, stoppedTenant } from "./support/edge";
import { keepAlerts } from "./support/journal";
import { Repository } from "./support/repository";
import { sha256, stateObjects } from "./support/state";
import { getTenant, putTenant, specOf, until } from "./support/tenants";

/** Writes these as the whole content, and makes an archive of it. */
async function saved(repository: Repository, objects: Record<string, string>): Promise<number> {
  for (const [key, body] of Object.entries(objects)) await repository.put(key, body);
  return repository.saved();
}

async function content(repository: Repository): Promise<Record<string, string>> {
  const { keys } = await repository.list();
  return Object.fromEntries(await Promise.all(keys.map(async (key) => [key, await repository.get(key)])));
}

const latest = async (repository: Repository) => JSON.parse((await repository.node.ask("GET", "/latest")).text);

/** Breaks what lies in the bucket beyond `before`. */
async function damage(tenant: string, before: string[] = []): Promise<void> {
  const fresh = (await stateObjects(tenant)).filter((key) => !before.includes(key));
  for (const key of fresh) await env.ARCHIVE.put(key, new Uint8Array(40));
}

describe("an archive of a repository", () => {
  it("is what the repository held, not what a node says of it", async () => {
    const repository = await Repository.made();
    await repository.putParts("b", ["two", "three"]);
    const number = await saved(repository, { a: "one" });
    const archive = await repository.stub.storedArchive(number);
    expect(archive.map(({ name, sha256: sum }) => [name, sum])).toEqual([
      ["a", sha256("one")],
      ["b", sha256("two")],
      ["b", sha256("three")],
    ]);
    expect(await latest(repository)).toMatchObject({ number, files: [] });
    const claim = JSON.stringify({ files: [{ name: "a", sha256: sha256("one"), bytes: 3 }] });
    expect((await repository.node.ask("POST", "/archives", claim)).status).toBe(403);
    expect((await repository.node.send("a file of no object")).status).toBe(403);
  });

  it("is made by no container before, nor of nothing, nor by another node than the first", async () => {
    const older = await Repository.made();
    expect(await older.commit()).toBe("STATE_CHECKSUM");
    await older.put("a", "one");
    await older.next();
    expect([await older.commit(), await older.putInFront(0)]).toEqual(["STATE_FENCED", 409]);
    const second = nodeStub(env, older.tenant, "indexer", 1);
    expect(await second.commitRepository(1)).toMatchObject({ refused: { code: "STATE_CHECKSUM" } });
  });

  it("is not made of what can't be read any more; once the repository was emptied, everything is sent anew", async () => {
    const repository = await Repository.made();
    await saved(repository, { a: "one" });
    await damage(repository.tenant);
    expect(await repository.get("a")).toBe("500 InternalError");
    await repository.put("b", "two");
    expect(await repository.commit()).toBe("STATE_CHECKSUM");
    expect(await repository.putInFront(0)).toBe(200);
    expect(await content(repository)).toEqual({});
    expect(await saved(repository, { a: "one", b: "two" })).toBe(2);
    expect(await content(repository)).toEqual({ a: "one", b: "two" });
  });

  it("stays whole while the repository goes on without some of it", async () => {
    const repository = await Repository.made();
    const number = await saved(repository, { a: "one", b: "two" });
    await repository.call("DELETE", "/a");
    await saved(repository, { c: "three" });
    await repository.stub.verifyArchive(number);
    expect(await repository.putInFront(number)).toBe(200);
    expect(await content(repository)).toEqual({ a: "one", b: "two" });
  });
});

describe("the next container's repository", () => {
  it("is exactly the latest archive's, whatever was written after it or is under way", async () => {
    const first = await Repository.made();
    const number = await saved(first, { a: "one" });
    await first.put("a", "not saved");
    await first.put("b", "not saved");
    const upload = await first.openUpload("c");
    const next = await first.next();
    expect(await next.putInFront(number)).toBe(200);
    expect(await content(next)).toEqual({ a: "one" });
    expect((await next.call("PUT", `/c?partNumber=1&uploadId=${upload}`, { body: "x" })).status).toBe(404);
    expect(await next.putInFront(99)).toBe(404);
  });

  it("takes nothing of what another node began to write before", async () => {
    const repository = await Repository.made();
    const number = await saved(repository, { a: "one" });
    const caller = { n: 1, start: 1 };
    const begun = (await repository.stub.beginObject(caller, { name: "a" })) as { id: number };
    await repository.putInFront(number);
    const written = { bytes: 1, chunks: 1, sha256: sha256("x"), md5: "" };
    const late = await repository.stub.finishObject(caller, begun.id, { name: "a" }, written);
    expect(late).toMatchObject({ refused: "AccessDenied" });
    expect(await content(repository)).toEqual({ a: "one" });
  });

  it("is that of the archive before where the latest can't be read", async () => {
    const first = await Repository.made();
    await saved(first, { a: "one" });
    const before = await stateObjects(first.tenant);
    const newer = await saved(first, { b: "two" });
    await damage(first.tenant, before);
    const next = await first.next();
    await next.putInFront(newer);
    expect(await next.get("b")).toBe("500 InternalError");
    const { number } = await latest(next);
    expect(number).toBe(newer - 1);
    await next.putInFront(number);
    expect(await content(next)).toEqual({ a: "one" });
    await expect.poll(async () => (await getTenant(next.tenant)).state_trouble?.code).toBe("STATE_UNREADABLE");
  });

  it("is that of the same archive while the store is away, which no archive is blamed for", async () => {
    const repository = await Repository.made();
    const number = await saved(repository, { a: "one" });
    const unusable = () => repository.node.ask("POST", "/unusable", JSON.stringify({ number }));
    const get = env.ARCHIVE.get;
    env.ARCHIVE.get = () => Promise.reject(new Error("R2 is away"));
    expect(await repository.get("a")).toBe("503 SlowDown");
    env.ARCHIVE.get = get;
    await unusable();
    expect((await latest(repository)).number).toBe(number);
    const other = await Repository.made();
    const bad = await saved(other, { a: "one" });
    await other.node.ask("POST", "/unusable", JSON.stringify({ number: bad }));
    expect(await other.node.latest()).toBe(404);
  });

  it("is that of a backup that was adopted, and the containers before write no more", async () => {
    const first = await Repository.made();
    const number = await saved(first, { a: "of the backup" });
    await saved(first, { a: "newer" });
    await first.node.ends();
    const adopted = await first.stub.adoptArchive(number);
    expect((await first.put("a", "late")).status).toBe(403);
    const next = await first.next();
    expect((await latest(next)).number).toBe(adopted.number);
    await next.putInFront(adopted.number);
    expect(await content(next)).toEqual({ a: "of the backup" });
  });

  it("is a copy of the source's for a clone, sealed anew, large objects in their parts", async () => {
    const source = await Repository.made();
    await source.putParts("big", ["one ", "two"]);
    const number = await saved(source, { a: "one " });
    const clone = await stoppedTenant();
    const stub = nodeStub(env, clone, "indexer", 0);
    for (let again = 0; again < 2; again++)
      await stub.copyArchive({ tenant: source.tenant, role: "indexer", n: 0 }, number);
    const repository = await new Repository(clone).started();
    await repository.putInFront((await latest(repository)).number);
    expect(await content(repository)).toEqual({ a: "one ", big: "one two" });
    expect((await stateObjects(clone)).length).toBe(2);
    await source.stub.erase();
    expect(await stateObjects(source.tenant)).toEqual([]);
    expect(await repository.get("big")).toBe("one two");
  });
});

describe("the files of a repository", () => {
  it("stay for as long as an object, a part or an archive needs them", async () => {
    await runInDurableObject(env.MANAGER.getByName(`${newTenantId()}:manager:0`), (_, { storage }) => {
      const [ledger, objects] = [new StateLedger(storage), new ObjectTable(storage)];
      const file = (text: string) => {
        ledger.finish(ledger.open("", 1, 0), { bytes: 1, chunks: 1, sha256: sha256(text), md5: "" });
        return { sha256: sha256(text), bytes: 1 };
      };
      const [object, part, archived] = ["object", "part", "archived"].map(file);
      file("nobody's");
      objects.put("a", [object ?? file("")], 0);
      const upload = objects.openUpload("b", 0) ?? "";
      objects.putPart(upload, 1, part ?? file(""));
      ledger.add(1, 0, [{ name: "c", ...(archived ?? file("")) }], 0);
      const gone = () => ledger.unneeded(4 * 3600_000).map(({ sha256: sum }) => sum);
      expect(gone()).toEqual([sha256("nobody's")]);
      objects.remove("a");
      objects.closeUpload(upload);
      expect(gone()).toEqual(expect.arrayContaining([sha256("object"), sha256("part")]));
      expect(ledger.file(sha256("archived"))).not.toBe(null);
    });
  });

  it("may be more than one row lists", async () => {
    await runInDurableObject(env.MANAGER.getByName(`${newTenantId()}:manager:0`), (_, { storage }) => {
      const [ledger, objects] = [new StateLedger(storage), new ObjectTable(storage)];
      const files = Array.from({ length: 9001 }, (_unused, at) => ({
        ...{ name: `indices/${"x".repeat(170)}/${String(at).padStart(5, "0")}`, sha256: sha256(`${at}`), bytes: 1 },
      }));
      const { number } = ledger.add(1, 0, files, 0);
      objects.replaceAll(ledger.filesOf(number), 0);
      expect([objects.all(), objects.pieces]).toEqual([files, 9001]);
    });
  });
});

describe("an archive of an earlier version, which packed a repository of the indexer's own disk", () => {
  it("is passed over loudly, and the journal, of which nothing is dropped for its sake, brings the alerts back", async () => {
    const tenant = await stoppedTenant();
    const stub = nodeStub(env, tenant, "indexer", 0);
    await keepAlerts(tenant, "2026-11-26", "1.1", "1.2");
    await added(tenant, "snapshot/description.tgz", { asBefore: true });
    await evictDurableObject(stub);
    expect(await stub.latestArchive()).toBe(null);
    await expect.poll(async () => (await getTenant(tenant)).state_trouble?.code).toBe("STATE_UNREADABLE");
    expect(await stub.verifyArchive(1).then(String, messageOf)).toContain("is not there");
    await putTenant(tenant, specOf(2));
    await until(tenant, ({ observed }) => observed === "running");
    expect(containerNamed(`${tenant}:indexer:0`, "indexer").documents.size).toBe(2);
    expect((await stub.journalState()).oldest).toBe(1);
    expect((await stub.saveState())?.number).toBe(2);
  });

  it("of any role has its list where this version looks for it", async () => {
    // The object of a role that has no state: its storage has none of the tables yet.
    await runInDurableObject(env.DASHBOARD.getByName(`${newTenantId()}:dashboard:0`), (_, { storage }) => {
      for (const statements of BEFORE) storage.sql.exec(statements);
      const files = [{ name: "identity/keys", sha256: sha256("x"), bytes: 1 }];
      const insert = "INSERT INTO state_archives VALUES (1, 1, 0, 1, 'x', ?, 7, 0)";
      storage.sql.exec(insert, JSON.stringify(files));
      const ledger = new StateLedger(storage);
      expect([ledger.latest()?.position, ledger.filesOf(1)]).toEqual([7, files]);
    });
  });

  it("is looked for once: nothing that this version saves counts as one", async () => {
    const tenant = await stoppedTenant();
    const number = await added(tenant, "snapshot/of-this-version");
    const stub = nodeStub(env, tenant, "indexer", 0);
    await evictDurableObject(stub);
    expect((await stub.latestArchive())?.number).toBe(number);
  });
});

/** The tables of the version before. */
const BEFORE = [
  "CREATE TABLE IF NOT EXISTS schema_versions (part TEXT PRIMARY KEY, version INTEGER NOT NULL) STRICT",
  "INSERT INTO schema_versions VALUES ('state', 2)",
  `CREATE TABLE state_files (
     id INTEGER PRIMARY KEY AUTOINCREMENT, sha256 TEXT NOT NULL, start INTEGER NOT NULL, at INTEGER NOT NULL,
     bytes INTEGER NOT NULL DEFAULT 0, chunks INTEGER NOT NULL DEFAULT 0, stored INTEGER NOT NULL DEFAULT 0,
     verified INTEGER NOT NULL DEFAULT 0) STRICT`,
  `CREATE TABLE state_archives (
     number INTEGER PRIMARY KEY AUTOINCREMENT, start INTEGER NOT NULL, at INTEGER NOT NULL, bytes INTEGER NOT NULL,
     sha256 TEXT NOT NULL, files TEXT NOT NULL, position INTEGER NOT NULL, broken INTEGER NOT NULL DEFAULT 0) STRICT`,
];

/** Has the indexer's object hold an archive with one file. @param asBefore it is one of before this version came */
async function added(tenant: string, name: string, { asBefore = false } = {}): Promise<number> {
  return runInDurableObject(nodeStub(env, tenant, "indexer", 0), (_, { storage }) => {
    if (asBefore) storage.kv.delete("packed_looked_for");
    return new StateLedger(storage).add(1, 0, [{ name, sha256: sha256("x"), bytes: 1 }], 2).number;
  });
}
