/** Shutting agents out, one or all that a token let in: no credential of theirs opens anything, and no connection stays. */
import { type AgentView, agentView } from "./agents";
import type { TenantContext } from "./context";
import { managerNumbers } from "./managers";
import { nodeStub } from "./nodes/names";
import { type TokenView, tokenView, withdraw } from "./tokens";

export interface QuarantinedToken {
  token: TokenView;
  /** Agents that are shut out by this token's quarantine, those that were before among them. */
  agents: number;
}

/**
 * Shuts an agent out: its credential is refused from now on and its open connections end.
 * @throws EdgeError AGENT_NOT_FOUND
 */
export async function quarantine(ctx: TenantContext, id: string, reason: string): Promise<AgentView> {
  agentView(ctx, id);
  ctx.transaction(() => {
    if (mark(ctx, "id", id, reason) > 0) ctx.audit("agent.quarantined", "portal", { agent: id, reason });
  });
  await closeConnections(ctx, [id]);
  return agentView(ctx, id);
}

/**
 * Withdraws a token and shuts out every agent that it let in: whoever stole it has nothing left of it.
 *
 * In one transaction, so that no agent comes in between. A repeat closes what a crash left open.
 *
 * @throws EdgeError TOKEN_NOT_FOUND
 */
export async function quarantineToken(ctx: TenantContext, token: string, reason: string): Promise<QuarantinedToken> {
  tokenView(ctx, token);
  const agents = ctx.transaction(() => {
    withdraw(ctx, token);
    const newly = mark(ctx, "token", token, reason);
    if (newly > 0) ctx.audit("token.quarantined", "portal", { token, agents: newly, reason });
    return ctx.sql.exec<{ id: string }>("SELECT id FROM agents WHERE token = ?", token).toArray();
  });
  await closeConnections(
    ctx,
    agents.map(({ id }) => id),
  );
  return { token: tokenView(ctx, token), agents: agents.length };
}

function mark(ctx: TenantContext, column: "id" | "token", value: string, reason: string): number {
  return ctx.sql
    .exec(
      `UPDATE agents SET quarantined_at = ?, quarantine_reason = ? WHERE ${column} = ? AND quarantined_at IS NULL
       RETURNING id`,
      ...[ctx.now(), reason, value],
    )
    .toArray().length;
}

/** Wherever they are connected: also at a node that they were sent to while their own was away. */
export async function closeConnections(ctx: TenantContext, agents: string[]): Promise<void> {
  if (agents.length === 0) return;
  await Promise.all(managerNumbers(ctx).map((n) => nodeStub(ctx.env, ctx.id, "manager", n).closeAgents(agents)));
}
