/**
 * Custom content: bundles that the control plane stored, which of them is wanted, and which the manager has.
 *
 * A bundle lies in R2 under the tenant's prefix, sealed by its data key, and never changes. What brings it to the manager
 * is in content_work.ts.
 */
import { DataKeySealer } from "../auth/data_key";
import { contentHash } from "../canonical";
import { EdgeError, type ErrorBody } from "../errors";
import { SealedArchive } from "../events/archive";
import { versionOf } from "../plan";
import type { ContentFile, ContentView, PutContent, StoredContent } from "../schemas/content";
import type { Plan } from "../schemas/plan";
import type { TenantContext } from "./context";
import { effortOf } from "./efforts";
import { migrate } from "./schema";

const MIGRATIONS = [
  `CREATE TABLE content_bundles (
     digest TEXT PRIMARY KEY, place TEXT NOT NULL, files INTEGER NOT NULL, bytes INTEGER NOT NULL,
     stored_at INTEGER NOT NULL) STRICT;
   CREATE TABLE content (
     one INTEGER PRIMARY KEY CHECK (one = 1), applied TEXT, before TEXT, refused TEXT, error TEXT) STRICT;
   INSERT INTO content (one) VALUES (1);`,
  "ALTER TABLE content ADD COLUMN placed TEXT NOT NULL DEFAULT ''",
];

/** Brings the tables up to date; runs in the object's constructor. */
export const migrateContent = (storage: DurableObjectStorage) => migrate(storage, "content", MIGRATIONS);

/** The steps that bring content to the managers. */
export type ContentStep = "content_apply" | "content_check";

/** What a manager said against a bundle, and in which step. */
export interface Refusal {
  step: ContentStep;
  error: ErrorBody;
}

/** A bundle that no plan names yet stays this long: it is stored before the plan that names it is sent. */
const UNNAMED_MS = 3600_000;

/** What becomes of the bundles at the manager. */
interface ContentRow {
  /** What the manager has, or had when it ran last. */
  applied: string | null;
  /** What the plan before this one wanted. */
  before: string | null;
  /** The last one that the manager refused, and why. */
  refused: string | null;
  refusal: Refusal | null;
  /** Which bundle's files lie at the manager; empty for none. */
  placed: string;
}

type Row = Omit<ContentRow, "refusal"> & { error: string | null };

/** Erased with the tenant, the row is gone. */
export function contentRow({ sql }: TenantContext): ContentRow {
  const [row] = sql.exec<Row>("SELECT applied, before, refused, error, placed FROM content").toArray();
  const { applied = null, before = null, refused = null, error = null, placed = "" } = row ?? {};
  return { applied, before, refused, refusal: error === null ? null : (JSON.parse(error) as Refusal), placed };
}

/** Why the manager refused what is wanted now. */
export function refusalOf(ctx: TenantContext, wanted: string | null): Refusal | null {
  const { refused, refusal } = contentRow(ctx);
  return wanted !== null && refused === wanted ? refusal : null;
}

/** Notes what became of a bundle at the manager. */
export function noteContent(ctx: TenantContext, news: Partial<Omit<ContentRow, "before">>): void {
  const { applied, placed, refused, refusal } = { ...contentRow(ctx), refused: null, refusal: null, ...news };
  ctx.sql.exec(
    "UPDATE content SET applied = ?, placed = ?, refused = ?, error = ?",
    ...[applied, placed, refused, refusal && JSON.stringify(refusal)],
  );
}

export const wantedContent = (plan: Plan | null | undefined): string | null => plan?.content ?? null;

export function contentView(ctx: TenantContext, plan: Plan | null): ContentView {
  const { applied } = contentRow(ctx);
  const wanted = wantedContent(plan);
  // What keeps it from the manager for good, or for now.
  const error = refusalOf(ctx, wanted)?.error ?? (applied === wanted ? null : effortOf(ctx, "content").error);
  return { wanted, applied, error };
}

/**
 * Stores a bundle; the same again changes nothing.
 * @throws EdgeError CONTENT_MISMATCH where it is not what the digest names
 */
export async function storeContent(ctx: TenantContext, digest: string, body: PutContent) {
  ctx.requireLive();
  const files = inOrder(body.files);
  const computed = contentHash({ files });
  if (computed !== digest)
    throw new EdgeError("CONTENT_MISMATCH", `What was sent is ${computed}, and not what its address names.`);
  // Whoever stores it again is about to name it.
  ctx.sql.exec("UPDATE content_bundles SET stored_at = ? WHERE digest = ?", ctx.now(), digest);
  const known = storedContent(ctx, digest);
  if (known) return { created: false, content: known };
  await keep(ctx, digest, files);
  return { created: true, content: storedContent(ctx, digest) as StoredContent };
}

async function keep(ctx: TenantContext, digest: string, files: ContentFile[]): Promise<void> {
  // A place of its own each time: one that is removed late is never that of what was stored anew.
  const place = `${digest}/${crypto.randomUUID()}`;
  await archiveOf(ctx).put(place, new Uint8Array(Buffer.from(JSON.stringify({ files }))));
  ctx.transaction(() => {
    // The tenant may have gone meanwhile; then its erasure finds what was put.
    ctx.requireLive();
    const bytes = files.reduce((sum, { text }) => sum + Buffer.byteLength(text), 0);
    ctx.sql.exec(
      "INSERT OR REPLACE INTO content_bundles (digest, place, files, bytes, stored_at) VALUES (?, ?, ?, ?, ?)",
      ...[digest, place, files.length, bytes, ctx.now()],
    );
    ctx.schedule("prune_content", ctx.now() + UNNAMED_MS);
  });
}

/** As the digest has them. */
const inOrder = (files: ContentFile[]) =>
  [...files].sort((a, b) => (a.kind === b.kind ? compare(a.name, b.name) : compare(a.kind, b.kind)));
const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

/** What is known of a stored bundle; null where there is none. */
export function storedContent({ sql }: TenantContext, digest: string): StoredContent | null {
  const query = "SELECT digest, files, bytes FROM content_bundles WHERE digest = ?";
  return sql.exec<StoredContent & Record<string, SqlStorageValue>>(query, digest).toArray()[0] ?? null;
}

/** The files of a stored bundle. @throws EdgeError CONTENT_MISSING */
export async function contentFiles(ctx: TenantContext, digest: string): Promise<ContentFile[]> {
  const [row] = ctx.sql.exec<{ place: string }>("SELECT place FROM content_bundles WHERE digest = ?", digest).toArray();
  const bytes = row && (await archiveOf(ctx).get(row.place));
  if (!bytes) throw missing(digest);
  return (JSON.parse(new TextDecoder().decode(bytes)) as PutContent).files;
}

/** From this major version on a manager has no rules of this kind, and no calls about them. */
const WITHOUT_RULES = 5;

export const takesContent = (plan: Plan) => Number.parseInt(versionOf(plan, "manager"), 10) < WITHOUT_RULES;

/**
 * Whether a plan can have the content that it names; a clone brings it along.
 * @throws EdgeError CONTENT_MISSING where it was not stored; CONTENT_UNSUPPORTED for a version that takes none
 */
export function refuseContent(ctx: TenantContext, plan: Plan | null, comesAlong: boolean): void {
  const wanted = wantedContent(plan);
  if (!plan || wanted === null) return;
  if (!takesContent(plan))
    throw new EdgeError("CONTENT_UNSUPPORTED", "A manager of this version takes no rules of Wazuh 4.", [
      { path: "plan.content", message: `can't be brought to version ${versionOf(plan, "manager")}` },
    ]);
  if (!comesAlong && !storedContent(ctx, wanted)) throw missing(wanted);
}

const missing = (digest: string) =>
  new EdgeError("CONTENT_MISSING", `No content ${digest} was stored for this tenant.`);

/** Stores for this tenant, under its own key, what another one has. @throws EdgeError CONTENT_MISSING */
export async function copyContent(ctx: TenantContext, tenant: string, digest: string): Promise<void> {
  if (storedContent(ctx, digest)) return;
  await keep(ctx, digest, await ctx.env.TENANT.getByName(tenant).contentFiles(digest));
}

/** Notes that another plan takes the place of this one; call in the transaction of the intent, before it is stored. */
export function notePlanBefore(ctx: TenantContext, plan: Plan | null): void {
  // Somebody's decision to try (again).
  ctx.sql.exec("UPDATE content SET refused = NULL, error = NULL");
  const present = ctx.record()?.plan;
  if (!present || !plan || wantedContent(present) === wantedContent(plan)) return;
  ctx.sql.exec("UPDATE content SET before = ?", wantedContent(present));
  ctx.schedule("prune_content", ctx.now() + UNNAMED_MS);
}

/** Removes the bundles that nothing names any more. */
export async function pruneContent(ctx: TenantContext): Promise<void> {
  const { applied, before } = contentRow(ctx);
  const named = [wantedContent(ctx.record()?.plan), applied, before];
  const query = "SELECT digest, place, stored_at FROM content_bundles";
  const rows = ctx.sql.exec<{ digest: string; place: string; stored_at: number }>(query).toArray();
  const unnamed = rows.filter(({ digest }) => !named.includes(digest));
  for (const { digest, place } of unnamed.filter(({ stored_at }) => stored_at + UNNAMED_MS <= ctx.now())) {
    // The row first: a plan that names it from here on is refused, and it is stored anew.
    ctx.sql.exec("DELETE FROM content_bundles WHERE digest = ?", digest);
    await archiveOf(ctx).remove(place);
  }
  const young = unnamed.map(({ stored_at }) => stored_at + UNNAMED_MS).filter((at) => at > ctx.now());
  if (young.length > 0) ctx.schedule("prune_content", Math.min(...young));
}

/** For the tenant's erasure. */
export const eraseContent = (ctx: TenantContext): Promise<void> => archiveOf(ctx).removeAll();

const archiveOf = (ctx: TenantContext) =>
  new SealedArchive(ctx.env.ARCHIVE, `${ctx.id}/content/`, new DataKeySealer(() => ctx.dataKey()));
