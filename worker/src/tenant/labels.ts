/**
 * How the labels of a token reach its agents: by a group of their own, whose agent.conf holds them.
 *
 * An agent knows labels from its own file or from its groups' (Wazuh 4.x, `<labels>`); only the latter can be given to it
 * later, whatever installed it. It tells them in its keepalives, and its alerts carry them as `agent.labels`.
 */
import type { TokenDefinition } from "./tokens";

type Labels = TokenDefinition["labels"];

/** A group, and what its agents share beyond what every group does. */
export interface GroupOfAgents {
  name: string;
  /** An agent.conf; missing: whatever the manager has for the group. */
  configuration?: string;
}

/** The groups that a token's agents are put into: those that it names, and one for its labels. */
export function groupsOf(token: string, groups: string[], labels: Labels): GroupOfAgents[] {
  const named = groups.map((name) => ({ name }));
  if (Object.keys(labels).length === 0) return named;
  return [...named, { name: `token-${token}`, configuration: configurationWith(labels) }];
}

function configurationWith(labels: Labels): string {
  const lines = Object.entries(labels).map(
    ([key, text]) => `    <label key="${escaped(key)}">${escaped(text)}</label>\n`,
  );
  return `<agent_config>\n  <labels>\n${lines.join("")}  </labels>\n</agent_config>\n`;
}

const ENTITIES: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

/** New labels hold none of these; one from before must not become a setting of its agents. */
const escaped = (text: string) => text.replaceAll(/[&<>"]/g, (found) => ENTITIES[found] ?? "");
