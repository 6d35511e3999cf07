/**
 * Which lists a manager loads: its settings name each (`<ruleset><list>` of ossec.conf), and no cluster brings them to its
 * workers. The entries for content stand between two comments, so that `images/manager/state.py` can tell them from what
 * people changed. Source: Wazuh 4.14, "Using CDB lists".
 */
import type { RulesetCalls } from "./ruleset_calls";

const BEGIN = "<!-- lists of custom content -->";
const END = "<!-- end of the lists of custom content -->";
const BLOCK = new RegExp(`[ \\t]*${BEGIN}[\\s\\S]*?${END}\\r?\\n?`, "g");
const RULESET_END = /[ \t]*<\/ruleset>/;

/**
 * Settings that load exactly these lists beside what they load anyway.
 * @returns null where they have no rule set that a list could be added to
 */
export function withLists(settings: string, names: string[]): string | null {
  const bare = settings.replace(BLOCK, "");
  const missing = names.filter((name) => !bare.includes(`<list>etc/lists/${name}</list>`)).sort();
  if (missing.length === 0) return bare;
  if (!RULESET_END.test(bare)) return null;
  const entries = missing.map((name) => `    <list>etc/lists/${name}</list>\n`).join("");
  // A function, because names may hold what a replacement would read as its own.
  return bare.replace(RULESET_END, (end) => `    ${BEGIN}\n${entries}    ${END}\n${end}`);
}

/**
 * Has a manager load these lists.
 * @param node name of a worker; missing: the manager itself
 * @returns why it refused, in its words; null where it loads them
 */
export async function loadLists(manager: RulesetCalls, names: string[], node?: string): Promise<string | null> {
  const before = await manager.settings(node);
  const after = withLists(before, names);
  if (after === null) return "its settings have no <ruleset>";
  return after === before ? null : manager.putSettings(after, node);
}
