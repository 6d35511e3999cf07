import { createHash } from "node:crypto";
import { afterEach, describe, expect, it } from "vitest";
import { REPOSITORY } from "../src/state/limits";
import { codeOf, crc32Of, md5, partXml, Repository, unsigned } from "./support/repository";
import { stateObjects } from "./support/state";

const bounds = { ...REPOSITORY };
afterEach(() => {
  Object.assign(REPOSITORY, bounds);
});

describe("an upload in parts", () => {
  it("makes one object of its parts, in their order", async () => {
    const repository = await Repository.made();
    const made = await repository.putParts("big", ["one ", "two ", "three"]);
    const sums = ["one ", "two ", "three"].map(md5).join("");
    const etag = `${createHash("md5").update(Buffer.from(sums, "hex")).digest("hex")}-3`;
    expect(made.text).toContain(`<ETag>&quot;${etag}&quot;</ETag>`);
    expect(await repository.get("big")).toBe("one two three");
    expect((await repository.call("HEAD", "/big")).headers.get("etag")).toBe(`"${etag}"`);
    await repository.put("big", "small now");
    expect(await repository.get("big")).toBe("small now");
  });

  it("is nothing before it is completed, nor after it was aborted", async () => {
    const repository = await Repository.made();
    const upload = await repository.openUpload("big");
    const part = `/big?partNumber=1&uploadId=${upload}`;
    expect((await repository.call("PUT", part, { body: "x" })).status).toBe(200);
    expect((await repository.list()).keys).toEqual([]);
    expect((await repository.call("DELETE", `/big?uploadId=${upload}`)).status).toBe(204);
    expect(codeOf((await repository.call("PUT", part, { body: "x" })).text)).toBe("NoSuchUpload");
    expect(codeOf((await repository.complete("big", upload, [partXml(1, md5("x"))])).text)).toBe("NoSuchUpload");
  });

  it.each([
    [[partXml(2, md5("x"))], "InvalidPart"],
    [[partXml(1, md5("other"))], "InvalidPart"],
    [[partXml(1, md5("x")), partXml(1, md5("x"))], "InvalidPartOrder"],
    [[], "MalformedXML"],
    [["<Part><PartNumber>1"], "MalformedXML"],
    [[partXml(0, md5("x"))], "InvalidArgument"],
  ])("is not completed by %j", async (parts, code) => {
    const repository = await Repository.made();
    const upload = await repository.openUpload("big");
    await repository.call("PUT", `/big?partNumber=1&uploadId=${upload}`, { body: "x" });
    expect(codeOf((await repository.complete("big", upload, parts)).text)).toBe(code);
    expect((await repository.list()).keys).toEqual([]);
  });

  it("belongs to its key, and to no other", async () => {
    const repository = await Repository.made();
    const upload = await repository.openUpload("big");
    const other = await repository.call("PUT", `/other?partNumber=1&uploadId=${upload}`, { body: "x" });
    expect(codeOf(other.text)).toBe("NoSuchUpload");
  });

  it("is one of a bounded number, of which old ones are forgotten", async () => {
    const repository = await Repository.made();
    REPOSITORY.openUploads = 1;
    expect(await repository.openUpload("a")).not.toBe("");
    expect(codeOf((await repository.call("POST", "/b?uploads")).text)).toBe("SlowDown");
    REPOSITORY.uploadMs = -1;
    expect(await repository.openUpload("b")).not.toBe("");
  });
});

describe("a body in aws-chunked", () => {
  const signed = { "x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "content-encoding": "aws-chunked" };
  const chunk = (text: string) => `${text.length.toString(16)};chunk-signature=${"0".repeat(64)}\r\n${text}\r\n`;
  const framed = (...texts: string[]) => [...texts, ""].map(chunk).join("");
  const trailed = (text: string, ...lines: string[]) =>
    `${text.length.toString(16)}\r\n${text}\r\n0\r\n${lines.map((line) => `${line}\r\n`).join("")}\r\n`;

  it("is taken off its frames, with or without signatures", async () => {
    const repository = await Repository.made();
    const headers = { ...signed, "x-amz-decoded-content-length": "11" };
    expect((await repository.put("a", framed("hello ", "world"), headers)).status).toBe(200);
    expect(await repository.get("a")).toBe("hello world");
    expect((await repository.put("b", trailed("hello"), unsigned(5))).status).toBe(200);
    expect(await repository.get("b")).toBe("hello");
    expect((await repository.put("c", framed(), { ...signed, "x-amz-decoded-content-length": "0" })).status).toBe(200);
    expect(await repository.get("c")).toBe("");
  });

  it("is held against the checksum behind it", async () => {
    const repository = await Repository.made();
    const sum = (text: string) => `x-amz-checksum-crc32:${crc32Of(text)}`;
    expect((await repository.put("a", trailed("hello", sum("hello")), unsigned(5))).status).toBe(200);
    const other = await repository.put("b", trailed("hello", sum("other")), unsigned(5));
    expect([codeOf(other.text), await repository.get("b")]).toEqual(["BadDigest", "404 NoSuchKey"]);
  });

  it.each([
    ["no frames at all", "hello"],
    ["a size that is none", "zz\r\nhello\r\n0\r\n\r\n"],
    ["a chunk that is longer", "4\r\nhello\r\n0\r\n\r\n"],
    ["a chunk that ends early", "8\r\nhello"],
    ["no last chunk", "5\r\nhello\r\n"],
    ["a line without an end", `5;${"x".repeat(5000)}`],
    ["a trailer that is none", "5\r\nhello\r\n0\r\nnothing\r\n\r\n"],
    ["a size beyond all numbers", `${"f".repeat(20)}\r\nhello`],
  ])("is refused for %s", async (_, body) => {
    const repository = await Repository.made();
    expect(codeOf((await repository.put("a", body, unsigned(5))).text)).toBe("IncompleteBody");
    expect([(await repository.list()).keys, await stateObjects(repository.tenant)]).toEqual([[], []]);
  });

  it("is refused where it has another length than was announced", async () => {
    const repository = await Repository.made();
    const answer = await repository.put("a", framed("hello"), { ...signed, "x-amz-decoded-content-length": "6" });
    expect(codeOf(answer.text)).toBe("IncompleteBody");
  });
});
