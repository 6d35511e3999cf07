/** Where the outbox delivers to. Every target drops repeats of the same (tenant, seq). */
import { messageOf } from "../errors";
import type { EventKind } from "../events/events";
import { ringFeed } from "../feed_bell";
import { log } from "../log";
import { deliverChanges, putClusterPlan, putDataKey } from "../store";
import { deliverUsage } from "../usage_store";
import type { TenantContext } from "./context";
import type { OutboxRow, Target } from "./outbox";

export const TARGETS = (ctx: TenantContext): Record<string, Target> => ({
  /** The changes feed and the registry of tenants in D1. */
  changes: async (rows) => {
    await deliverChanges(ctx.env.WAZUH_META, ctx.id, rows);
    // Only a wake-up: readers look by themselves before long, and what was delivered must not stay here for it.
    void ringFeed(ctx.env).catch((error: unknown) => {
      log("warn", "the feed's bell did not ring", { tenant: ctx.id, error: messageOf(error) });
    });
  },
  /** The tenant's event stream, keyed by the outbox's sequence. */
  stream: async (rows) => {
    await ctx.env.WAZUH_EVENTS.getByName(ctx.id).append(rows.map((row) => eventOf(ctx, row)));
  },
  usage: (rows) => deliverUsage(ctx.env.WAZUH_META, ctx.id, rows),
  /** Which key-encryption key the tenant needs, in D1; only the newest row counts. */
  key: async (rows) => {
    const newest = rows.at(-1);
    if (newest) await putDataKey(ctx.env.WAZUH_META, ctx.id, newest.seq, String(newest.data.kek));
  },
  /** The plan's read copy in KV; only the newest row counts. */
  plan: async (rows) => {
    const newest = rows.at(-1);
    if (newest) await putClusterPlan(ctx.env.WAZUH_CLUSTER_CONFIG, ctx.id, newest.data);
  },
});

const eventOf = (ctx: TenantContext, row: OutboxRow) => ({
  key: `${ctx.id}:${row.seq}`,
  kind: row.kind as EventKind,
  data: row.data,
});
