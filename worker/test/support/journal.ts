/** A look into the journal of a tenant's indexer. */
import { env, runInDurableObject } from "cloudflare:test";
import { BlobLog } from "../../src/events/blob_log";
import { isTaken, readBulk } from "../../src/gates/bulk";
import { nodeStub } from "../../src/tenant/nodes/names";

/** Puts alerts of a day into the tenant's journal, as the gate does. @param day YYYY-MM-DD */
export function keepAlerts(tenant: string, day: string, ...ids: string[]): Promise<void> {
  const action = `{"index":{"_index":"wazuh-alerts-4.x-${day.replaceAll("-", ".")}"}}`;
  const body = ids.map((id) => `${action}\n${JSON.stringify({ id, full_log: `log of ${id}` })}\n`).join("");
  return nodeStub(env, tenant, "indexer", 0).keep(readBulk(tenant, 0, body).filter(isTaken));
}

/** How many documents the tenant's journal was given. */
export function keptOf(tenant: string): Promise<number> {
  return runInDurableObject(nodeStub(env, tenant, "indexer", 0), (_, { storage }) => new BlobLog(storage.sql).last);
}
