/** Several indexers: whether a node is in the cluster, and the cluster whole. Which of them is asked: nodes/indexer.ts. */
import { z } from "zod";
import { EdgeError } from "../errors";
import type { TenantContext } from "./context";
import { within } from "./deadline";
import { indexerAuthorization } from "./node_env";
import { nodeRow } from "./node_records";
import { nodeStub } from "./nodes/names";
import { NotYet } from "./not_yet";

/** A node with an empty disk is filled by the others; that takes as long as there is much. */
const WHOLE_WITHIN_MS = 30 * 60_000;
const ASK_AGAIN_MS = 1000;
const ANSWER_WITHIN_MS = 10_000;

/** Without a cluster manager OpenSearch answers any but a local question with 503, and late. */
export const CLUSTER_HEALTH = "/_cluster/health?local=true";

const Health = z.object({ status: z.string(), number_of_nodes: z.number(), discovered_cluster_manager: z.boolean() });

/**
 * A node serves once nothing would be lost with any other: the next one may be taken down then.
 * @throws NotYet while that may still come about by itself; EdgeError NODE_NOT_READY after that
 */
export async function requireWhole(ctx: TenantContext, n: number): Promise<void> {
  const count = ctx.record()?.plan?.roles.indexer.count ?? 1;
  const said = await healthAt(ctx, n);
  const isWhole = said?.discovered_cluster_manager && said.number_of_nodes === count && said.status === "green";
  if (isWhole) return;
  const nodes = said ? `${said.number_of_nodes} of ${count} nodes, status ${said.status}` : "it does not say";
  const why = `The indexer ${n} runs, but its cluster is not whole: ${nodes}.`;
  if (ctx.now() - (nodeRow(ctx, "indexer", n)?.ready_at ?? ctx.now()) < WHOLE_WITHIN_MS)
    throw new NotYet("NODE_NOT_READY", why, ASK_AGAIN_MS);
  throw new EdgeError("NODE_NOT_READY", why);
}

async function healthAt(ctx: TenantContext, n: number): Promise<z.output<typeof Health> | null> {
  const headers = { authorization: await indexerAuthorization(ctx, n) };
  const node = nodeStub(ctx.env, ctx.id, "indexer", n);
  const { status, text } = await within(ANSWER_WITHIN_MS, node.ask(9200, CLUSTER_HEALTH, headers));
  if (status !== 200) return null;
  try {
    return Health.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    return null;
  }
}
