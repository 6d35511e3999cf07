/** What the tenant object does: each action of a decision, once. Every one may be repeated after a crash. */
import type { ErrorCode } from "../errors";
import { errorBody } from "../errors";
import { indexSettings } from "../plan";
import type { Plan, Role } from "../schemas/plan";
import { forgetAdopted, verifyAdopted } from "./adopted";
import { agentsMissing } from "./agents";
import {
  activeGeneration,
  authoritiesOf,
  certificateFits,
  filesOf,
  hasPending,
  keepCertificates,
  moveCertificates,
  pendingGeneration,
  publishCertificates,
} from "./certificates";
import { eraseContent } from "./content";
import { bringContent, bringListsTo, CONTENT_ACTS } from "./content_work";
import type { TenantContext } from "./context";
import { proveCredentials } from "./credential_proof";
import { activeCredentials, generateCredentials } from "./credentials";
import { within } from "./deadline";
import { clearEffort, countFailure, postpone, stepError } from "./efforts";
import { certify, keepCertificate, takeInventory } from "./erasure";
import { removeExports } from "./exports/exports";
import type { Action } from "./facts";
import { noteProbe } from "./health_rows";
import { AMONG, certifiedBy, TRUSTS } from "./incarnations";
import { requireWhole } from "./indexers";
import { MASTER } from "./manager";
import { requireJoined } from "./managers";
import { environmentOf, isClustered, mintRequest } from "./node_env";
import { nodeRow, nodeRows, notePrepared, noteStart, prepareSubject, startSubject, takeReport } from "./node_records";
import { anyNodeStub, nodeStub } from "./nodes/names";
import type { StartOrder } from "./nodes/reports";
import { isCutOff } from "./nodes/runtime_words";
import { NotYet } from "./not_yet";
import { PRELUDE_ACTS } from "./preludes";
import { noteVerified, renew, rotationRow, switchOver, turnBack } from "./rotation";
import { eraseRows } from "./schema";
import { noteWakingVerified, rouse, wakingOperation } from "./sleep";
import { takeCounts, tellLastUsage } from "./usage";
import { imageOf, noteUpgradeVerified, rollBack, saveBefore, upgradeRow, useVersion } from "./versions";

/** The certificates node runs for seconds and does little. */
const CERTS_INSTANCE = "basic";

/** An action that hangs must not hold the tenant: it counts as failed, and what it left is looked at again. */
const DEADLINES_MS: Record<Action["do"], number> = {
  start: 60_000,
  stop: 30_000,
  give_up_start: 30_000,
  // A minute of it for content.
  prepare: 180_000,
  mint: 90_000,
  generate: 10_000,
  verify: 60_000,
  erase: 120_000,
  renew: 10_000,
  rouse: 10_000,
  switch: 10_000,
  turn_back: 10_000,
  snapshot: 60_000,
  use_version: 60_000,
  roll_back: 10_000,
  // Nodes save on while nobody waits; what a backup is to hold is read first.
  backup: 120_000,
  put_state: 60_000,
  copy: 240_000,
  content_apply: 120_000,
  content_check: 60_000,
};

type Kind = Action["do"];
type Of<K extends Kind> = Extract<Action, { do: K }>;

/** Under which name failures of an action are counted, and the code of one that nobody expected. */
const ACCOUNTS: Record<Kind, { subject: (action: Action) => string; code: ErrorCode }> = {
  start: { subject: perNode(startSubject), code: "NODE_START_REFUSED" },
  give_up_start: { subject: perNode(startSubject), code: "NODE_NOT_READY" },
  prepare: { subject: perNode(prepareSubject), code: "AGENTS_NOT_PUSHED" },
  mint: { subject: () => "mint", code: "CERTIFICATES_NOT_MINTED" },
  generate: { subject: () => "mint", code: "INTERNAL" },
  verify: { subject: () => "verify", code: "INGEST_NOT_VERIFIED" },
  stop: { subject: () => "stop", code: "INTERNAL" },
  erase: { subject: () => "erase", code: "INTERNAL" },
  renew: { subject: () => "rotation", code: "INTERNAL" },
  rouse: { subject: () => "sleep", code: "INTERNAL" },
  switch: { subject: () => "rotation", code: "INTERNAL" },
  turn_back: { subject: () => "rotation", code: "INTERNAL" },
  snapshot: { subject: () => "version", code: "BACKUP_FAILED" },
  use_version: { subject: () => "version", code: "STATE_UNREADABLE" },
  roll_back: { subject: () => "version", code: "INTERNAL" },
  backup: { subject: () => "prelude", code: "BACKUP_FAILED" },
  put_state: { subject: () => "prelude", code: "STATE_UNREADABLE" },
  copy: { subject: () => "prelude", code: "STATE_UNREADABLE" },
  content_apply: { subject: () => "content", code: "CONTENT_NOT_APPLIED" },
  content_check: { subject: () => "content", code: "CONTENT_NOT_APPLIED" },
};

function perNode(subject: (role: Role, n: number) => string) {
  return (action: Action) => ("n" in action ? subject(action.role, action.n) : action.do);
}

const ACTS: { [K in Kind]: (ctx: TenantContext, action: Of<K>) => Promise<void> } = {
  start: startNode,
  give_up_start: giveUpStart,
  prepare: prepareNode,
  mint,
  generate: (ctx) => generateCredentials(ctx, () => rotationRow(ctx)?.what === "credentials"),
  verify,
  stop: stopNode,
  erase,
  renew: async (ctx) => renew(ctx),
  rouse: async (ctx) => rouse(ctx, "Its certificates are due for renewal."),
  switch: async (ctx) => switchOver(ctx),
  turn_back: async (ctx, { step, error }) => turnBack(ctx, step, error),
  snapshot: saveBefore,
  use_version: (ctx, { role, version }) => useVersion(ctx, role, version),
  roll_back: async (ctx, { step, error }) => rollBack(ctx, step, error),
  ...PRELUDE_ACTS,
  ...CONTENT_ACTS,
};

/** Does the action; a failure is counted and its error kept for the step, never thrown. */
export async function act<K extends Kind>(ctx: TenantContext, action: Of<K>): Promise<void> {
  const { subject, code } = ACCOUNTS[action.do];
  try {
    await within(DEADLINES_MS[action.do], ACTS[action.do as K](ctx, action));
    // A start has succeeded only once the node serves; `takeReport` counts the ones that end before.
    if (action.do !== "start" && action.do !== "give_up_start") clearEffort(ctx, subject(action));
  } catch (error) {
    const told = stepError(error, code);
    if (error instanceof NotYet) postpone(ctx, subject(action), error.afterMs, told);
    else countFailure(ctx, subject(action), told);
  }
}

/** Generations of what a node is given beside its plan. */
interface Given {
  certificate: number;
  /** The certificates that are to take over, or null. */
  pending: number | null;
  credentials: number;
}

export const givenNow = (ctx: TenantContext): Given => ({
  certificate: activeGeneration(ctx),
  pending: pendingGeneration(ctx),
  credentials: activeCredentials(ctx),
});

/** What a node is to be started as: another value means that a running one has to be replaced. */
export function incarnationOf(ctx: TenantContext, plan: Plan, role: Role, given: Given): string {
  const image = imageOf(ctx, plan, role);
  if (role === "certs") return `${image}|${JSON.stringify(mintRequest(plan))}`;
  // An index keeps what it was made with, so other settings mean a new disk, filled again from the journal.
  const settings = role === "indexer" && plan.indexer ? `|${JSON.stringify(indexSettings(plan))}` : "";
  const enrolls = role === "manager" && plan.raw_enrollment ? "|enrolls" : "";
  const clustered = role === "manager" && isClustered(plan, role) ? "|cluster" : "";
  const peers = role === "indexer" && isClustered(plan, role) ? `${AMONG} ${plan.roles.indexer.count}` : "";
  // The others of a cluster have to trust a certificate before one of them may show it.
  const trusts = peers && given.pending !== null ? `${TRUSTS} ${given.pending}` : "";
  // Nodes that were started before there were generations of credentials have the first.
  const others = given.credentials > 1 ? `|credentials ${given.credentials}` : "";
  return `${image}|${plan.roles[role].instance}|${certifiedBy(given.certificate)}${settings}${clustered}${enrolls}${others}${peers}${trusts}`;
}

async function startNode(ctx: TenantContext, { role, n }: Of<"start">): Promise<void> {
  const record = ctx.requireLive();
  const plan = planOf(ctx);
  const instance = role === "certs" ? CERTS_INSTANCE : plan.roles[role].instance;
  // What is active may change while the environment is put together; the node is noted under what it gets.
  const given = givenNow(ctx);
  const { credentials } = given;
  const files = role === "certs" ? null : await certificatesFor(ctx, plan, role, given.certificate);
  const env = await environmentOf(ctx, plan, { role, n }, { credentials, files });
  // So may which version a role uses.
  const image = imageOf(ctx, plan, role);
  const incarnation = incarnationOf(ctx, plan, role, given);
  const start = ctx.transaction(() => noteStart(ctx, { role, n }, { incarnation, instance, credentials }));
  const order: StartOrder = { start, generation: record.generation, image, instance, env };
  try {
    takeReport(ctx, await started(ctx, { role, n }, order), start);
  } catch (error) {
    // Whether it started is unknown; marked absent, it is looked at again before the next start.
    ctx.sql.exec("UPDATE nodes SET state = 'absent' WHERE role = ? AND n = ? AND start = ?", role, n, start);
    throw error;
  }
}

/** An object that finds its way to the containers cut off begins anew; that alone is no failed start. */
async function started(ctx: TenantContext, { role, n }: { role: Role; n: number }, order: StartOrder) {
  const start = () => anyNodeStub(ctx.env, ctx.id, role, n).start(order);
  try {
    return await start();
  } catch (error) {
    if (!isCutOff(error)) throw error;
    return start();
  }
}

/** The nodes of a cluster trust each other's authorities, whichever bundle each of them has by now. */
async function certificatesFor(ctx: TenantContext, plan: Plan, role: Role, generation: number) {
  const files = await filesOf(ctx, generation);
  if (role !== "indexer" || !isClustered(plan, role)) return files;
  return { ...files, "root-ca.pem": await authoritiesOf(ctx) };
}

/** The container is ended; the failure counts as one of its starts. */
async function giveUpStart(ctx: TenantContext, { role, n }: Of<"give_up_start">): Promise<void> {
  const message = `The ${role} ran but did not serve in time and was ended.`;
  countFailure(ctx, startSubject(role, n), errorBody("NODE_NOT_READY", message));
  await stopNode(ctx, { do: "stop", role, n });
}

async function prepareNode(ctx: TenantContext, { role, n }: Of<"prepare">): Promise<void> {
  const start = startOf(ctx, role, n);
  if (role === "manager" && n === MASTER) await prepareMaster(ctx);
  else await prepareOther(ctx, role, n);
  notePrepared(ctx, role, n, start);
}

/** One that does not let the edge in can be given nothing. What agents share in their groups comes before the agents. */
async function prepareMaster(ctx: TenantContext): Promise<void> {
  await proveNew(ctx, "manager", MASTER);
  await bringContent(ctx);
  await agentsMissing(ctx);
}

async function prepareOther(ctx: TenantContext, role: Role, n: number): Promise<void> {
  if (role === "manager") await prepareWorker(ctx, n);
  if (role === "indexer" && isClustered(planOf(ctx), role)) await requireWhole(ctx, n);
  await proveNew(ctx, role, n);
}

async function prepareWorker(ctx: TenantContext, n: number): Promise<void> {
  await requireJoined(ctx, n);
  await bringListsTo(ctx, n);
}

/** Credentials that have just been exchanged are seen to be in use. */
async function proveNew(ctx: TenantContext, role: Role, n: number): Promise<void> {
  if (rotationRow(ctx)?.what === "credentials") await proveCredentials(ctx, role, n);
}

async function mint(ctx: TenantContext): Promise<void> {
  const plan = planOf(ctx);
  const minted = await nodeStub(ctx.env, ctx.id, "certs", 0).mint(mintRequest(plan));
  await keepCertificates(ctx, plan, minted, () => placeOfMinted(ctx, plan));
}

/** What a minted bundle becomes; null where it came too late and nothing waits for it any more. */
function placeOfMinted(ctx: TenantContext, plan: Plan): "pending" | "active" | null {
  if (hasPending(ctx)) return null;
  if (rotationRow(ctx)?.what === "certificates") return "pending";
  return certificateFits(ctx, plan) ? null : "active";
}

async function verify(ctx: TenantContext): Promise<void> {
  const [rotation, upgrade, waking] = [rotationRow(ctx), upgradeRow(ctx), wakingOperation(ctx)];
  const operationId = (rotation ?? upgrade)?.operation_id ?? waking ?? ctx.requireLive().operationId;
  await verifyAdopted(ctx);
  const indexer = nodeStub(ctx.env, ctx.id, "indexer", 0);
  await indexer.verifyIngest(`probe-${operationId}`);
  if (rotation?.what === "credentials") await proveAll(ctx);
  noteProbe(ctx, null);
  forgetAdopted(ctx);
  if (rotation) noteVerified(ctx, rotation);
  else if (upgrade) noteUpgradeVerified(ctx, upgrade);
  else if (waking) noteWakingVerified(ctx, waking);
  else ctx.sql.exec("UPDATE tenant SET verified = ?", operationId);
}

async function proveAll(ctx: TenantContext): Promise<void> {
  const running = nodeRows(ctx).filter(({ state }) => state === "running");
  for (const { role, n } of running) await proveCredentials(ctx, role as Role, n);
}

async function stopNode(ctx: TenantContext, { role, n }: Of<"stop">): Promise<void> {
  const start = startOf(ctx, role, n);
  takeReport(ctx, await anyNodeStub(ctx.env, ctx.id, role, n).stop(), start);
}

/** The newest start that was ordered; what comes back after a wait may belong to an earlier one. */
const startOf = (ctx: TenantContext, role: Role, n: number) => nodeRow(ctx, role, n)?.start ?? 0;

/** Every object of this tenant forgets; then this one does, except for the tombstone. What was used is told before. */
async function erase(ctx: TenantContext): Promise<void> {
  await takeInventory(ctx);
  await takeCounts(ctx);
  for (const row of nodeRows(ctx)) await anyNodeStub(ctx.env, ctx.id, row.role as Role, row.n).erase();
  await ctx.env.WAZUH_EVENTS.getByName(ctx.id).erase();
  await eraseContent(ctx);
  await removeExports(ctx);
  const certificate = await certify(ctx);
  ctx.transaction(() => {
    keepCertificate(ctx, certificate);
    moveCertificates(ctx, "erase");
    publishCertificates(ctx);
    tellLastUsage(ctx);
    eraseRows(ctx.sql);
    ctx.tellKey("");
    ctx.sql.exec("UPDATE tenant SET plan = NULL, verified = NULL, stream = NULL, erased = 1");
    ctx.sql.exec("DELETE FROM due WHERE kind NOT IN ('drive', 'outbox')");
    // Events and plans of a tenant that is gone have no reader; changes tell Django that it is gone.
    ctx.sql.exec("DELETE FROM outbox WHERE target = 'stream'");
  });
  ctx.forget();
}

function planOf(ctx: TenantContext): Plan {
  const plan = ctx.record()?.plan;
  if (!plan) throw new Error("the tenant has no plan");
  return plan;
}
