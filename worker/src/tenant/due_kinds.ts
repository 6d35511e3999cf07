/** What is done when a row of the due table comes up. */
import { countAgents, pushAgents } from "./agents";
import { drive } from "./driver";
import type { DueHandler } from "./due";
import type { LiveContext } from "./live_context";
import { pruneAccess } from "./sessions";

export const DUE_KINDS = (ctx: LiveContext): Record<string, DueHandler> => ({
  drive: () => drive(ctx),
  outbox: () => ctx.outbox.flush(),
  push_agents: () => pushAgents(ctx),
  count_agents: () => countAgents(ctx),
  prune_access: async () => pruneAccess(ctx),
});
