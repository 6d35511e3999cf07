/** Where the outbox delivers to. Every target drops repeats of the same (tenant, seq). */
import type { EventKind } from "../events/events";
import { ringFeed } from "../feed_bell";
import { deliverChanges, putClusterPlan } from "../store";
import type { TenantContext } from "./context";
import type { OutboxRow, Target } from "./outbox";

export const TARGETS = (ctx: TenantContext): Record<string, Target> => ({
  /** The changes feed and the registry of tenants in D1. */
  changes: async (rows) => {
    await deliverChanges(ctx.env.WAZUH_META, ctx.id, rows);
    await ringFeed(ctx.env);
  },
  /** The tenant's event stream, keyed by the outbox's sequence. */
  stream: async (rows) => {
    await ctx.env.WAZUH_EVENTS.getByName(ctx.id).append(rows.map((row) => eventOf(ctx, row)));
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
