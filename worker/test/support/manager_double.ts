/** A manager's API at the node's port, as far as the edge uses it; strict where the real one is. */
import { ManagerContainer } from "../../src/index";

export interface Known {
  id: string;
  name: string;
  key: string;
  group: string[];
}

export class Manager {
  agents = new Map<string, Known>();
  groups = new Set(["default"]);
  configurations = new Map<string, string>();
  inserts = 0;
  groupCalls = 0;
  signIns = 0;
  token = "t0";
  /** What is listed of agents in place of those that are there. */
  listed: object[] | null = null;
  /** Ids that were asked to be removed, and how the real API was told that none is too young. */
  removals: { agents: string[]; query: string }[] = [];
  /** What upgrades come to: by agent why one can't begin, or how far it is. */
  upgradeRefusals = new Map<string, [code: number, message: string]>();
  upgradeTasks = new Map<string, { status: string; error_msg?: string }>();
  upgradesAsked: string[] = [];
  /** By agent why it can't restart. */
  restartRefusals = new Map<string, [code: number, message: string]>();
  restarted: string[] = [];
  fail: ((request: Request) => Response | null) | null = null;

  async answer(request: Request): Promise<Response> {
    const { pathname, searchParams, search } = new URL(request.url);
    const failure = this.fail?.(request);
    if (failure) return failure;
    if (pathname === "/security/user/authenticate") {
      this.signIns += 1;
      return Response.json({ data: { token: this.token }, error: 0 });
    }
    if (request.headers.get("authorization") !== `Bearer ${this.token}`) return this.#error(401, 0, "Unauthorized");
    const listed = searchParams.get("agents_list")?.split(",") ?? [];
    if (pathname === "/agents/upgrade_result") return this.#upgrades(listed);
    if (pathname === "/agents/restart") return this.#restart(listed);
    if (pathname === "/agents/upgrade") return this.#upgrade(listed, search);
    if (request.method === "GET") return this.#list();
    if (request.method === "DELETE" && pathname === "/agents") return this.#remove(listed, search);
    if (pathname === "/agents/insert") return this.#insert((await request.json()) as Known);
    if (pathname === "/groups") return this.#addGroup(((await request.json()) as { group_id: string }).group_id);
    const configured = /^\/groups\/(.+)\/configuration$/.exec(pathname)?.[1];
    if (configured) return this.#configure(configured, request);
    const assigned = /^\/agents\/(\d+)\/group\/(.+)$/.exec(pathname);
    if (assigned && request.method === "DELETE") return this.#unassign(assigned[1] as string, assigned[2] as string);
    return assigned
      ? this.#assign(assigned[1] as string, assigned[2] as string)
      : this.#error(404, 4000, "no such call");
  }

  #list(): Response {
    const own = { id: "000", name: "manager", status: "active", group: [] };
    if (this.listed) return Response.json({ data: { affected_items: this.listed }, error: 0 });
    const items = [own, ...[...this.agents.values()].map(({ key: _, ...agent }) => ({ ...agent, status: "active" }))];
    return Response.json({ data: { affected_items: items, total_affected_items: items.length }, error: 0 });
  }

  #insert(agent: Known): Response {
    if (this.agents.has(agent.id)) return this.#error(400, 1708, "There is an agent with the same ID");
    this.inserts += 1;
    this.agents.set(agent.id, { id: agent.id, name: agent.name, key: agent.key, group: ["default"] });
    return Response.json({ data: { id: agent.id, key: "…" }, error: 0 });
  }

  #addGroup(name: string): Response {
    this.groupCalls += 1;
    if (this.groups.has(name)) return this.#error(400, 1711, "The group already exists");
    this.groups.add(name);
    return Response.json({ message: "created", error: 0 });
  }

  async #configure(group: string, request: Request): Promise<Response> {
    if (!this.groups.has(group)) return this.#error(404, 1710, "The group does not exist");
    if (request.headers.get("content-type") !== "application/xml")
      return this.#error(415, 6002, "Invalid content-type");
    this.configurations.set(group, await request.text());
    return Response.json({ message: "Agent configuration was successfully updated", error: 0 });
  }

  #assign(id: string, group: string): Response {
    if (!this.groups.has(group)) return this.#error(400, 1710, "The group does not exist");
    this.agents.get(id)?.group.push(group);
    return Response.json({ data: { affected_items: [id], failed_items: [] }, error: 0 });
  }

  #unassign(id: string, group: string): Response {
    const agent = this.agents.get(id);
    if (!agent?.group.includes(group)) return this.#some([], new Map([[id, [1734, "Agent is not in the group"]]]));
    agent.group = agent.group.filter((name) => name !== group);
    return this.#some([id]);
  }

  #remove(agents: string[], query: string): Response {
    this.removals.push({ agents, query });
    const known = agents.filter((id) => this.agents.delete(id));
    const missing = agents.filter((id) => !known.includes(id));
    return this.#some(known, new Map(missing.map((id) => [id, [1701, "Agent does not exist"]])));
  }

  #upgrade(agents: string[], query: string): Response {
    this.upgradesAsked.push(query);
    const refused = new Map([...this.upgradeRefusals].filter(([id]) => agents.includes(id)));
    const begun = agents.filter((id) => !refused.has(id));
    for (const id of begun) this.upgradeTasks.set(id, { status: "Updating" });
    return this.#some(
      begun.map((agent, task_id) => ({ agent, task_id })),
      refused,
    );
  }

  #restart(agents: string[]): Response {
    const refused = new Map([...this.restartRefusals].filter(([id]) => agents.includes(id)));
    const begun = agents.filter((id) => !refused.has(id));
    this.restarted.push(...begun);
    return this.#some(begun, refused);
  }

  #upgrades(agents: string[]): Response {
    const known = agents.filter((id) => this.upgradeTasks.has(id));
    return this.#some(known.map((agent) => ({ agent, task_id: 1, ...this.upgradeTasks.get(agent) })));
  }

  /** As the real one answers a call for several items: 200, whatever became of them. */
  #some(affected_items: unknown[], refused = new Map<string, [number, string]>()): Response {
    const failed_items = [...refused].map(([id, [code, message]]) => ({ error: { code, message }, id: [id] }));
    const error = failed_items.length === 0 ? 0 : affected_items.length === 0 ? 1 : 2;
    const totals = { total_affected_items: affected_items.length, total_failed_items: failed_items.length };
    return Response.json({ data: { affected_items, failed_items, ...totals }, message: "told", error });
  }

  #error(status: number, error: number, detail: string): Response {
    return Response.json({ title: "Wazuh Error", detail, error }, { status });
  }
}

const prototype = ManagerContainer.prototype as unknown as { port: unknown };
const original = prototype.port;

/** Has every manager node answer with this API, until `noManagers`. */
export function behindManagers(manager: Manager): Manager {
  prototype.port = () => ({ fetch: (url: string, request: Request) => manager.answer(new Request(url, request)) });
  return manager;
}

export function noManagers(): void {
  prototype.port = original;
}
