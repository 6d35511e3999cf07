/** What is done when a row of the due table comes up. */
import { workOnOrders } from "./agent_work";
import { countAgents } from "./agents";
import { expireDue, scheduledDue, takeDue } from "./backups";
import { pruneContent } from "./content";
import { drive } from "./driver";
import type { DueHandler } from "./due";
import { expireExportDue, makeDue } from "./exports/exports";
import { checkHealth } from "./health_checks";
import { idleDue } from "./idle";
import { rewrapDue } from "./key_wrapping";
import type { LiveContext } from "./live_context";
import { pushAgents } from "./push";
import { rehydrateDue } from "./rehydrations";
import { replayDue } from "./replay";
import { pruneAccess } from "./sessions";
import { closeHours } from "./usage";

export const DUE_KINDS = (ctx: LiveContext): Record<string, DueHandler> => ({
  drive: () => drive(ctx),
  outbox: () => ctx.outbox.flush(),
  push_agents: () => pushAgents(ctx),
  agent_orders: () => workOnOrders(ctx),
  count_agents: () => countAgents(ctx),
  health: () => checkHealth(ctx),
  usage: () => closeHours(ctx),
  idle: () => idleDue(ctx),
  prune_access: async () => pruneAccess(ctx),
  take_backup: (row) => takeDue(ctx, row),
  expire_backup: (row) => expireDue(ctx, row),
  prune_content: () => pruneContent(ctx),
  daily_backup: () => scheduledDue(ctx),
  make_export: (row) => makeDue(ctx, row),
  expire_export: (row) => expireExportDue(ctx, row),
  rehydrate: (row) => rehydrateDue(ctx, row),
  rewrap: () => rewrapDue(ctx),
  replay: () => replayDue(ctx),
});

/** What may take longer than a minute: a visit acts several times, a push may wait for the one before it. */
export const DUE_DEADLINES_MS = { drive: 10 * 60_000, push_agents: 90_000, take_backup: 10 * 60_000 };
