/**
 * Which of a manager's files are the control plane's, and what they hold: noted in a list of the manager's own.
 *
 * It goes wherever the files go: into archives, backups and clones, and back to what they were in a restore. So nobody has to
 * remember what some earlier state had. A manager that lies here has its own files put anew, or keeps its own old ones.
 */
import { digest } from "../ids";
import { type ContentFile, type ContentKind, OWN_LIST } from "../schemas/content";
import type { RulesetCalls } from "./ruleset_calls";

/** By `kind/name` the SHA-256 of the text that was put; empty while that is not certain. */
export type Marks = Map<string, string>;

export const markOf = ({ kind, name }: Pick<ContentFile, "kind" | "name">) => `${kind}/${name}`;

/** What the manager is to have noted once it has these files. */
export const marksOf = (files: ContentFile[]): Marks => new Map(files.map((file) => [markOf(file), digest(file.text)]));

const MARK = /^(rules|decoders|lists|agent_configuration)\/([A-Za-z0-9._-]{1,128})$/;

/** Kind and name of a mark. */
export function namedBy(mark: string): { kind: ContentKind; name: string } {
  const [, kind, name] = MARK.exec(mark) ?? [];
  return { kind: kind as ContentKind, name: name ?? "" };
}

export async function readMarks(manager: RulesetCalls): Promise<Marks> {
  const listed = Object.entries(await manager.list(OWN_LIST));
  return new Map(listed.filter(([mark]) => MARK.test(mark)));
}

/** Without a mark the manager needs no list of them. */
export async function writeMarks(manager: RulesetCalls, marks: Marks): Promise<void> {
  if (marks.size === 0) return manager.removeFile("lists", OWN_LIST);
  const lines = [...marks].sort(([a], [b]) => (a < b ? -1 : 1)).map(([mark, sum]) => `${mark}:${sum}\n`);
  await manager.putFile("lists", OWN_LIST, lines.join(""));
}

export const sameMarks = (one: Marks, other: Marks) =>
  one.size === other.size && [...one].every(([mark, sum]) => other.get(mark) === sum);
