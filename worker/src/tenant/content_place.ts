/** Puts the files of a bundle where the manager keeps them, and takes away the control plane's others. */
import { EdgeError } from "../errors";
import type { ContentFile, ContentKind } from "../schemas/content";
import { type Marks, markOf, marksOf, namedBy, readMarks, sameMarks, writeMarks } from "./content_marks";
import { loadLists } from "./list_entries";
import { NotYet } from "./not_yet";
import type { RulesetCalls } from "./ruleset_calls";

/** Lists before the rules that look into them, decoders before the rules that name them. */
const ORDER: ContentKind[] = ["agent_configuration", "lists", "decoders", "rules"];

/** So many files are put before it is noted that they were: a manager takes only so many calls a minute. */
const NOTED_AFTER = 50;
/** How long one visit puts files; the rest follows after others had their turn. */
const PUT_FOR_MS = 60_000;

/** The manager has said no to a bundle, or to a file of it. */
export class Refused extends EdgeError {
  /**
   * @param file `kind/name` of the file that is to blame; null where that can't be told
   * @param words the manager's own
   */
  constructor(file: string | null, words: string) {
    super("CONTENT_REFUSED", `The manager refused ${file ?? "the bundle"}: ${words}`, [
      { path: file ?? "files", message: words },
    ]);
  }
}

/** Has it refused where there are words of the manager. */
function unless(words: string | null, file: string | null): void {
  if (words !== null) throw new Refused(file, words);
}

/**
 * Brings the manager's files to what the bundle holds; those that it has are left alone.
 * @param files empty for no content
 * @returns whether anything was changed
 * @throws Refused; NotYet where more time is needed; EdgeError where the manager does not answer
 */
export async function placeContent(manager: RulesetCalls, files: ContentFile[]): Promise<boolean> {
  const [marks, wanted] = [await readMarks(manager), marksOf(files)];
  if (sameMarks(marks, wanted)) {
    // Settings come from the image with each container, without the lists.
    if (files.some(({ kind }) => kind === "lists")) await load(manager, files);
    return false;
  }
  const changed = files.filter((file) => marks.get(markOf(file)) !== wanted.get(markOf(file)));
  // What is about to change is not certain until it has changed, whatever happens meanwhile.
  const certain = (mark: string) => (marks.get(mark) === wanted.get(mark) ? (wanted.get(mark) ?? "") : "");
  const noted: Marks = new Map([...marks.keys(), ...wanted.keys()].map((mark) => [mark, certain(mark)]));
  await writeMarks(manager, noted);
  const lists = [...noted.keys()].some((mark) => namedBy(mark).kind === "lists");
  const placing = new Placing(manager, noted, wanted);
  for (const kind of ORDER) {
    const files = changed.filter((file) => file.kind === kind);
    if (kind === "decoders") await putDecoders(manager, placing, files, noted);
    else await placing.put(files);
    if (kind === "lists" && lists) await load(manager, files);
  }
  await removeAll(
    manager,
    [...noted.keys()].filter((mark) => !wanted.has(mark)),
  );
  await writeMarks(manager, wanted);
  return true;
}

/** Rules of before may name decoders that are no more: where that is why they are refused, those rules go first. */
async function putDecoders(manager: RulesetCalls, placing: Placing, files: ContentFile[], noted: Marks): Promise<void> {
  try {
    await placing.put(files);
  } catch (error) {
    const before = [...noted].filter(([mark, sum]) => namedBy(mark).kind === "rules" && sum === "");
    if (!(error instanceof Refused) || before.length === 0) throw error;
    await removeAll(
      manager,
      before.map(([mark]) => mark),
    );
    await placing.put(files);
  }
}

async function load(manager: RulesetCalls, files: ContentFile[]): Promise<void> {
  const names = files.filter(({ kind }) => kind === "lists").map(({ name }) => name);
  unless(await loadLists(manager, names), null);
}

/** Puts files one after the other, and notes now and then how far it is. */
class Placing {
  #done = 0;
  readonly #end = Date.now() + PUT_FOR_MS;

  constructor(
    private readonly manager: RulesetCalls,
    private readonly noted: Marks,
    private readonly wanted: Marks,
  ) {}

  async put(files: ContentFile[]): Promise<void> {
    for (const file of files) {
      const late = Date.now() >= this.#end;
      if (late || (this.#done > 0 && this.#done % NOTED_AFTER === 0)) await writeMarks(this.manager, this.noted);
      if (late) throw new NotYet("CONTENT_NOT_APPLIED", `The manager has ${this.#done} files more.`, 1000);
      unless(await put(this.manager, file), markOf(file));
      this.noted.set(markOf(file), this.wanted.get(markOf(file)) ?? "");
      this.#done += 1;
    }
  }
}

async function put(manager: RulesetCalls, { kind, name, text }: ContentFile): Promise<string | null> {
  if (kind !== "agent_configuration") return manager.putFile(kind, name, text);
  return manager.putGroupConfiguration(name, text);
}

/** The other way round: nothing may name what is gone already. A group stays, for agents may be in it. */
async function removeAll(manager: RulesetCalls, marks: string[]): Promise<void> {
  const gone = marks.map(namedBy);
  for (const kind of [...ORDER].reverse()) {
    for (const { name } of gone.filter((one) => one.kind === kind)) {
      if (kind === "agent_configuration") await manager.emptyGroupConfiguration(name);
      else await manager.removeFile(kind, name);
    }
  }
}
