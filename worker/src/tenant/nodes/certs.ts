import { z } from "@hono/zod-openapi";
import { EdgeError } from "../../errors";
import { BaseWazuhContainer } from "./base";
import { jsonAnswer } from "./json";

const PORT = 8080;
const MINT_TIMEOUT_MS = 60_000;

const Minted = z.object({
  files: z.record(z.string(), z.string()),
  not_after: z.iso.datetime({ offset: true }),
  fingerprint: z.string().regex(/^[0-9a-f]{64}$/),
});
export type Minted = z.infer<typeof Minted>;

export interface MintRequest {
  days: number;
  nodes: Record<"indexer" | "server" | "dashboard", { name: string; ip: string; node_type?: string }[]>;
}

/** The node that mints a tenant's certificates; it runs only while it does. */
export class CertsContainer extends BaseWazuhContainer {
  protected override async probe(signal: AbortSignal): Promise<boolean> {
    const answer = await this.port(PORT)?.fetch("http://node/health", { signal });
    await answer?.body?.cancel();
    return answer?.ok === true;
  }

  /** A new bundle under a new authority. @throws EdgeError CERTIFICATES_NOT_MINTED */
  async mint(request: MintRequest): Promise<Minted> {
    const port = this.port(PORT);
    if (!port) throw new EdgeError("CERTIFICATES_NOT_MINTED", "The certificates node does not run.");
    const answer = await port.fetch("http://node/mint", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(request),
      signal: AbortSignal.timeout(MINT_TIMEOUT_MS),
    });
    if (!answer.ok) throw new EdgeError("CERTIFICATES_NOT_MINTED", `The certificates node answered ${answer.status}.`);
    const minted = Minted.safeParse(await jsonAnswer(answer));
    if (!minted.success) throw new EdgeError("CERTIFICATES_NOT_MINTED", "The certificates node sent no usable bundle.");
    return minted.data;
  }
}
