/**
 * Calls of a manager's server API about its rules, and about what groups of agents share.
 * Source: Wazuh server API reference 4.14 (`/rules`, `/decoders`, `/lists`, `/groups`, `/manager`, `/cluster`, `/logtest`).
 */
import { z } from "zod";
import type { AskLogtest, ContentKind, LogtestResult } from "../schemas/content";
import { ManagerCalls, ManagerRefusal, Text } from "./manager_calls";

/** "The session does not exist": it has ended. */
const NO_SESSION = new Set([7311, 7316]);
/** "The group already exists": what was asked for holds. */
const HOLDS_ALREADY = new Set([1711]);
/** "The group does not exist": nobody gets its configuration. */
const NO_GROUP = new Set([1710]);
/** "File does not exist": it is gone. */
const NO_FILE = 1906;
/** What a reload says of a rule set without fault. */
const LOADED = "Ruleset reload request sent successfully.";
/** What a group is made with. */
const EMPTY_GROUP = "<agent_config>\n  <!-- Shared agent configuration here -->\n</agent_config>\n";

type FileKind = Exclude<ContentKind, "agent_configuration">;

const Told = z.string().transform((text) => Text.parse(text) ?? "");
const LogtestRule = z.object({
  id: z.coerce.string().max(32),
  level: z.coerce.number().int(),
  description: Told,
  groups: z.array(Told).catch([]),
});
const Logtest = z.object({
  token: z
    .string()
    .regex(/^[0-9a-f]{8}$/)
    .nullable()
    .catch(null),
  alert: z.boolean().catch(false),
  messages: z.array(Told).catch([]),
  output: z.object({
    rule: LogtestRule.nullable().catch(null),
    decoder: z.object({ name: Text, parent: Text }).nullable().catch(null),
    data: z.record(z.string(), z.unknown()).catch({}),
    location: Text,
  }),
});

const Listed = z.record(z.string().max(512), z.string().max(512));
const Loaded = z.object({ msg: Text });
const Synced = z.object({ synced: z.boolean() });

/** What came of loading the rules anew: why a manager refused, or what it warned of. */
export interface Reloaded {
  refused: string | null;
  warnings: string[];
}

export class RulesetCalls extends ManagerCalls {
  /** Has an event analysed. @throws ManagerRefusal with what the manager says against it */
  async logtest(asked: Omit<AskLogtest, "keep_session">): Promise<LogtestResult> {
    const answer = await this.call("PUT", "/logtest", asked);
    const read = Logtest.safeParse(answer.data);
    if (!read.success) throw new ManagerRefusal("the manager does not say what it made of the event", 502);
    return read.data;
  }

  /** Ends a session of tests; one that ended by itself is ended. */
  async endLogtest(token: string): Promise<void> {
    await this.call("DELETE", `/logtest/sessions/${token}`, undefined, NO_SESSION);
  }

  /** The entries of a list; none where there is no such list. */
  async list(name: string): Promise<Record<string, string>> {
    const { done } = await this.each("GET", `/lists/files/${name}`);
    return Listed.safeParse(done[0]).data ?? {};
  }

  /** Puts a file in the place of one of that name. @returns why it was refused, in the manager's words; null where it was not */
  putFile(kind: FileKind, name: string, text: string): Promise<string | null> {
    return this.refusal("PUT", `/${kind}/files/${name}?overwrite=true`, octets(text));
  }

  /** Removes a file; one that is not there is gone. */
  async removeFile(kind: FileKind, name: string): Promise<void> {
    const { refused } = await this.each("DELETE", `/${kind}/files/${name}`);
    const why = [...refused.values()].find(({ code }) => code !== NO_FILE);
    if (why) throw new ManagerRefusal(`the manager keeps ${kind}/${name}: ${why.message}`, 400);
  }

  /** Makes a group where it is missing. */
  async makeGroup(group: string): Promise<void> {
    await this.call("POST", "/groups", { group_id: group }, HOLDS_ALREADY);
  }

  /** Replaces what a group's agents share. @param configuration an agent.conf */
  async configureGroup(group: string, configuration: string): Promise<void> {
    await this.call("PUT", `/groups/${encodeURIComponent(group)}/configuration`, configuration);
  }

  /** The same of a group that may be missing. @returns as `putFile` */
  async putGroupConfiguration(group: string, configuration: string): Promise<string | null> {
    await this.makeGroup(group);
    return this.refusal("PUT", `/groups/${encodeURIComponent(group)}/configuration`, configuration);
  }

  /** Has a group's agents share what those of a new group do. */
  async emptyGroupConfiguration(group: string): Promise<void> {
    await this.call("PUT", `/groups/${encodeURIComponent(group)}/configuration`, EMPTY_GROUP, NO_GROUP);
  }

  /** The manager's settings (ossec.conf). @param node name of a worker; missing: the manager itself */
  settings(node?: string): Promise<string> {
    return this.text("GET", `${placeOf(node)}/configuration?raw=true`);
  }

  /** Replaces them. @returns as `putFile` */
  putSettings(text: string, node?: string): Promise<string | null> {
    return this.refusal("PUT", `${placeOf(node)}/configuration`, octets(text));
  }

  /** Has the manager, or each of its cluster, look through settings and rules. @returns what is wrong; null where nothing is */
  validate(clustered: boolean): Promise<string | null> {
    return this.refusal("GET", `/${clustered ? "cluster" : "manager"}/configuration/validation`);
  }

  /** Has rules, decoders and lists loaded anew, without a restart. @param nodes names in the cluster; null: this manager alone */
  async reload(nodes: string[] | null): Promise<Reloaded> {
    const path = nodes ? `/cluster/analysisd/reload?nodes_list=${nodes.join(",")}` : "/manager/analysisd/reload";
    const { done, refused } = await this.each("PUT", path);
    const [first] = refused.values();
    const said = done.flatMap((item) => Loaded.safeParse(item).data?.msg ?? []);
    return { refused: first?.message ?? null, warnings: said.filter((words) => words !== LOADED) };
  }

  /** Whether every worker of the cluster has the master's rules. */
  async rulesetIsSynced(): Promise<boolean> {
    const { done, refused } = await this.each("GET", "/cluster/ruleset/synchronization");
    return refused.size === 0 && done.every((item) => Synced.safeParse(item).data?.synced === true);
  }
}

const octets = (text: string) => new Uint8Array(Buffer.from(text));
const placeOf = (node?: string) => (node === undefined ? "/manager" : `/cluster/${node}`);
