/** An indexer that calls its repository, as its container's requests arrive at the gate. */

import { env, runInDurableObject } from "cloudflare:test";
import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";
import type { NodeProps } from "../../src/gates/table";
import { nodeStub } from "../../src/tenant/nodes/names";
import { containerNamed } from "./containers";
import { stoppedTenant } from "./edge";
import { orderOf, StateNode } from "./state";

export interface Answer {
  status: number;
  headers: Headers;
  text: string;
}

interface Call {
  body?: string | Uint8Array<ArrayBuffer>;
  headers?: Record<string, string>;
}

export class Repository {
  constructor(
    readonly tenant: string,
    readonly start = 1,
    readonly n = 0,
    readonly role: NodeProps["role"] = "indexer",
  ) {}

  /** Of a new tenant whose indexer just started. */
  static async made(): Promise<Repository> {
    return new Repository(await stoppedTenant()).started();
  }

  /** Has the object start this container, which a test plays. */
  async started(): Promise<this> {
    const save = async () => new Response((await this.node.ask("POST", "/snapshots")).text);
    containerNamed(`${this.tenant}:indexer:0`, "indexer").saving = save;
    await this.stub.start(orderOf(this.start));
    return this;
  }

  get node(): StateNode {
    return new StateNode(this.tenant, "indexer", this.start);
  }

  get stub() {
    return nodeStub(env, this.tenant, "indexer", 0);
  }

  /** Has the next container start in place of the one that runs. */
  next(): Promise<Repository> {
    return new Repository(this.tenant, this.start + 1).started();
  }

  /** @param path behind the bucket, with its query */
  call(method: string, path: string, { body, headers = {} }: Call = {}): Promise<Answer> {
    const { tenant, role, n, start } = this;
    return runInDurableObject(env.TENANT.getByName(tenant), async (_, state) => {
      const gate = state.exports.Gate({ props: { tenant, role, n, generation: 1, start } });
      const init = { method, headers, ...(body === undefined ? {} : { body }) };
      const answer = await gate.fetch(new Request(`http://repository.internal/snapshots${path}`, init));
      const text = await answer.text().catch((error: unknown) => `broken off: ${error}`);
      return { status: answer.status, headers: answer.headers, text };
    });
  }

  put(key: string, body: string | Uint8Array<ArrayBuffer>, headers: Record<string, string> = {}): Promise<Answer> {
    return this.call("PUT", `/${key}`, { body, headers });
  }

  async get(key: string): Promise<string> {
    const { status, text } = await this.call("GET", `/${key}`);
    return status === 200 ? text : `${status} ${codeOf(text)}`;
  }

  /** Keys and common prefixes of one page, and the token of the next. */
  async list(query = ""): Promise<{ keys: string[]; prefixes: string[]; token: string }> {
    const { text } = await this.call("GET", `?list-type=2${query}`);
    const inside = (name: string) =>
      [...text.matchAll(new RegExp(`<${name}>([^<]*)</${name}>`, "g"))].map(([, at = ""]) => at);
    const prefixes = [...text.matchAll(/<CommonPrefixes><Prefix>([^<]*)/g)].map(([, at = ""]) => at);
    return { keys: inside("Key"), prefixes, token: inside("NextContinuationToken")[0] ?? "" };
  }

  async openUpload(key: string): Promise<string> {
    const { text } = await this.call("POST", `/${key}?uploads`);
    return /<UploadId>([^<]+)</.exec(text)?.[1] ?? "";
  }

  /** Sends an object in parts; the answer to its completion. */
  async putParts(key: string, parts: string[]): Promise<Answer> {
    const upload = await this.openUpload(key);
    const listed = [];
    for (const [at, body] of parts.entries()) {
      const { headers } = await this.call("PUT", `/${key}?partNumber=${at + 1}&uploadId=${upload}`, { body });
      listed.push(partXml(at + 1, headers.get("etag") ?? ""));
    }
    return this.complete(key, upload, listed);
  }

  complete(key: string, upload: string, parts: string[]): Promise<Answer> {
    const body = `<CompleteMultipartUpload>${parts.join("")}</CompleteMultipartUpload>`;
    return this.call("POST", `/${key}?uploadId=${upload}`, { body });
  }

  /** Makes an archive of what is there, as the edge orders it; its number. */
  async saved(): Promise<number> {
    while ((await this.stub.report()).state !== "running") await scheduler.wait(1);
    return (await this.stub.saveState())?.number ?? 0;
  }

  /** The same without an order: the number, or the code of the refusal. */
  async commit(): Promise<number | string> {
    const { text } = await this.node.ask("POST", "/snapshots");
    const { number, code } = JSON.parse(text) as { number?: number; code?: string };
    return number ?? code ?? "";
  }

  async putInFront(number: number): Promise<number> {
    return (await this.node.ask("POST", "/front", JSON.stringify({ number }))).status;
  }
}

export const codeOf = (xml: string) => /<Code>([^<]+)<\/Code>/.exec(xml)?.[1] ?? xml;
export const partXml = (part: number, etag: string) =>
  `<Part><PartNumber>${part}</PartNumber><ETag>${etag.replaceAll('"', "&quot;")}</ETag></Part>`;
export const deletion = (keys: string[], more = "") =>
  `<Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${more}${keys.map((key) => `<Object><Key>${key}</Key></Object>`).join("")}</Delete>`;

export const md5 = (text: string) => createHash("md5").update(text).digest("hex");
export const crc32Of = (text: string) => {
  const sum = Buffer.alloc(4);
  sum.writeUInt32BE(crc32(text));
  return sum.toString("base64");
};

/** The headers of a body in frames without signatures. @param bytes of its content */
export const unsigned = (bytes: number) => ({
  "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
  "x-amz-decoded-content-length": `${bytes}`,
});
