import { env, runInDurableObject } from "cloudflare:test";
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { messageOf } from "../src/errors";
import { ruleFor } from "../src/gates/table";
import { StateLedger } from "../src/state/ledger";
import { ARCHIVE_BYTES, ArchivedFile } from "../src/state/limits";
import { inChunks } from "../src/state/vault";
import { newTenantId, stoppedTenant } from "./support/edge";
import { StateNode, sha256, stateObjects } from "./support/state";
import { getTenant } from "./support/tenants";

const limits = ARCHIVE_BYTES as { manager: number };
const quota = limits.manager;
const bucket = env.ARCHIVE;
const put = bucket.put;

afterEach(() => {
  limits.manager = quota;
  bucket.put = put;
});

const aManager = async () => new StateNode(await stoppedTenant()).started();

async function damage(keys: string[], change: (bytes: Uint8Array) => Uint8Array | null): Promise<void> {
  for (const key of keys) {
    const bytes = new Uint8Array(await ((await bucket.get(key))?.arrayBuffer() ?? new ArrayBuffer()));
    const changed = change(bytes);
    if (changed) await put.call(bucket, key, changed);
    else await bucket.delete(key);
  }
}

const flipped = (bytes: Uint8Array) => bytes.map((byte, at) => (at === 20 ? byte ^ 1 : byte));

describe("a node's state", () => {
  it("comes back as it was saved, and is nothing before the first save", async () => {
    const manager = await aManager();
    expect(await manager.latest()).toBe(404);
    expect((await manager.save({ "identity/keys": "001 web-1", "configuration/rules": "" })).status).toBe(201);
    expect(await manager.latest()).toEqual({ "identity/keys": "001 web-1", "configuration/rules": "" });
  });

  it("is sent once where its content is known already", async () => {
    const manager = await aManager();
    expect((await manager.send("the same")).status).toBe(201);
    expect((await manager.send("the same")).status).toBe(200);
    expect((await stateObjects(manager.tenant)).length).toBe(1);
  });

  it("lies sealed in the bucket, below its own tenant's and node's prefix", async () => {
    const manager = await aManager();
    await manager.save({ "identity/keys": "canary-in-the-state" });
    const keys = await stateObjects(manager.tenant);
    expect(keys).toEqual([`${manager.tenant}/state/manager-0/1/1/0`]);
    for (const key of keys) expect(await (await bucket.get(key))?.text()).not.toContain("canary");
  });

  it("of another tenant or another node is out of reach", async () => {
    const manager = await aManager();
    await manager.save({ "identity/keys": "mine" });
    const stranger = await aManager();
    expect(await stranger.latest()).toBe(404);
    expect((await stranger.ask("GET", `/files/${sha256("mine")}`)).status).toBe(404);
    expect(await (await new StateNode(manager.tenant, "indexer").started()).latest()).toBe(404);
  });

  it("is not taken with another checksum than announced, and nothing of it stays", async () => {
    const manager = await aManager();
    expect((await manager.ask("PUT", `/files/${sha256("one")}`, "two")).status).toBe(422);
    expect(await stateObjects(manager.tenant)).toEqual([]);
    const missing = { name: "identity/keys", sha256: sha256("one"), bytes: 3 };
    expect((await manager.ask("POST", "/archives", JSON.stringify({ files: [missing] }))).status).toBe(422);
  });

  it("keeps its order of starts: an older container's archive is refused, the newer one's stays", async () => {
    const older = await aManager();
    await older.save({ "identity/keys": "older" });
    const newer = await new StateNode(older.tenant, "manager", 2).started();
    expect(await newer.latest()).toEqual({ "identity/keys": "older" });
    await newer.save({ "identity/keys": "newer" });
    expect((await older.send("late")).status).toBe(409);
    expect((await older.save({ "identity/keys": "older" })).status).toBe(409);
    expect(await newer.latest()).toEqual({ "identity/keys": "newer" });
  });

  it("that was put in front stays there, whatever the containers before still have under way", async () => {
    const manager = await aManager();
    const { number = 0 } = await manager.save({ "identity/keys": "of the backup" });
    await manager.save({ "identity/keys": "newer" });
    const adopt = (archive = number) => manager.stub.adoptArchive(archive).then((adopted) => adopted.bytes, messageOf);
    expect(await adopt()).toContain("has not ended");
    await manager.ends();
    expect(await adopt()).toBe("of the backup".length);
    expect((await manager.save({ "identity/keys": "late" })).status).toBe(409);
    const next = await new StateNode(manager.tenant, "manager", 2).started();
    expect(await next.latest()).toEqual({ "identity/keys": "of the backup" });
    const after = await next.save({ "identity/keys": "after" });
    expect(after.status).toBe(201);
    expect(await adopt(after.number)).toContain("has not ended");
  });

  it("is saved once for a backup, however often it is asked for", async () => {
    const manager = await aManager();
    const { number } = await manager.save({ "identity/keys": "1" });
    await manager.ends();
    const first = manager.stub.backUp("bak_1");
    expect([(await first)?.number, (await manager.stub.backUp("bak_1"))?.number]).toEqual([number, number]);
    await manager.stub.adoptArchive(number ?? 0);
    expect((await manager.stub.backUp("bak_1"))?.number).toBe(number);
  });

  it("takes the start from the node's object; a gate of the version before counts as older", async () => {
    const manager = await aManager();
    const unknown = new StateNode(manager.tenant, "manager", undefined);
    Object.assign(unknown, { start: undefined });
    expect((await unknown.send("x")).status).toBe(409);
  });

  it("beyond its quota is refused, and the tenant shows why until a save succeeds", async () => {
    const manager = await aManager();
    limits.manager = 100;
    expect((await manager.send("x".repeat(101))).status).toBe(413);
    await expect.poll(async () => (await getTenant(manager.tenant)).state_trouble?.code).toBe("STATE_TOO_LARGE");
    expect(await stateObjects(manager.tenant)).toEqual([]);
    await manager.save({ "identity/keys": "small" });
    await expect.poll(async () => (await getTenant(manager.tenant)).state_trouble).toBe(null);
  });

  it("can't fill the bucket with files of no archive", async () => {
    const manager = await aManager();
    limits.manager = 100;
    expect((await manager.send("a".repeat(60))).status).toBe(201);
    expect((await manager.send("b".repeat(60))).status).toBe(413);
  });

  it("is not taken while the bucket does not answer; the tenant shows it, and the next attempt succeeds", async () => {
    const manager = await aManager();
    bucket.put = () => Promise.reject(new Error("R2 is away"));
    expect((await manager.send("x")).status).toBe(503);
    await expect.poll(async () => (await getTenant(manager.tenant)).state_trouble?.code).toBe("STATE_NOT_SAVED");
    bucket.put = put;
    expect((await manager.save({ "identity/keys": "x" })).status).toBe(201);
    await expect.poll(async () => (await getTenant(manager.tenant)).state_trouble).toBe(null);
  });
});

describe("an unreadable archive", () => {
  it.each([
    ["changed", flipped],
    ["cut short", (bytes: Uint8Array) => bytes.subarray(0, 15)],
    ["missing", () => null],
  ])("is passed over where it is %s, loudly, for the one before", async (_, change) => {
    const manager = await aManager();
    await manager.save({ "identity/keys": "first" });
    const before = await stateObjects(manager.tenant);
    await manager.save({ "identity/keys": "second" });
    const newer = (await stateObjects(manager.tenant)).filter((key) => !before.includes(key));
    await damage(newer, change);
    expect((await manager.ask("GET", `/files/${sha256("second")}`)).status).toBe(500);
    expect(await manager.latest()).toEqual({ "identity/keys": "first" });
    await expect.poll(async () => (await getTenant(manager.tenant)).state_trouble?.code).toBe("STATE_UNREADABLE");
  });

  it("is one whose chunk was swapped for another's", async () => {
    const manager = await aManager();
    await manager.save({ "identity/keys": "one" });
    await manager.save({ "identity/keys": "two" });
    const [first, second] = await stateObjects(manager.tenant);
    const other = await (await bucket.get(first ?? ""))?.arrayBuffer();
    await bucket.put(second ?? "", other ?? null);
    expect((await manager.ask("GET", `/files/${sha256("two")}`)).status).toBe(500);
    expect(await manager.latest()).toEqual({ "identity/keys": "one" });
  });

  it("is one that the node says it can't use", async () => {
    const manager = await aManager();
    await manager.save({ "identity/keys": "one" });
    const { number } = await manager.save({ "identity/keys": "two" });
    expect((await manager.ask("POST", "/unusable", JSON.stringify({ number }))).status).toBe(200);
    expect(await manager.latest()).toEqual({ "identity/keys": "one" });
  });

  it("gives way to an empty start where no other is left", async () => {
    const manager = await aManager();
    await manager.save({ "identity/keys": "one" });
    await damage(await stateObjects(manager.tenant), flipped);
    await manager.ask("GET", `/files/${sha256("one")}`);
    expect(await manager.latest()).toBe(404);
  });
});

describe("what is kept", () => {
  it("is the newest archives and those a backup holds; the others go with their files", async () => {
    await runInDurableObject(env.MANAGER.getByName(`${newTenantId()}:manager:0`), (_, { storage }) => {
      const ledger = new StateLedger(storage);
      const archives = Array.from({ length: 6 }, (_unused, at) => {
        ledger.finish(ledger.open("", 1, 0), { bytes: 1, chunks: 1, sha256: sha256(`${at}`), md5: "" });
        return ledger.add(1, 0, [{ name: "identity/keys", sha256: sha256(`${at}`), bytes: 1 }], at);
      });
      ledger.pin("bak_1", archives[1]?.number ?? 0);
      const gone = ledger.unneeded(4 * 3600_000).map((file) => file.sha256);
      expect(gone).toEqual(["0", "2"].map(sha256));
      // A node that is told "known" now would make an archive of a file that is being removed.
      expect(ledger.file(sha256("0"))).toBe(null);
      expect(ledger.needed().map(({ position }) => position)).toEqual([1, 3, 4, 5]);
      ledger.unpin("bak_1");
      expect(ledger.unneeded(4 * 3600_000).map((file) => file.sha256)).toContain(sha256("1"));
      expect(ledger.needed().map(({ position }) => position)).toEqual([3, 4, 5]);
    });
  });

  it("goes with the node's erasure", async () => {
    const manager = await aManager();
    await manager.save({ "identity/keys": "one" });
    await manager.stub.erase();
    expect(await stateObjects(manager.tenant)).toEqual([]);
  });
});

describe("names and paths", () => {
  it.each(["../x", "a/../b", "/etc/x", "a//b", "", "a\\b", ".hidden/x", "a/".repeat(9)])("refuse %j", (name) => {
    expect(ArchivedFile.safeParse({ name, sha256: "0".repeat(64), bytes: 1 }).success).toBe(false);
  });

  it("lead nowhere but to a checksum, whatever a node asks for", () => {
    const paths = fc.string().map((text) => `/files/${text}`);
    fc.assert(
      fc.property(
        paths,
        (path) => ruleFor("manager", "state.internal", "PUT", path) === null || /^\/files\/[0-9a-f]{64}$/.test(path),
      ),
    );
    for (const path of ["/files/../latest", `/files/${"0".repeat(64)}/x`, "/latest/", "/archives/1"])
      expect(ruleFor("manager", "state.internal", "GET", path)).toBe(null);
    expect(ruleFor("dashboard", "state.internal", "GET", "/latest")).toBe(null);
  });

  it("cut a stream into equal pieces, whatever pieces it comes in", async () => {
    const pieces = [1, 5 * 1024 * 1024, 0, 4 * 1024 * 1024].map((size) => new Uint8Array(size));
    const sizes: number[] = [];
    for await (const piece of inChunks(new Blob(pieces).stream())) sizes.push(piece.byteLength);
    const mib = 4 * 1024 * 1024;
    expect(sizes).toEqual([mib, mib, 1024 * 1024 + 1]);
  });
});
