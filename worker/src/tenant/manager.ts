/** The tenant's manager, as the tenant object reaches it. */
import type { TenantContext } from "./context";
import { type ManagerAgent, ManagerApi } from "./manager_api";
import { MANAGER_API_USER } from "./node_env";
import { nodeStub } from "./nodes/names";

const managers = new WeakMap<TenantContext, ManagerApi>();

/** Its API; one client a tenant object, so that its sign-in is reused. */
export async function managerOf(ctx: TenantContext): Promise<ManagerApi> {
  const known = managers.get(ctx);
  if (known) return known;
  const node = nodeStub(ctx.env, ctx.id, "manager", 0);
  const credential = { username: MANAGER_API_USER, password: await ctx.secret("manager_api") };
  const made = new ManagerApi((request) => node.fetch(request), credential);
  managers.set(ctx, made);
  return made;
}

/** The agents that the manager knows, by id. */
export async function agentsAtManager(ctx: TenantContext): Promise<Map<string, ManagerAgent>> {
  const manager = await managerOf(ctx);
  const agents = await manager.agents(mostAgents(ctx));
  return new Map(agents.map((agent) => [agent.id, agent]));
}

/** A smaller plan leaves the agents that were enrolled before, and what people added in the manager itself may be as many. */
function mostAgents(ctx: TenantContext): number {
  const { enrolled } = ctx.sql.exec<{ enrolled: number }>("SELECT COUNT(*) AS enrolled FROM agents").one();
  return 2 * Math.max(enrolled, ctx.record()?.plan?.max_agents ?? 0) + 1;
}
