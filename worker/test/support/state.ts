/** A node that sends and fetches its state, as its container's requests arrive at the gate. */
import { env, runInDurableObject } from "cloudflare:test";
import { createHash } from "node:crypto";
import type { NodeProps } from "../../src/gates/table";
import { nodeStub } from "../../src/tenant/nodes/names";
import type { StartOrder } from "../../src/tenant/nodes/reports";
import { containerNamed } from "./containers";

export const sha256 = (body: string | Uint8Array) => createHash("sha256").update(body).digest("hex");

export const orderOf = (start: number): StartOrder => ({
  ...{ start, generation: 1, image: "v4147", instance: "standard-2", env: {} },
});

/** The node of a tenant, as the `start`-th container of it. */
export class StateNode {
  constructor(
    readonly tenant: string,
    readonly role: "manager" | "indexer" = "manager",
    readonly start = 1,
  ) {}

  get stub() {
    return nodeStub(env, this.tenant, this.role, 0);
  }

  /** Has the node's object start this container. */
  async started(): Promise<this> {
    await this.stub.start(orderOf(this.start));
    return this;
  }

  /** Has the container end by itself, and its object hear of it. */
  async ends(): Promise<void> {
    await runInDurableObject(this.stub, () => containerNamed(`${this.tenant}:${this.role}:0`, this.role).exit(0));
    while ((await this.stub.report()).state !== "failed") await scheduler.wait(1);
  }

  ask(
    method: string,
    path: string,
    body?: string | Uint8Array<ArrayBuffer>,
  ): Promise<{ status: number; text: string }> {
    const props: NodeProps = { tenant: this.tenant, role: this.role, n: 0, generation: 1, start: this.start };
    return runInDurableObject(env.TENANT.getByName(this.tenant), async (_, state) => {
      const gate = state.exports.Gate({ props });
      const answer = await gate.fetch(
        new Request(`http://state.internal${path}`, { method, ...(body === undefined ? {} : { body }) }),
      );
      return { status: answer.status, text: await answer.text().catch((error: unknown) => `broken off: ${error}`) };
    });
  }

  send(body: string) {
    return this.ask("PUT", `/files/${sha256(body)}`, body);
  }

  /** Sends files and makes an archive of them. */
  async save(files: Record<string, string>): Promise<{ status: number; number?: number; code?: string }> {
    for (const body of Object.values(files)) await this.send(body);
    const listed = Object.entries(files).map(([name, body]) => ({
      name,
      sha256: sha256(body),
      bytes: Buffer.byteLength(body),
    }));
    const { status, text } = await this.ask("POST", "/archives", JSON.stringify({ files: listed }));
    return { status, ...(JSON.parse(text) as object) };
  }

  /** The files of the newest archive by name, or the status. */
  async latest(): Promise<Record<string, string> | number> {
    const { status, text } = await this.ask("GET", "/latest");
    if (status !== 200) return status;
    const { files } = JSON.parse(text) as { files: { name: string; sha256: string }[] };
    const found = await Promise.all(
      files.map(async (file) => [file.name, (await this.ask("GET", `/files/${file.sha256}`)).text]),
    );
    return Object.fromEntries(found);
  }
}

/** Every object of a tenant's state in R2. */
export async function stateObjects(tenant: string): Promise<string[]> {
  return (await env.ARCHIVE.list({ prefix: `${tenant}/state/` })).objects.map(({ key }) => key);
}
