/**
 * Brings the content that the plan wants to the managers: place the files, have the manager check them, have it load them.
 *
 * A bundle that the manager refuses leaves nothing behind: what it had before is put back, and the refusal is kept until
 * somebody wants something else. What has to be done is decided in contented.ts.
 */
import { messageOf } from "../errors";
import { log } from "../log";
import type { ContentFile } from "../schemas/content";
import type { Plan } from "../schemas/plan";
import type { Run } from "../schemas/runs";
import {
  type ContentStep,
  contentFiles,
  contentRow,
  noteContent,
  type Refusal,
  refusalOf,
  takesContent,
  wantedContent,
} from "./content";
import { placeContent, Refused } from "./content_place";
import type { TenantContext } from "./context";
import { effortOf, stepError } from "./efforts";
import type { Facts } from "./facts";
import { loadLists } from "./list_entries";
import { MASTER, managerOf } from "./manager";
import type { ManagerApi } from "./manager_api";
import { servingManagers } from "./managers";
import { isClustered, nodeName } from "./node_env";
import { NotYet } from "./not_yet";

const SYNCED_AGAIN_MS = 2000;

/** What decisions know of it; null without a plan. */
export function contentFact(ctx: TenantContext, plan: Plan | null, run: Run | null): Facts["content"] {
  if (!plan) return null;
  const { applied, placed } = contentRow(ctx);
  const wanted = wantedContent(plan);
  return {
    applied: applied === wanted,
    placed: placed === (wanted ?? ""),
    refused: refusalOf(ctx, wanted),
    run: run?.kind === "content" && run.state === "running",
    effort: effortOf(ctx, "content"),
  };
}

/** The acts behind the steps; each may be repeated. */
export const CONTENT_ACTS = {
  content_apply: (ctx: TenantContext) => unlessRefused(ctx, "content_apply", place),
  content_check: (ctx: TenantContext) => unlessRefused(ctx, "content_check", check),
} as const;

type Wanted = { manager: ManagerApi; files: ContentFile[]; digest: string | null };

async function unlessRefused(
  ctx: TenantContext,
  step: ContentStep,
  work: (ctx: TenantContext, one: Wanted) => Promise<void>,
) {
  const wanted = await contentNow(ctx);
  try {
    await work(ctx, wanted);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    await refuse(ctx, wanted, { step, error: stepError(error, "CONTENT_REFUSED") });
  }
}

async function contentNow(ctx: TenantContext): Promise<Wanted> {
  const digest = wantedContent(ctx.requireLive().plan);
  return { manager: await managerOf(ctx), files: digest === null ? [] : await contentFiles(ctx, digest), digest };
}

async function place(ctx: TenantContext, { manager, files, digest }: Wanted): Promise<void> {
  await placeContent(manager, files);
  noteContent(ctx, { placed: digest ?? "" });
}

/** Every manager that serves loads it; their cluster brings the files there, but not the settings. */
async function check(ctx: TenantContext, { manager, files, digest }: Wanted): Promise<void> {
  const clustered = inCluster(ctx);
  const words = await manager.validate(clustered);
  if (words !== null) throw new Refused(fileIn(words, files), words);
  if (clustered) await requireSynced(ctx, manager, files);
  await load(manager, files, clustered ? servingManagers(ctx).map((n) => nodeName("manager", n)) : null);
  noteContent(ctx, { applied: digest, placed: digest ?? "" });
}

const inCluster = (ctx: TenantContext): boolean => {
  const plan = ctx.record()?.plan;
  return plan !== null && plan !== undefined && isClustered(plan, "manager") && servingManagers(ctx).length > 1;
};

async function requireSynced(ctx: TenantContext, manager: ManagerApi, files: ContentFile[]): Promise<void> {
  for (const n of servingManagers(ctx).filter((one) => one !== MASTER)) await loadListsAt(manager, files, n);
  if (!(await manager.rulesetIsSynced()))
    throw new NotYet("CONTENT_NOT_APPLIED", "Not every manager has the files yet.", SYNCED_AGAIN_MS);
}

async function loadListsAt(manager: ManagerApi, files: ContentFile[], n: number): Promise<void> {
  const lists = files.filter(({ kind }) => kind === "lists").map(({ name }) => name);
  const words = await loadLists(manager, lists, nodeName("manager", n));
  if (words !== null) throw new Refused(null, words);
}

/** @throws Refused where it does not load, or loads but for something of these files */
async function load(manager: ManagerApi, files: ContentFile[], nodes: string[] | null): Promise<void> {
  const { refused, warnings } = await manager.reload(nodes);
  if (refused !== null) throw new Refused(fileIn(refused, files), refused);
  for (const words of warnings) {
    const file = fileIn(words, files);
    // What it warns of beside that is not the bundle's.
    if (file !== null) throw new Refused(file, words);
  }
}

/** The file that the manager's words are about: by its name, or by the number of a rule in it. */
export function fileIn(words: string, files: ContentFile[]): string | null {
  // Names stand in quotation marks, or at the end of a path that does.
  const mentioned = new Set(words.split(/[\s'"/:;,()]+/).map((word) => word.replace(/\.$/, "")));
  const named = files.find(({ name }) => mentioned.has(name));
  const numbers = [...words.matchAll(/'(\d{1,6})'/g)].map(([, number]) => number);
  const holding = files.find(
    ({ kind, text }) =>
      kind === "rules" && numbers.some((number) => new RegExp(`\\bid\\s*=\\s*["']${number}["']`).test(text)),
  );
  const found = named ?? holding;
  return found ? `${found.kind}/${found.name}` : null;
}

/** Puts back what the manager had, or nothing where that is refused as well; then the refusal is told. */
async function refuse(ctx: TenantContext, { manager, digest }: Wanted, refusal: Refusal): Promise<void> {
  const { applied } = contentRow(ctx);
  const before = applied === digest ? null : applied;
  const files = before === null ? [] : await contentFiles(ctx, before);
  const back = await putBack(manager, files).then(
    () => before,
    async (reason: unknown) => {
      if (!(reason instanceof Refused)) throw reason;
      log("warn", "the content of before is refused as well", { tenant: ctx.id, error: messageOf(reason) });
      await putBack(manager, []);
      return null;
    },
  );
  ctx.transaction(() => {
    noteContent(ctx, { applied: back, placed: back ?? "", refused: digest, refusal });
    ctx.viewChanged();
  });
}

async function putBack(manager: ManagerApi, files: ContentFile[]): Promise<void> {
  await placeContent(manager, files);
  await load(manager, files, null);
}

/**
 * Before a manager counts as ready: it has what is wanted, whatever its state was saved with. A bundle that it refuses
 * keeps no tenant from detecting attacks; the tenant's view says so.
 */
export async function bringContent(ctx: TenantContext): Promise<void> {
  const plan = ctx.record()?.plan;
  if (!plan || !takesContent(plan)) return;
  const wanted = await contentNow(ctx);
  try {
    if (await placeContent(wanted.manager, wanted.files)) await load(wanted.manager, wanted.files, null);
    noteContent(ctx, { applied: wanted.digest, placed: wanted.digest ?? "" });
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    await refuse(ctx, wanted, { step: "content_apply", error: stepError(error, "CONTENT_REFUSED") });
  }
}

/** The same for one that has its files from the first: its settings and what it loaded are its own. */
export async function bringListsTo(ctx: TenantContext, n: number): Promise<void> {
  const { applied } = contentRow(ctx);
  if (applied === null) return;
  const [manager, files] = [await managerOf(ctx), await contentFiles(ctx, applied)];
  await loadListsAt(manager, files, n);
  await load(manager, files, [nodeName("manager", n)]);
}
