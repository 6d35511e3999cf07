import { z } from "zod";
import { type ItemRefusal, ManagerRefusal, Text } from "./manager_calls";
import { RulesetCalls } from "./ruleset_calls";

const PAGE = 500;
/** The manager itself is agent 000. */
const MANAGER_ID = "000";
/** "The node does not exist": it is not connected to the master. */
const NOT_THERE = new Set([1730]);
/** "Agent does not exist", "Agent is not in the group": likewise. */
const GONE = new Set([1701]);
const NOT_IN_GROUP = new Set([1734]);
/** "Upgrade procedure could not start. Agent already upgrading": it was asked for before, and the answer was lost. */
const UPGRADING_ALREADY = 1819;

const ManagerAgent = z
  .object({
    id: z.string().regex(/^\d{3,8}$/),
    status: z.enum(["active", "disconnected", "never_connected", "pending"]).catch("pending"),
    version: Text,
    ip: Text,
    lastKeepAlive: Text,
    group: z.array(z.string().max(255)).catch([]),
  })
  .transform(({ version, lastKeepAlive, group, ...agent }) => ({
    ...agent,
    version: version?.replace(/^Wazuh v/, "") ?? null,
    lastKeepAlive: isoTime(lastKeepAlive),
    groups: group,
  }));

/** An agent as the manager sees it. */
export type ManagerAgent = z.output<typeof ManagerAgent>;

const Daemons = z.record(z.string().max(64), z.string().max(64));

const Enrolling = z
  .object({ auth: z.object({ use_password: z.enum(["yes", "no"]) }), "authd.pass": z.string().max(1024).optional() })
  .transform((told) => (told.auth.use_password === "yes" ? (told["authd.pass"] ?? null) : null));

const Joined = z.object({
  status: z.object({
    sync_integrity_free: z.boolean(),
    last_check_integrity: z.object({ date_end_master: z.string().max(64) }),
  }),
});

const UpgradeTask = z.object({ agent: z.string(), status: z.string(), error_msg: Text });

/** How far an upgrade is: it goes on, it is over, or why it failed. What of it is to be known beyond that is in `note`. */
export interface UpgradeState {
  state: "working" | "done" | "failed";
  note: string | null;
}

/** Client of a manager's server API (Wazuh 4.x, port 55000), for the calls the edge needs. */
export class ManagerApi extends RulesetCalls {
  /** All agents but the manager itself. @param most how many there can be; what a manager lists beyond is not read */
  async agents(most: number): Promise<ManagerAgent[]> {
    const agents: ManagerAgent[] = [];
    for (let offset = 0; offset <= most; offset += PAGE) {
      const select = "select=id,name,status,version,ip,lastKeepAlive,group";
      const page = await this.call("GET", `/agents?${select}&limit=${PAGE}&offset=${offset}&sort=%2Bid`);
      const items = page.data?.affected_items ?? [];
      agents.push(...items.flatMap((item) => ManagerAgent.safeParse(item).data ?? []));
      if (items.length < PAGE || offset + PAGE >= (page.data?.total_affected_items ?? 0)) break;
    }
    return agents.filter((agent) => agent.id !== MANAGER_ID);
  }

  /**
   * What a manager says of each of its processes, such as `wazuh-analysisd: running`.
   * @param node name of a worker, which is asked through its master; missing: the manager itself
   */
  async daemons(node?: string): Promise<Record<string, string>> {
    const answer = await this.call("GET", node === undefined ? "/manager/status" : `/cluster/${node}/status`);
    const read = Daemons.safeParse(answer.data?.affected_items[0]);
    if (!read.success) throw new ManagerRefusal("the manager does not say which of its processes run", 200);
    return read.data;
  }

  /**
   * The password that whoever enrolls at this manager has to know; null where none is asked for, or there is none.
   *
   * The daemon that enrolls says itself whether it asks; the API adds the content of the daemon's file.
   */
  async enrollmentPassword(): Promise<string | null> {
    const answer = await this.call("GET", "/manager/configuration/auth/auth");
    const read = Enrolling.safeParse(answer.data?.affected_items[0]);
    if (!read.success) throw new ManagerRefusal("the manager does not say how it enrolls", 200);
    return read.data;
  }

  /** Whether a worker is connected to its master, and has compared its keys, groups and rules with it since then. */
  async hasJoined(node: string): Promise<boolean> {
    const answer = await this.call("GET", `/cluster/healthcheck?nodes_list=${node}`, undefined, NOT_THERE);
    const read = Joined.safeParse(answer.data?.affected_items[0]);
    if (!read.success || !read.data.status.sync_integrity_free) return false;
    // Before the first comparison it is 1970, or no date.
    return Date.parse(read.data.status.last_check_integrity.date_end_master.replace(" ", "T")) > 0;
  }

  /** Registers an agent under a given id and key. */
  async insert(agent: { id: string; name: string; key: string }): Promise<void> {
    await this.call("POST", "/agents/insert", { ...agent, ip: "any" });
  }

  /** Puts an agent into a group that exists. */
  async assign(agent: string, group: string): Promise<void> {
    await this.call("PUT", `/agents/${agent}/group/${encodeURIComponent(group)}`);
  }

  /** Takes an agent out of a group; it stays in the others, or comes into "default". */
  async unassign(agent: string, group: string): Promise<void> {
    await this.call("DELETE", `/agents/${agent}/group/${encodeURIComponent(group)}`, undefined, NOT_IN_GROUP);
  }

  /** Forgets agents with their keys, however lately they were heard. One that is not there is forgotten. */
  async remove(agents: string[]): Promise<void> {
    const which = `agents_list=${agents.join(",")}&status=all&older_than=0s&purge=true`;
    await this.call("DELETE", `/agents?${which}`, undefined, GONE);
  }

  /**
   * Has agents upgraded. @param version such as v4.14.7; null: the manager's own
   * @returns by agent why it was refused; null where its upgrade began
   */
  async upgrade(agents: string[], version: string | null): Promise<Map<string, ItemRefusal | null>> {
    const wanted = version === null ? "" : `&upgrade_version=${encodeURIComponent(version)}`;
    const { refused } = await this.each("PUT", `/agents/upgrade?agents_list=${agents.join(",")}${wanted}`);
    const of = (agent: string) => refused.get(agent) ?? null;
    return new Map(agents.map((agent) => [agent, of(agent)?.code === UPGRADING_ALREADY ? null : of(agent)]));
  }

  /** Has agents restart, which only connected ones can. @returns by agent why it was refused */
  async restart(agents: string[]): Promise<Map<string, ItemRefusal>> {
    const { refused } = await this.each("PUT", `/agents/restart?agents_list=${agents.join(",")}`);
    return refused;
  }

  /** How far the last upgrades of agents are; an agent of which the manager tells nothing is left out. */
  async upgrades(agents: string[]): Promise<Map<string, UpgradeState>> {
    const { done } = await this.each("GET", `/agents/upgrade_result?agents_list=${agents.join(",")}`);
    const tasks = done.flatMap((item) => UpgradeTask.safeParse(item).data ?? []);
    return new Map(tasks.map(({ agent, status, error_msg }) => [agent, upgradeState(status, error_msg)]));
  }
}

/** The task manager's words (`wm_task_manager_decode_status`). Agents before 4.1 can't report how it ended. */
function upgradeState(status: string, error: string | null): UpgradeState {
  if (status === "In queue" || status === "Updating") return { state: "working", note: null };
  if (status === "Updated") return { state: "done", note: null };
  if (status.startsWith("Legacy upgrade"))
    return { state: "done", note: "It can't report how it ended: see its version." };
  return { state: "failed", note: error ?? Text.parse(status) };
}

function isoTime(text: string | null): string | null {
  const time = new Date(text ?? "");
  return Number.isNaN(time.getTime()) ? null : time.toISOString();
}
