/** `repository.internal`: the calls of S3 on whole objects, what bounds them, and whose repository they reach. */
import { env } from "cloudflare:test";
import { afterEach, describe, expect, it } from "vitest";
import { ARCHIVE_BYTES, CHUNK_BYTES, REPOSITORY } from "../src/state/limits";
import { codeOf, crc32Of, deletion, md5, Repository, unsigned } from "./support/repository";
import { sha256, stateObjects } from "./support/state";
import { getTenant } from "./support/tenants";

const [limits, bounds] = [ARCHIVE_BYTES as { indexer: number }, { ...REPOSITORY }];
const quota = limits.indexer;
const put = env.ARCHIVE.put;

afterEach(() => {
  limits.indexer = quota;
  Object.assign(REPOSITORY, bounds);
  env.ARCHIVE.put = put;
});

describe("an object", () => {
  it("comes back as it was written, with the MD5 that S3's clients compare", async () => {
    const repository = await Repository.made();
    const written = await repository.put("indices/a-B_1/0/__x.part0", "segment");
    expect([written.status, written.headers.get("etag")]).toEqual([200, `"${md5("segment")}"`]);
    const read = await repository.call("GET", "/indices/a-B_1/0/__x.part0");
    expect([read.status, read.text, read.headers.get("etag")]).toEqual([200, "segment", `"${md5("segment")}"`]);
    expect(read.headers.get("content-length")).toBe("7");
    await repository.put("indices/a-B_1/0/__x.part0", "");
    expect(await repository.get("indices/a-B_1/0/__x.part0")).toBe("");
  });

  it("is described without its content", async () => {
    const repository = await Repository.made();
    await repository.put("index-0", "root");
    const { status, text, headers } = await repository.call("HEAD", "/index-0");
    expect([status, text, headers.get("etag")]).toEqual([200, "", `"${md5("root")}"`]);
    expect(Date.parse(headers.get("last-modified") ?? "")).toBeGreaterThan(Date.now() - 60_000);
    const missing = await repository.call("HEAD", "/index-1");
    expect([missing.status, missing.text]).toEqual([404, ""]);
  });

  it.each([
    ["bytes=2-4", 206, "cde", "bytes 2-4/10"],
    ["bytes=7-", 206, "hij", "bytes 7-9/10"],
    ["bytes=-2", 206, "ij", "bytes 8-9/10"],
    ["bytes=8-99", 206, "ij", "bytes 8-9/10"],
    ["bytes=4-2", 200, "abcdefghij", null],
    ["lines=1-2", 200, "abcdefghij", null],
    ["bytes=10-", 416, "InvalidRange", null],
  ])("is read in part by %s", async (range, status, text, told) => {
    const repository = await Repository.made();
    await repository.putParts("index-0", ["abcd", "ef", "ghij"]);
    const answer = await repository.call("GET", "/index-0", { headers: { range } });
    expect([answer.status, codeOf(answer.text), answer.headers.get("content-range")]).toEqual([status, text, told]);
  });

  it("is read only as the one that a reader began with", async () => {
    const repository = await Repository.made();
    await repository.put("index-0", "first");
    const read = (etag: string) => repository.call("GET", "/index-0", { headers: { "if-match": etag } });
    expect((await read(`"${md5("first")}"`)).text).toBe("first");
    await repository.put("index-0", "second");
    expect(codeOf((await read(`"${md5("first")}"`)).text)).toBe("PreconditionFailed");
  });

  it("of several chunks is read from any place of it", async () => {
    const repository = await Repository.made();
    const content = new Uint8Array(2 * CHUNK_BYTES + 10).fill(97);
    content.set(Buffer.from("around the seam"), CHUNK_BYTES - 6);
    await repository.put("index-0", content);
    const range = `bytes=${CHUNK_BYTES - 6}-${CHUNK_BYTES + 8}`;
    expect((await repository.call("GET", "/index-0", { headers: { range } })).text).toBe("around the seam");
  });

  it("that is deleted is gone, one by one or many at once, and again changes nothing", async () => {
    const repository = await Repository.made();
    for (const key of ["a", "b", "c"]) await repository.put(key, key);
    expect((await repository.call("DELETE", "/a")).status).toBe(204);
    expect((await repository.call("DELETE", "/a")).status).toBe(204);
    const removed = await repository.call("POST", "?delete", { body: deletion(["b", "never-there"]) });
    expect(removed.text).toContain("<Deleted><Key>b</Key></Deleted><Deleted><Key>never-there</Key></Deleted>");
    expect((await repository.list()).keys).toEqual(["c"]);
    const quiet = await repository.call("POST", "/?delete", { body: deletion(["c"], "<Quiet>true</Quiet>") });
    expect(quiet.text).not.toContain("Deleted>");
    expect((await repository.list()).keys).toEqual([]);
  });

  it("of the same content as another is stored once, and lies sealed below node 0's prefix", async () => {
    const repository = await Repository.made();
    await repository.put("a", "canary-in-the-repository");
    await repository.put("b", "canary-in-the-repository");
    const keys = await stateObjects(repository.tenant);
    expect(keys).toEqual([`${repository.tenant}/state/indexer-0/1/1/0`]);
    for (const key of keys) expect(await (await env.ARCHIVE.get(key))?.text()).not.toContain("canary");
    await repository.call("DELETE", "/a");
    expect(await repository.get("b")).toBe("canary-in-the-repository");
  });
});

describe("a listing", () => {
  const names = ["index-0", "indices/a/0/__1", "indices/a/0/__2", "indices/a/meta", "indices/b/0/__1", "snap-1"];
  const filled = async () => {
    const repository = await Repository.made();
    for (const name of names) await repository.put(name, name);
    return repository;
  };

  it("has the names below a prefix, and folders up to the delimiter", async () => {
    const repository = await filled();
    expect((await repository.list("&prefix=indices/a/")).keys).toEqual(names.slice(1, 4));
    const top = await repository.list("&delimiter=/");
    expect(top).toEqual({ keys: ["index-0", "snap-1"], prefixes: ["indices/"], token: "" });
    const below = await repository.list("&prefix=indices/a/&delimiter=/");
    expect(below).toEqual({ keys: ["indices/a/meta"], prefixes: ["indices/a/0/"], token: "" });
    expect((await repository.list("&prefix=none")).keys).toEqual([]);
  });

  it.each(["", "&delimiter=/&prefix=indices/"])(
    "goes on page by page where the page before ended (%j)",
    async (more) => {
      const repository = await filled();
      const whole = await repository.list(more);
      const found = { keys: [] as string[], prefixes: [] as string[] };
      let token = "";
      do {
        const page = await repository.list(`${more}&max-keys=1${token && `&continuation-token=${token}`}`);
        expect(page.keys.length + page.prefixes.length).toBe(1);
        found.keys.push(...page.keys);
        found.prefixes.push(...page.prefixes);
        token = page.token;
      } while (token);
      expect(found).toEqual({ keys: whole.keys, prefixes: whole.prefixes });
      expect((await repository.list("&start-after=indices/b")).keys).toEqual(names.slice(4));
    },
  );

  it.each([
    ["&prefix=<x>", "InvalidArgument"],
    ["&delimiter=a", "InvalidArgument"],
    ["&max-keys=x", "InvalidArgument"],
    ["&versions", "NotImplemented"],
  ])("is refused for %s", async (query, code) => {
    const { text } = await (await Repository.made()).call("GET", `?list-type=2${query}`);
    expect(codeOf(text)).toBe(code);
  });
});

describe("a write", () => {
  it.each([
    ["content-md5", Buffer.from(md5("x"), "hex").toString("base64"), "BadDigest"],
    ["x-amz-content-sha256", sha256("x"), "XAmzContentSHA256Mismatch"],
    ["x-amz-checksum-crc32", crc32Of("x"), "BadDigest"],
    ["x-amz-checksum-sha256", Buffer.from(sha256("x"), "hex").toString("base64"), "BadDigest"],
  ])("is held against its %s", async (name, value, code) => {
    const repository = await Repository.made();
    expect((await repository.put("a", "x", { [name]: value })).status).toBe(200);
    expect(codeOf((await repository.put("b", "y", { [name]: value })).text)).toBe(code);
    expect((await repository.list()).keys).toEqual(["a"]);
  });

  it.each([
    ["/a?acl", {}],
    ["/a?tagging", {}],
    ["/a?partNumber=1", {}],
    ["/a", { "x-amz-copy-source": "/snapshots/b" }],
    ["/a", { "if-none-match": "*" }],
    ["/a", { "if-match": "x" }],
    ["/a", { "x-amz-checksum-crc64nvme": "AAAAAAAAAAA=" }],
  ])("that asks for something else than a write writes nothing (%s %j)", async (path, headers) => {
    const repository = await Repository.made();
    expect(codeOf((await repository.call("PUT", path, { body: "x", headers })).text)).toBe("NotImplemented");
    expect((await repository.list()).keys).toEqual([]);
  });

  it("beyond a piece, the pieces there may be or the quota is refused, and the tenant shows the last", async () => {
    const repository = await Repository.made();
    REPOSITORY.pieceBytes = 100;
    expect(codeOf((await repository.put("a", "x".repeat(101))).text)).toBe("EntityTooLarge");
    const long = `65\r\n${"x".repeat(101)}\r\n0\r\n\r\n`;
    expect(codeOf((await repository.put("a", long, unsigned(100))).text)).toBe("EntityTooLarge");
    expect(await stateObjects(repository.tenant)).toEqual([]);
    REPOSITORY.pieces = 1;
    expect((await repository.put("a", "x".repeat(100))).status).toBe(200);
    expect((await repository.put("b", "x")).status).toBe(403);
    REPOSITORY.pieces = bounds.pieces;
    limits.indexer = 100;
    expect(codeOf((await repository.put("b", "x")).text)).toBe("AccessDenied");
    await expect.poll(async () => (await getTenant(repository.tenant)).state_trouble?.code).toBe("STATE_TOO_LARGE");
  });

  it("is to be sent again while the bucket does not answer, and the tenant shows it", async () => {
    const repository = await Repository.made();
    env.ARCHIVE.put = () => Promise.reject(new Error("R2 is away"));
    const answer = await repository.put("a", "x");
    expect([answer.status, codeOf(answer.text)]).toEqual([503, "SlowDown"]);
    await expect.poll(async () => (await getTenant(repository.tenant)).state_trouble?.code).toBe("STATE_NOT_SAVED");
    env.ARCHIVE.put = put;
    expect((await repository.put("a", "x")).status).toBe(200);
  });

  it("that breaks off leaves nothing behind", async () => {
    const repository = await Repository.made();
    const half = `${CHUNK_BYTES.toString(16)}\r\n${"x".repeat(CHUNK_BYTES)}\r\n`;
    expect(codeOf((await repository.put("a", half, unsigned(2 * CHUNK_BYTES))).text)).toBe("IncompleteBody");
    const { "x-amz-decoded-content-length": _, ...untold } = unsigned(0);
    expect(codeOf((await repository.put("a", half, untold)).text)).toBe("MissingContentLength");
    expect([(await repository.list()).keys, await stateObjects(repository.tenant)]).toEqual([[], []]);
  });

  it.each(["a/b/c/d/e/f/g", "a/.", "x".repeat(201)])("needs a key that has a place: not %s", async (key) => {
    const repository = await Repository.made();
    expect((await repository.put(key, "x")).status).toBeGreaterThanOrEqual(400);
    expect((await repository.list()).keys).toEqual([]);
  });

  it("many of them are named in an order that is read once, whatever it holds", async () => {
    const repository = await Repository.made();
    const hostile = "<Object>".repeat(100_000);
    const started = Date.now();
    expect(codeOf((await repository.call("POST", "?delete", { body: hostile })).text)).toBe("MalformedXML");
    expect(Date.now() - started).toBeLessThan(2000);
    const many = deletion(Array.from({ length: 1001 }, (_, at) => `k${at}`));
    expect(codeOf((await repository.call("POST", "?delete", { body: many })).text)).toBe("MalformedXML");
    const large = deletion(["x".repeat(1024 * 1024)]);
    expect(codeOf((await repository.call("POST", "?delete", { body: large })).text)).toBe("MalformedXML");
  });
});

describe("a repository", () => {
  it("is its own tenant's: another one sees nothing of it", async () => {
    const mine = await Repository.made();
    await mine.put("a", "mine");
    const other = await Repository.made();
    expect(await other.get("a")).toBe("404 NoSuchKey");
    expect((await other.list()).keys).toEqual([]);
  });

  it("is shared by the indexers of a tenant, each as long as its start is the newest", async () => {
    const first = await Repository.made();
    await first.put("a", "of node 0");
    const second = new Repository(first.tenant, 1, 1);
    expect(await second.get("a")).toBe("of node 0");
    await second.put("b", "of node 1");
    expect(await first.get("b")).toBe("of node 1");
    expect(codeOf((await new Repository(first.tenant, -1, 1).put("c", "x")).text)).toBe("AccessDenied");
  });

  it.each(["manager", "dashboard", "certs"] as const)("is out of a %s's reach", async (role) => {
    const { tenant } = await Repository.made();
    const stranger = new Repository(tenant, 1, 0, role);
    expect((await stranger.call("GET", "?list-type=2")).status).toBe(403);
    expect((await stranger.put("a", "x")).status).toBe(403);
  });

  it.each(["GET", "HEAD", "PUT", "DELETE", "POST"])("does not answer a container before to %s", async (method) => {
    const older = await Repository.made();
    await older.put("a", "older");
    const newer = await older.next();
    const query = method === "POST" ? "?uploads" : "";
    expect((await older.call(method, `/a${query}`)).status).toBe(403);
    expect(await newer.get("a")).toBe("older");
  });

  it("has no other bucket, and no path that climbs", async () => {
    const repository = await Repository.made();
    for (const path of ["-of-others/a", "/%2e%2e/a", "/a//b", "/a/..", "/a%00"])
      expect([400, 403]).toContain((await repository.call("PUT", path, { body: "x" })).status);
    expect((await repository.list()).keys).toEqual([]);
  });
});
