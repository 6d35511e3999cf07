import { randomBytes } from "node:crypto";
import { sourceOf } from "../auth/address";
import { EdgeError, type ErrorCode } from "../errors";
import { digest, randomBase62, tokenFrom } from "../ids";
import { versionOf } from "../plan";
import { refuseBinned } from "./bin";
import type { TenantContext } from "./context";
import { noteComing } from "./idle";
import { agentPinnedTo, pin, pinOf } from "./pins";
import { noteGuess, refuseGuesser, spend } from "./rates";
import { nextNumber } from "./removed_agents";
import { rouse } from "./sleep";
import { letsIn, publishToken, type RefusalReason, refusalOf, spendUse, tokenRow, tokenView } from "./tokens";

/** What an installer sends, already checked for its form. */
export interface EnrollRequest {
  /** Id part of the token. */
  token: string;
  /** SHA-256 hex of the whole token. */
  token_sha256: string;
  enrollment_id: string;
  name: string;
  version?: string | undefined;
  /** The installer's own clock, ISO. */
  sent_at?: string | undefined;
  /** SHA-256 hex of the certificate that the agent may show in place of its connector's credential. */
  client_certificate_sha256?: string | undefined;
  address: string;
  /** Its connector shows the agent's own key: on 1515 there is no room in the answer for another credential. */
  connectsByKey?: boolean;
  /** It came by the door of Wazuh 5 agents, which send no enrollment id: theirs follows from token and name. */
  wazuh5?: true;
}

export interface EnrollAnswer {
  agent_id: string;
  /** 64 hex characters: the agent's key. */
  key: string;
  connector: { id: string; secret: string };
  manager_url: string;
}

/** An answer, and whether this very call made the agent. */
export interface Enrolled {
  created: boolean;
  answer: EnrollAnswer;
}

/** The secrets of one agent, as they lie sealed in its row. */
export interface AgentMaterial {
  key: string;
  connectorSecret: string;
}

type AgentRow = { id: string; name: string; token: string; material: string; enrollment_id: string };

const CLOCK_TOLERANCE_MS = 3600 * 1000;
/** Refusals written to feed and stream each minute; a flood is answered all the same, but not recorded one by one. */
const RECORDED_REFUSALS_PER_MINUTE = 60;

type Refused = RefusalReason | "other_name" | "name_taken" | "certificate_taken" | "limit" | "conflict" | "quarantined";

const REFUSALS: Record<Refused, [ErrorCode, string]> = {
  unknown: ["TOKEN_UNKNOWN", "this enrollment token is not known"],
  revoked: ["TOKEN_REVOKED", "this enrollment token was revoked"],
  expired: ["TOKEN_EXPIRED", "this enrollment token has expired"],
  used_up: ["TOKEN_USED_UP", "this enrollment token has no uses left"],
  other_name: ["TOKEN_NOT_FOR_NAME", "this enrollment token is for agents of other names"],
  clock: ["CLOCK_WRONG", "this machine's clock is more than an hour off"],
  name_taken: ["AGENT_NAME_TAKEN", "another agent of this tenant has this name"],
  certificate_taken: ["AGENT_CERTIFICATE_TAKEN", "another agent of this tenant has this certificate"],
  limit: ["AGENT_LIMIT_REACHED", "the tenant has as many agents as its plan allows"],
  conflict: ["ENROLLMENT_CONFLICT", "this enrollment id was used for another token, name or certificate"],
  quarantined: ["AGENT_QUARANTINED", "the agent of this enrollment is quarantined"],
};

export const sealPurpose = (enrollmentId: string) => `agent:${enrollmentId}`;

/** @throws EdgeError WAZUH5_NOT_SERVED where the tenant's manager speaks the protocol of Wazuh 4 alone */
export function requireWazuh5(ctx: TenantContext): void {
  const { plan } = ctx.requireLive();
  if (plan && Number.parseInt(versionOf(plan, "manager"), 10) >= 5) return;
  throw new EdgeError("WAZUH5_NOT_SERVED", "This tenant's manager takes agents of Wazuh 4 only.");
}

/**
 * Enrolls an agent: its id, key, connector credential and the token's use are one transaction.
 *
 * The same enrollment id again gets the same answer, so an installer may repeat a call whose answer was lost.
 *
 * @throws EdgeError with the reason of the refusal, or RATE_LIMITED; a refusal spends no use
 */
export async function enroll(ctx: TenantContext, request: EnrollRequest): Promise<Enrolled> {
  // A machine on 1515 was counted at its door.
  if (!request.connectsByKey) countAttempt(ctx, request);
  // Without a spec there is nothing to enroll into, and nothing to tell a stranger about.
  if (!ctx.record()) throw new EdgeError(...REFUSALS.unknown);
  ctx.requireLive();
  // Whoever holds no good token of the tenant is told neither what it runs nor what becomes of it.
  if (faultOf(ctx, request) === null) {
    refuseBinned(ctx);
    if (request.wazuh5) requireWazuh5(ctx);
  }
  noteComing(ctx);
  const known = ctx.transaction(() => repeated(ctx, request));
  const outcome = known ?? (await fresh(ctx, request));
  if ("refused" in outcome) throw new EdgeError(...REFUSALS[outcome.refused]);
  return { created: outcome.created, answer: await answerOf(ctx, outcome.row) };
}

/** Before anything is waited for, so that of many guesses at once none slips through uncounted. */
function countAttempt(ctx: TenantContext, request: Shown): void {
  const source = sourceOf(request.address);
  refuseGuesser(ctx, "enroll_guesses", source);
  if (faultOf(ctx, request) === "unknown") noteGuess(ctx, "enroll_guesses", source);
  else countUse(ctx, request.token);
}

/** Why the token is not good; null where it is. */
const faultOf = (ctx: TenantContext, { token, token_sha256 }: Shown) =>
  refusalOf(tokenRow(ctx, token), token_sha256, ctx.now());

/** First the token: one that is spread too far must not use up what the tenant's others have. */
function countUse(ctx: TenantContext, token: string): void {
  spend(ctx, "enroll_per_token", token);
  spend(ctx, "enroll_per_tenant");
}

type Outcome = { refused: Refused } | { created: boolean; row: AgentRow };

async function fresh(ctx: TenantContext, request: EnrollRequest): Promise<Outcome> {
  // Sealing waits, so it comes before the transaction; a refused request throws its fresh secrets away.
  const material: AgentMaterial = { key: randomBytes(32).toString("hex"), connectorSecret: randomBase62(22) };
  const sealed = await ctx.seal(sealPurpose(request.enrollment_id), JSON.stringify(material));
  return ctx.transaction(() => repeated(ctx, request) ?? commit(ctx, request, sealed, material));
}

function commit(ctx: TenantContext, request: EnrollRequest, sealed: string, material: AgentMaterial): Outcome {
  const refused = refusal(ctx, request);
  if (refused) return refuse(ctx, request, refused);
  const row = insertAgent(ctx, request, sealed, material);
  announce(ctx, request, row.id);
  ctx.viewChanged();
  rouse(ctx, `Agent ${row.id} was enrolled.`);
  ctx.schedule("push_agents", ctx.now());
  return { created: true, row };
}

/** What an enrollment id that made an agent comes to when it is sent again; null for one that is new. */
function repeated(ctx: TenantContext, request: EnrollRequest): Outcome | null {
  type Row = AgentRow & { quarantined_at: number | null; seen_at: number | null };
  const columns = "id, name, token, material, enrollment_id, quarantined_at, seen_at";
  const query = `SELECT ${columns} FROM agents WHERE enrollment_id = ?`;
  const row = ctx.sql.exec<Row>(query, request.enrollment_id).toArray()[0];
  if (!row) return null;
  const reason = faultOf(ctx, request);
  // The answer holds secrets: whoever repeats must still hold the token, and nobody may have withdrawn it.
  if (reason === "unknown" || reason === "revoked") return refuse(ctx, request, reason);
  const certificate = request.client_certificate_sha256 ?? null;
  const same = row.token === request.token && row.name === request.name && pinOf(ctx, row.id) === certificate;
  if (!same) return refuse(ctx, request, "conflict");
  if (row.quarantined_at !== null) return refuse(ctx, request, "quarantined");
  // Its key has arrived: whoever holds the token now and knows the name must not get it, too.
  return row.seen_at === null ? { created: false, row } : refuse(ctx, request, "name_taken");
}

/** A token as it is shown at a door, and from where. */
export type Shown = Pick<EnrollRequest, "token" | "token_sha256" | "address">;

/**
 * Judges a token at a door where no name is told yet.
 * @throws EdgeError with the reason why it is not good, which feed and stream have too; RATE_LIMITED
 */
export function judgeAtDoor(ctx: TenantContext, visit: Shown): void {
  countAttempt(ctx, visit);
  const reason = faultOf(ctx, visit);
  if (!reason) return;
  throw refuseAtDoor(ctx, { ...visit, name: "" }, reason);
}

/** Notes that a visitor with a good token is refused all the same. @returns what to throw */
export function refuseAtDoor(ctx: TenantContext, visit: Shown & { name: string }, reason: Refused): EdgeError {
  ctx.transaction(() => recordRefusal(ctx, visit, reason));
  return new EdgeError(...REFUSALS[reason]);
}

function refuse(ctx: TenantContext, request: EnrollRequest, reason: Refused): Outcome {
  recordRefusal(ctx, request, reason);
  return { refused: reason };
}

function refusal(ctx: TenantContext, request: EnrollRequest): Refused | null {
  const now = ctx.now();
  const reason = faultOf(ctx, request);
  if (reason) return reason;
  if (request.sent_at && Math.abs(Date.parse(request.sent_at) - now) > CLOCK_TOLERANCE_MS) return "clock";
  if (!letsIn(tokenRow(ctx, request.token), request.name)) return "other_name";
  const taken = ctx.sql.exec("SELECT 1 FROM agents WHERE name = ?", request.name).toArray().length > 0;
  if (taken) return "name_taken";
  const certificate = request.client_certificate_sha256;
  if (certificate && agentPinnedTo(ctx, certificate) !== null) return "certificate_taken";
  if (agentCount(ctx) >= (ctx.record()?.plan?.max_agents ?? 0)) return "limit";
  return spendUse(ctx, request.token) ? null : "used_up";
}

function insertAgent(ctx: TenantContext, request: EnrollRequest, sealed: string, material: AgentMaterial): AgentRow {
  const number = nextNumber(ctx.sql);
  const id = String(number).padStart(3, "0");
  ctx.sql.exec(
    `INSERT INTO agents (id, number, name, token, groups, version, address, credential_sha256, enrollment_id, material,
       enrolled_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ...[id, number, request.name, request.token, tokenRow(ctx, request.token)?.groups ?? "[]", request.version ?? null],
    ...[request.address, credentialDigest(ctx.id, id, request, material), request.enrollment_id, sealed, ctx.now()],
  );
  if (request.client_certificate_sha256) pin(ctx, request.client_certificate_sha256, id);
  return { id, name: request.name, token: request.token, material: sealed, enrollment_id: request.enrollment_id };
}

/** What the agent's connector is known by. */
function credentialDigest(tenant: string, id: string, request: EnrollRequest, material: AgentMaterial): string {
  return digest(request.connectsByKey ? material.key : connectorSecret(tenant, id, material));
}

function announce(ctx: TenantContext, request: EnrollRequest, id: string): void {
  const token = tokenView(ctx, request.token);
  const groups = JSON.parse(tokenRow(ctx, request.token)?.groups ?? "[]") as string[];
  const agent = { id, name: request.name, groups };
  const { enrollment_id, address } = request;
  const data = { token: token.id, uses: token.uses, max_uses: token.max_uses, enrollment_id, agent, address };
  ctx.publish("enrollment", data);
  publishToken(ctx, token.id);
  ctx.emit("enrollment", { outcome: "enrolled", token: token.id, agent, address });
}

function recordRefusal(
  ctx: TenantContext,
  request: Pick<EnrollRequest, "token" | "name" | "address">,
  reason: Refused,
): void {
  const budget = refusalBudget(ctx);
  if (budget.left <= 0) return;
  budget.left -= 1;
  const token = reason === "unknown" ? null : request.token;
  const data = { token, reason, name: request.name, address: request.address };
  ctx.publish("refusal", data);
  ctx.emit("enrollment", { outcome: "refused", ...data });
}

const budgets = new WeakMap<TenantContext, { minute: number; left: number }>();

function refusalBudget(ctx: TenantContext): { left: number } {
  const minute = Math.floor(ctx.now() / 60_000);
  const known = budgets.get(ctx);
  if (known?.minute === minute) return known;
  const fresh = { minute, left: RECORDED_REFUSALS_PER_MINUTE };
  budgets.set(ctx, fresh);
  return fresh;
}

function agentCount(ctx: TenantContext): number {
  return ctx.sql.exec<{ value: number }>("SELECT COUNT(*) AS value FROM agents").one().value;
}

async function answerOf(ctx: TenantContext, row: AgentRow): Promise<EnrollAnswer> {
  const material = JSON.parse(await ctx.open(sealPurpose(row.enrollment_id), row.material)) as AgentMaterial;
  return {
    agent_id: row.id,
    key: material.key,
    connector: { id: connectorId(ctx.id, row.id), secret: connectorSecret(ctx.id, row.id, material) },
    manager_url: `${ctx.settings.publicUrl.replace(/^http/, "ws")}/agents/${ctx.id}/1514`,
  };
}

/** The public half of a connector's credential. */
export const connectorId = (tenant: string, agent: string) => `${tenant}.${agent}`;

const connectorSecret = (tenant: string, agent: string, material: AgentMaterial) =>
  tokenFrom("con", tenant, agent, material.connectorSecret);
