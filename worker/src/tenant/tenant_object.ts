/** One object a tenant. It owns what runs: spec, runs, nodes, secrets, certificates, and what its other modules keep. */
import { DurableObject } from "cloudflare:workers";
import type { AccessClaims } from "../auth/claims";
import type { Env } from "../bindings";
import { asEdgeError, EdgeError, type ErrorBody, type ErrorCode, type FieldFault } from "../errors";
import type { EnrollLine } from "../gates/enroll";
import type { BackupView, OrderBackup, OrderRehydration, RehydrationView, RestoreBackup } from "../schemas/backups";
import type { ActionTaken } from "../schemas/operators";
import type { ChangeSleep, DeleteTenant, PutTenant, RotateCertificates, RotateCredentials } from "../schemas/orders";
import type { Role, ServingRole } from "../schemas/plan";
import type { TenantView } from "../schemas/tenant";
import { type Admission, admitCertificate, admitConnector, mayConnect, type Verdict } from "./admission";
import {
  type AdmittedRequest,
  admitRequest,
  agentMissing,
  holdBatch,
  type Sender,
  type Urgency,
} from "./agent_requests";
import { type AgentsView, type AgentView, listAgents } from "./agents";
import { once } from "./answers";
import { type BackupPart, listBackups, orderBackup, partsOf } from "./backups";
import { DUE_DEADLINES_MS, DUE_KINDS } from "./due_kinds";
import { type Enrolled, type EnrollRequest, enroll, type Shown } from "./enrollment";
import type { Batch } from "./held_batches";
import { sleepNow } from "./idle";
import { answerForKey, lookAfterKey } from "./key_wrapping";
import { LiveContext } from "./live_context";
import { type AgentRoute, agentRoute, servingManagers } from "./managers";
import { migrateAll } from "./migrations";
import { indexerAuthorization } from "./node_env";
import { askAgain, nodeRows, takeReport } from "./node_records";
import type { NodeReport } from "./nodes/reports";
import { type OperatorOrder, operatorActs } from "./operator_acts";
import { acceptRestore } from "./preludes";
import { spendProof } from "./proofs";
import { type QuarantinedToken, quarantine, quarantineToken } from "./quarantine";
import { admitRaw, enrollByTicket } from "./raw_enrollment";
import { listRehydrations, loadedDays, rehydrate } from "./rehydrations";
import { during } from "./requests";
import { accessStands, admitReader, type RevocationRequest, revoke } from "./revocations";
import { askForRotation } from "./rotation";
import { type BegunRotation, rotateFor } from "./rotation_door";
import { searchableFrom } from "./searchable_days";
import {
  type CodeAnswer,
  type CodeRequest,
  makeCode,
  type Redeemed,
  redeemCode,
  type SessionView,
  useSession,
  waitingSession,
} from "./sessions";
import { askToWake, type Waking } from "./sleep";
import { acceptDeletion, acceptSpec } from "./spec";
import { noteTrouble } from "./state_trouble";
import { putToken, revokeToken, type TokenDefinition, type TokenView, tokenView } from "./tokens";
import { publishView, tenantView } from "./view";

/** What a door's call comes to. */
export type Answer =
  | { told: unknown }
  | { refused: { code: ErrorCode; message: string; details?: FieldFault[]; retryAfterS?: number } };

export class TenantObject extends DurableObject<Env> {
  readonly #ctx: LiveContext;

  constructor(state: DurableObjectState, env: Env) {
    super(state, env);
    migrateAll(state.storage);
    this.#ctx = new LiveContext(state, env);
    lookAfterKey(this.#ctx);
  }

  /** Runs what is due. */
  override async alarm(): Promise<void> {
    await this.#ctx.due.run(DUE_KINDS(this.#ctx), DUE_DEADLINES_MS);
  }

  /** One of the methods below for the Worker's doors, with a refusal as a value; see `tenantAnswering`. */
  async answer(method: string, parameters: unknown[], request?: string): Promise<Answer> {
    try {
      const call = (this as unknown as Record<string, (...given: unknown[]) => unknown>)[method];
      return { told: await during(request, () => call?.apply(this, parameters)) };
    } catch (error) {
      const known = asEdgeError(error);
      if (!known) throw error;
      const { code, message, details, retryAfterS } = known;
      const more = { ...(details ? { details } : {}), ...(retryAfterS === undefined ? {} : { retryAfterS }) };
      return { refused: { code, message, ...more } };
    }
  }

  /** Stores what is wanted and starts to drive towards it. @throws EdgeError by the fence, see spec.ts */
  put(body: PutTenant): Promise<TenantView> {
    acceptSpec(this.#ctx, body);
    return this.#accepted();
  }

  /** Starts the deletion. @throws EdgeError by the fence, see spec.ts */
  remove(body: DeleteTenant): Promise<TenantView> {
    acceptDeletion(this.#ctx, body);
    return this.#accepted();
  }

  /** Has the certificates exchanged under an operation of the control plane. @throws EdgeError, see rotation.ts */
  rotateCertificates({ epoch, operation_id }: RotateCertificates): Promise<TenantView> {
    this.#ctx.requireLive(epoch);
    askForRotation(this.#ctx, operation_id, "certificates", { by: "portal" });
    return this.#accepted();
  }

  /** Has the nodes' passwords exchanged, likewise. @throws EdgeError, see rotation.ts */
  rotateCredentials({ epoch, operation_id }: RotateCredentials): Promise<TenantView> {
    this.#ctx.requireLive(epoch);
    askForRotation(this.#ctx, operation_id, "credentials", { by: "portal" });
    return this.#accepted();
  }

  /** The same as the first for a person or an integration; the same key again is the same operation. */
  async rotateCertificatesFor(claims: AccessClaims, key: string): Promise<BegunRotation> {
    return rotateFor(this.#ctx, claims, key);
  }

  /** Sends the tenant to sleep where nobody uses it. @throws EdgeError, see idle.ts */
  async fallAsleep({ epoch, operation_id }: ChangeSleep): Promise<TenantView> {
    this.#ctx.requireLive(epoch);
    await sleepNow(this.#ctx, operation_id);
    return this.#accepted();
  }

  /** Wakes the tenant. @throws EdgeError, see sleep.ts */
  wakeUp({ epoch, operation_id }: ChangeSleep): Promise<TenantView> {
    this.#ctx.requireLive(epoch);
    askToWake(this.#ctx, operation_id, "portal");
    return this.#accepted();
  }

  /** @throws EdgeError TENANT_UNKNOWN where nothing was ever stored */
  async view(): Promise<TenantView> {
    const view = tenantView(this.#ctx);
    if (!view) throw new EdgeError("TENANT_UNKNOWN", "No tenant has this id.");
    // A deleted tenant's stream is gone; asking for it would make it anew.
    if (view.requested === "deleted") return view;
    return { ...view, stream: await this.env.WAZUH_EVENTS.getByName(this.#ctx.id).position() };
  }

  /** What a node object tells by itself. */
  nodeReported(report: NodeReport): void {
    this.#ctx.transaction(() => {
      takeReport(this.#ctx, report, null);
      this.#ctx.schedule("drive", this.#ctx.now());
    });
  }

  /** What a node object tells of its state's safety; null once it is safe again. */
  stateTrouble(role: Role, n: number, trouble: ErrorBody | null): void {
    if (!this.#ctx.isLive()) return;
    noteTrouble(this.#ctx, role, n, trouble);
    this.#ctx.viewChanged();
  }

  /** Whether the plan has this node; for a node that names another one. */
  hasNode(role: ServingRole, n: number): boolean {
    const record = this.#ctx.record();
    return record?.deleted === false && n < (record.plan?.roles[role].count ?? 0);
  }

  /** Marks a control write's proof as used. @returns false for a replay */
  spendProof(jti: string, expiresAt: number): boolean {
    return spendProof(this.#ctx, jti, expiresAt);
  }

  /** For the sweep: has the object look after its tenant and all its nodes, even if its alarm was lost. */
  wake(): void {
    if (!this.#ctx.record()) return;
    this.#ctx.transaction(() => {
      askAgain(this.#ctx);
      this.#ctx.schedule("drive", this.#ctx.now());
    });
  }

  /** For the sweep: has the object wrap its data key anew where that is due, and say under which key it lies. */
  lookAfterKey(): void {
    answerForKey(this.#ctx);
  }

  /** The data key, for archives that this tenant's other objects write. */
  archiveKey(): Promise<Uint8Array<ArrayBuffer>> {
    this.#ctx.requireLive();
    return this.#ctx.dataKey();
  }

  /** The header with which an indexer's own object writes to it. @param n missing from objects of the version before */
  async indexerAuthorization(n = 0): Promise<string> {
    this.#ctx.requireLive();
    return indexerAuthorization(this.#ctx, n);
  }

  /** Numbers of the indexer nodes beside the first that run. */
  otherIndexers(): number[] {
    if (!this.#ctx.isLive()) return [];
    return nodeRows(this.#ctx).flatMap(({ role, n, state }) =>
      role === "indexer" && n > 0 && state === "running" ? [n] : [],
    );
  }

  /** How many days the plan keeps alerts and events. */
  async retentionDays(): Promise<number> {
    return this.#ctx.requireLive().plan?.retention_days ?? 1;
  }

  /** How many days sealed alerts stay in the archive although snapshots hold them. */
  async archiveDays(): Promise<number> {
    const { plan } = this.#ctx.requireLive();
    return plan?.archive_days ?? plan?.retention_days ?? 1;
  }

  /** Since when alerts lie in the indexer (milliseconds since 1970), and which earlier days were loaded again. */
  async searchable(): Promise<{ since: number; besides: string[] }> {
    const { plan } = this.#ctx.requireLive();
    return { since: searchableFrom(plan?.retention_days ?? 1, this.#ctx.now()), besides: loadedDays(this.#ctx) };
  }

  // Tokens, enrollment and agents; see tokens.ts, enrollment.ts and agents.ts.

  async putToken(id: string, epoch: number, definition: TokenDefinition): Promise<TokenView> {
    return putToken(this.#ctx, id, epoch, definition);
  }

  async revokeToken(id: string, epoch: number): Promise<TokenView> {
    return revokeToken(this.#ctx, id, epoch);
  }

  async token(id: string): Promise<TokenView> {
    return tokenView(this.#ctx, id);
  }

  enroll(request: EnrollRequest): Promise<Enrolled> {
    return enroll(this.#ctx, request);
  }

  /** For the door of Wazuh's own protocol: a ticket for one agent; see raw_enrollment.ts. */
  admitRaw(visit: Shown): Promise<string> {
    return admitRaw(this.#ctx, visit);
  }

  enrollByTicket(line: EnrollLine): Promise<Enrolled> {
    return enrollByTicket(this.#ctx, line);
  }

  agents(): Promise<AgentsView> {
    return listAgents(this.#ctx);
  }

  /** @param key missing from callers of the version before */
  quarantine(agent: string, epoch: number, reason: string, key?: string): Promise<AgentView> {
    this.#ctx.requireLive(epoch);
    const work = () => quarantine(this.#ctx, agent, reason);
    return key === undefined ? work() : once(this.#ctx, `quarantine:${key}`, { agent, reason }, work);
  }

  quarantineToken(token: string, epoch: number, reason: string, key: string): Promise<QuarantinedToken> {
    this.#ctx.requireLive(epoch);
    const work = () => quarantineToken(this.#ctx, token, reason);
    return once(this.#ctx, `quarantine_token:${key}`, { token, reason }, work);
  }

  /** @param address missing from callers of the version before */
  async connector(agent: string, secretDigest: string, address = "unknown"): Promise<Verdict> {
    return (await admitConnector(this.#ctx, agent, secretDigest, address)).verdict;
  }

  certificate(sha256: string, address: string): Promise<Admission> {
    return admitCertificate(this.#ctx, sha256, address);
  }

  /** Which manager nodes an agent's connection goes to. */
  async agentRoute(agent: string): Promise<AgentRoute> {
    return agentRoute(this.#ctx, agent);
  }

  async mayConnect(agent: string): Promise<boolean> {
    return mayConnect(this.#ctx, agent);
  }

  // Requests of Wazuh 5 agents; see agent_requests.ts.

  admitRequest(sender: Sender, urgency: Urgency): Promise<AdmittedRequest> {
    return admitRequest(this.#ctx, sender, urgency);
  }

  holdBatch(sender: Sender, batch: Omit<Batch, "agent">): Promise<void> {
    return holdBatch(this.#ctx, sender, batch);
  }

  async agentMissing(agent: string): Promise<void> {
    agentMissing(this.#ctx, agent);
  }

  /** Numbers of the managers that serve, for what any of them answers to anybody. */
  async servingManagers(): Promise<number[]> {
    return servingManagers(this.#ctx);
  }

  // Backups and the way back to one; see backups.ts and preludes.ts.

  async orderBackup({ epoch, idempotency_key }: OrderBackup): Promise<BackupView> {
    this.#ctx.requireLive(epoch);
    return once(this.#ctx, `backup:${idempotency_key}`, {}, () => orderBackup(this.#ctx, "on-demand"));
  }

  async backups(): Promise<BackupView[]> {
    this.#ctx.requireLive();
    return listBackups(this.#ctx);
  }

  /** For a clone: which archives make up a backup. */
  async backupParts(backup: string): Promise<BackupPart[]> {
    this.#ctx.requireLive();
    return partsOf(this.#ctx, backup);
  }

  async restore(body: RestoreBackup): Promise<TenantView> {
    this.#ctx.requireLive(body.epoch);
    const { idempotency_key, operation_id, backup } = body;
    await once(this.#ctx, `restore:${idempotency_key}`, { operation_id, backup }, () => {
      acceptRestore(this.#ctx, body);
      return true;
    });
    return this.#accepted();
  }

  // Archived days that are searched again; see rehydrations.ts.

  async rehydrate({ epoch, idempotency_key, day }: OrderRehydration): Promise<RehydrationView> {
    this.#ctx.requireLive(epoch);
    return once(this.#ctx, `rehydrate:${idempotency_key}`, { day }, () => rehydrate(this.#ctx, day));
  }

  async rehydrations(): Promise<RehydrationView[]> {
    this.#ctx.requireLive();
    return listRehydrations(this.#ctx);
  }

  // Dashboard codes, sessions and revocations; see sessions.ts and revocations.ts.

  async dashboardCode(request: CodeRequest): Promise<CodeAnswer> {
    return makeCode(this.#ctx, request);
  }

  /** @param address missing from callers of the version before */
  async redeemCode(codeDigest: string, address = "unknown"): Promise<Redeemed> {
    return redeemCode(this.#ctx, codeDigest, address);
  }

  async session(secretDigest: string): Promise<SessionView | null> {
    return useSession(this.#ctx, secretDigest);
  }

  /** What a page shows that waits for the tenant. */
  async waking(secretDigest: string): Promise<Waking | null> {
    return waitingSession(this.#ctx, secretDigest);
  }

  async revoke(request: RevocationRequest): Promise<{ closed: number }> {
    return revoke(this.#ctx, request);
  }

  /** The same for the events' door, which is counted. */
  async admitReader(claims: AccessClaims): Promise<boolean> {
    return admitReader(this.#ctx, claims);
  }

  async accessStands(claims: AccessClaims): Promise<boolean> {
    return accessStands(this.#ctx, claims);
  }

  /** What an operator of the platform asks for; see operator_acts.ts. */
  async operatorActs(order: OperatorOrder): Promise<ActionTaken> {
    return operatorActs(this.#ctx, order);
  }

  #accepted(): Promise<TenantView> {
    this.#ctx.transaction(() => publishView(this.#ctx));
    return this.view();
  }
}
