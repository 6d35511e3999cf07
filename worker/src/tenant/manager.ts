/** The tenant's manager as the tenant object reaches it: the master, where there are several. */
import type { TenantContext } from "./context";
import { credentialsAt } from "./credentials";
import { type ManagerAgent, ManagerApi } from "./manager_api";
import { MANAGER_API_USER } from "./node_env";
import { nodeStub } from "./nodes/names";

/** The node that the edge speaks to: it enrolls, groups, and knows what the others know. */
export const MASTER = 0;

const managers = new WeakMap<TenantContext, { credentials: number; api: ManagerApi }>();

/** Its API; one client a tenant object and generation of credentials, so that its sign-in is reused. */
export async function managerOf(ctx: TenantContext): Promise<ManagerApi> {
  const credentials = credentialsAt(ctx, "manager");
  const known = managers.get(ctx);
  if (known?.credentials === credentials) return known.api;
  const api = await apiAt(ctx, MASTER);
  managers.set(ctx, { credentials, api });
  return api;
}

/** The API of one of the tenant's managers, with the credentials that it was started with. */
export async function apiAt(ctx: TenantContext, n: number): Promise<ManagerApi> {
  const password = await ctx.secret("manager_api", credentialsAt(ctx, "manager", n));
  // A stub of its own for each call: one that was there when the node's object ended reaches nobody any more.
  const send = (request: Request) => nodeStub(ctx.env, ctx.id, "manager", n).fetch(request);
  return new ManagerApi(send, { username: MANAGER_API_USER, password });
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
