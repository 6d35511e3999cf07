/** A look into the journal of a tenant's indexer. */
import { env, runInDurableObject } from "cloudflare:test";
import { BlobLog } from "../../src/events/blob_log";
import { nodeStub } from "../../src/tenant/nodes/names";

/** How many documents the tenant's journal was given. */
export function keptOf(tenant: string): Promise<number> {
  return runInDurableObject(nodeStub(env, tenant, "indexer", 0), (_, { storage }) => new BlobLog(storage.sql).last);
}
