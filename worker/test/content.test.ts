/** Bundles of custom content as the edge keeps them. What becomes of them at a manager: content_work.test.ts. */
import { env, runInDurableObject } from "cloudflare:test";
import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import type { ErrorBody } from "../src/errors";
import type { ContentFile, StoredContent } from "../src/schemas/content";
import { contentBody, digestOf, putContent } from "./support/calls";
import { deletion, stopped } from "./support/causes";
import { answered, call, newTenantId, PLAN, stoppedTenant } from "./support/edge";
import { getTenant, putTenant, until } from "./support/tenants";

const HOUR_MS = 3600_000;
const file = (kind: string, name: string, text = "x") => ({ kind, name, text });
const refusal = (answer: Promise<Response>, status = 422) => answered<ErrorBody>(answer, status);
const store = (id: string, body: object) => answered<StoredContent>(putContent(id, body), 201);
const want = (id: string, generation: number, content: string | null) =>
  call("PUT", `/v1/tenants/${id}`, stopped(generation, { plan: { ...PLAN, content } }));

const archived = async (id: string) =>
  (await env.ARCHIVE.list({ prefix: `${id}/content/` })).objects.map(({ key }) => key.split("/")[2]);
const filesOf = (id: string, digest: string): Promise<ContentFile[]> => env.TENANT.getByName(id).contentFiles(digest);

/** Lets the clock of the bundles of one tenant jump, and what is due of them happen. */
async function anHourLater(id: string): Promise<void> {
  const stub = env.TENANT.getByName(id);
  await runInDurableObject(stub, async (object, { storage }) => {
    storage.sql.exec("UPDATE content_bundles SET stored_at = stored_at - ?", HOUR_MS);
    storage.sql.exec("UPDATE due SET at = 0 WHERE kind = 'prune_content'");
    await object.alarm();
  });
}

describe("a bundle", () => {
  it("is stored once under the digest of its canonical JSON, however its files are ordered", async () => {
    const id = await stoppedTenant();
    const files = [file("rules", "b.xml", "é\n"), file("lists", "hosts", "a:b"), file("rules", "a.xml", '"')];
    // As the control plane computes it, in Python.
    const canonical =
      '{"files":[{"kind":"lists","name":"hosts","text":"a:b"},{"kind":"rules","name":"a.xml","text":"\\""},' +
      '{"kind":"rules","name":"b.xml","text":"é\\n"}]}';
    const digest = createHash("sha256").update(canonical).digest("hex");
    const told = { digest, files: 3, bytes: 7 };
    expect(await answered(putContent(id, { files }, digest), 201)).toEqual(told);
    expect(await answered(putContent(id, { files: [...files].reverse() }, digest), 200)).toEqual(told);
    expect(await archived(id)).toEqual([digest]);
    expect((await filesOf(id, digest)).map(({ name }) => name)).toEqual(["hosts", "a.xml", "b.xml"]);
  });

  it("is refused under another digest than its own", async () => {
    const id = await stoppedTenant();
    const wrong = refusal(putContent(id, contentBody(), digestOf({})));
    expect(await wrong).toMatchObject({
      code: "CONTENT_MISMATCH",
      message: expect.stringContaining(digestOf(contentBody())),
    });
    expect(await archived(id)).toEqual([]);
  });

  const MIB = 1024 * 1024;
  const unfit: [string, object[], string, string][] = [
    ["two files of one kind and name", [file("rules", "a.xml"), file("rules", "a.xml", "y")], "files", "once"],
    ["a name that leads elsewhere", [file("rules", "../a.xml")], "files.0.name", "must be"],
    ["rules that are no XML by their name", [file("decoders", "a.txt")], "files.0.name", ".xml"],
    ["a list in the edge's own place", [file("lists", "control-plane-content")], "files.0.name", "must not be"],
    ["a list of Wazuh's own rules", [file("lists", "audit-keys")], "files.0.name", "must not be one of"],
    ["a group that is none", [file("agent_configuration", "all")], "files.0.name", "not ., .. or all"],
    ["an empty file", [file("rules", "a.xml", "")], "files.0.text", "must not be empty"],
    ["a file of more than a MiB", [file("lists", "a", "é".repeat(MIB / 2 + 1))], "files.0.text", "1048576 bytes"],
    [
      "more than four MiB together",
      Array.from({ length: 5 }, (_, n) => file("lists", `l${n}`, "x".repeat(MIB))),
      ...(["files", "4194304 bytes together"] as const),
    ],
    ["more than 200 files", Array.from({ length: 201 }, (_, n) => file("lists", `l${n}`)), "files", "200"],
    ["a kind that nobody knows", [file("secrets", "a")], "files.0.kind", ""],
  ];
  it.each(unfit)("is refused with %s", async (_what, files, path, words) => {
    const { code, details } = await refusal(putContent(await stoppedTenant(), { files }));
    expect(code).toBe("INVALID_REQUEST");
    expect(details?.[0]).toEqual({ path, message: expect.stringContaining(words) });
  });

  it("of the largest size is taken", async () => {
    const id = await stoppedTenant();
    const files = Array.from({ length: 4 }, (_, n) => file("lists", `l${n}`, "a:\n".repeat(MIB / 3).padEnd(MIB, "x")));
    expect((await store(id, { files })).bytes).toBe(4 * MIB);
  });

  it("lies sealed: nothing of it can be read in the bucket", async () => {
    const id = await stoppedTenant();
    await store(id, contentBody("<!-- canary -->"));
    const [stored] = (await env.ARCHIVE.list({ prefix: `${id}/content/` })).objects;
    const bytes = await (await env.ARCHIVE.get(stored?.key ?? ""))?.arrayBuffer();
    expect(Buffer.from(bytes ?? new ArrayBuffer(0)).toString("latin1")).not.toContain("canary");
  });

  it("is its own tenant's: nobody else's plan can name it", async () => {
    const [mine, theirs] = [await stoppedTenant(), await stoppedTenant()];
    const { digest } = await store(theirs, contentBody("theirs"));
    expect(await refusal(want(mine, 2, digest), 409)).toMatchObject({ code: "CONTENT_MISSING" });
    expect(await archived(mine)).toEqual([]);
  });

  it("is gone with its tenant's erasure", async () => {
    const id = await stoppedTenant();
    await store(id, contentBody());
    await answered(call("DELETE", `/v1/tenants/${id}`, deletion(2)), 202);
    await until(id, ({ observed }) => observed === "absent");
    expect(await archived(id)).toEqual([]);
  });
});

describe("a plan", () => {
  it("names what was stored, and the tenant says which that is", async () => {
    const id = await stoppedTenant();
    expect((await getTenant(id)).content).toEqual({ wanted: null, applied: null, error: null });
    const { digest } = await store(id, contentBody());
    await answered(want(id, 2, digest), 202);
    expect((await getTenant(id)).content).toEqual({ wanted: digest, applied: null, error: null });
  });

  it("that names what was not stored is refused, and the one before stays", async () => {
    const id = await stoppedTenant();
    expect(await refusal(want(id, 2, digestOf(contentBody())), 409)).toMatchObject({ code: "CONTENT_MISSING" });
    expect(await getTenant(id)).toMatchObject({ generation: 1, content: { wanted: null } });
  });

  it("keeps the bundle of the plan before it; older ones and unnamed ones go within hours", async () => {
    const id = await stoppedTenant();
    const [first, second, third, never] = await Promise.all(
      ["1", "2", "3", "4"].map(async (text) => (await store(id, contentBody(text))).digest),
    );
    for (const [n, digest] of [first, second, third].entries()) await answered(want(id, n + 2, digest ?? null), 202);
    expect((await archived(id)).sort()).toEqual([first, second, third, never].sort());
    await anHourLater(id);
    expect((await archived(id)).sort()).toEqual([second, third].sort());
    expect(await refusal(want(id, 5, never ?? null), 409)).toMatchObject({ code: "CONTENT_MISSING" });
    await answered(want(id, 5, second ?? null), 202);
  });

  it("keeps what was just stored for the plan that is about to name it", async () => {
    const id = await stoppedTenant();
    const { digest } = await store(id, contentBody());
    await anHourLater(id);
    await answered(putContent(id), 201);
    await runInDurableObject(env.TENANT.getByName(id), (object) => object.alarm());
    await answered(want(id, 2, digest), 202);
  });

  it("of before, without a word of content, keeps the hash that it was stored under", async () => {
    const id = newTenantId();
    const spec = stopped();
    await putTenant(id, spec);
    await putTenant(id, spec);
  });
});
