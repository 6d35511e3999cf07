/** One object a tenant. It owns what runs: spec, runs, nodes, secrets, certificates, and what its other modules keep. */
import type { AccessClaims } from "../auth/claims";
import { EdgeError, type ErrorBody } from "../errors";
import type { Mark } from "../events/alert_mark";
import type { TellTrail, TrailEnds } from "../schemas/audit";
import type { BackupView, OrderBackup, OrderRehydration, RehydrationView, RestoreBackup } from "../schemas/backups";
import type { AskLogtest, ContentFile, LogtestResult, PutContent, StoredContent } from "../schemas/content";
import type { ExportManifest, ExportView, OrderExport } from "../schemas/exports";
import type { ActionTaken } from "../schemas/operators";
import type { ChangeSleep, DeleteTenant, PutTenant, RotateCertificates, RotateCredentials } from "../schemas/orders";
import type { Role, ServingRole } from "../schemas/plan";
import type { SignedReceipt } from "../schemas/receipts";
import type { TenantView } from "../schemas/tenant";
import { noteAlerts } from "./alerts";
import { once } from "./answers";
import { type BackupPart, listBackups, orderBackup, partsOf } from "./backups";
import { contentFiles, storeContent } from "./content";
import { DUE_DEADLINES_MS, DUE_KINDS } from "./due_kinds";
import { erasureCertificate } from "./erasure";
import { orderExport } from "./exports/exports";
import { listExports, manifestOf, requireFile } from "./exports/rows";
import { sleepNow } from "./idle";
import { isolationReceipt } from "./isolation";
import { answerForKey } from "./key_wrapping";
import { logtest } from "./logtest";
import { indexerAuthorization } from "./node_env";
import { askAgain, nodeRows, takeReport } from "./node_records";
import type { NodeReport } from "./nodes/reports";
import { type OperatorOrder, operatorActs } from "./operator_acts";
import { notePortalTrail } from "./portal_trail";
import { acceptRestore } from "./preludes";
import { spendProof } from "./proofs";
import { listRehydrations, loadedDays, rehydrate } from "./rehydrations";
import { askForRotation } from "./rotation";
import { type BegunRotation, rotateFor } from "./rotation_door";
import { searchableFrom } from "./searchable_days";
import { askToWake } from "./sleep";
import { acceptDeletion, acceptSpec } from "./spec";
import { noteTrouble } from "./state_trouble";
import { TenantTraffic } from "./tenant_traffic";
import { publishView, tenantView } from "./view";

export class TenantObject extends TenantTraffic {
  /** Runs what is due. */
  override async alarm(): Promise<void> {
    await this.tenant.due.run(DUE_KINDS(this.tenant), DUE_DEADLINES_MS);
  }

  /** Stores what is wanted and starts to drive towards it. @throws EdgeError by the fence, see spec.ts */
  put(body: PutTenant): Promise<TenantView> {
    acceptSpec(this.tenant, body);
    return this.#accepted();
  }

  /** Starts the deletion. @throws EdgeError by the fence, see spec.ts */
  remove(body: DeleteTenant): Promise<TenantView> {
    acceptDeletion(this.tenant, body);
    return this.#accepted();
  }

  /** Has the certificates exchanged under an operation of the control plane. @throws EdgeError, see rotation.ts */
  rotateCertificates({ epoch, operation_id }: RotateCertificates): Promise<TenantView> {
    this.tenant.requireLive(epoch);
    askForRotation(this.tenant, operation_id, "certificates", { by: "portal" });
    return this.#accepted();
  }

  /** Has the nodes' passwords exchanged, likewise. @throws EdgeError, see rotation.ts */
  rotateCredentials({ epoch, operation_id }: RotateCredentials): Promise<TenantView> {
    this.tenant.requireLive(epoch);
    askForRotation(this.tenant, operation_id, "credentials", { by: "portal" });
    return this.#accepted();
  }

  /** The same as the first for a person or an integration; the same key again is the same operation. */
  async rotateCertificatesFor(claims: AccessClaims, key: string): Promise<BegunRotation> {
    return rotateFor(this.tenant, claims, key);
  }

  /** Notes where the portal's trail ends. @throws EdgeError, see portal_trail.ts */
  async notePortalTrail(told: TellTrail): Promise<TrailEnds> {
    return notePortalTrail(this.tenant, told);
  }

  /** Sends the tenant to sleep where nobody uses it. @throws EdgeError, see idle.ts */
  async fallAsleep({ epoch, operation_id }: ChangeSleep): Promise<TenantView> {
    this.tenant.requireLive(epoch);
    await sleepNow(this.tenant, operation_id);
    return this.#accepted();
  }

  /** Wakes the tenant. @throws EdgeError, see sleep.ts */
  wakeUp({ epoch, operation_id }: ChangeSleep): Promise<TenantView> {
    this.tenant.requireLive(epoch);
    askToWake(this.tenant, operation_id, "portal");
    return this.#accepted();
  }

  /** @throws EdgeError TENANT_UNKNOWN where nothing was ever stored */
  async view(): Promise<TenantView> {
    const view = tenantView(this.tenant);
    if (!view) throw new EdgeError("TENANT_UNKNOWN", "No tenant has this id.");
    // A deleted tenant's stream is gone; asking for it would make it anew.
    if (view.requested === "deleted") return view;
    return { ...view, stream: await this.env.WAZUH_EVENTS.getByName(this.tenant.id).position() };
  }

  /** What a node object tells by itself. */
  nodeReported(report: NodeReport): void {
    this.tenant.transaction(() => {
      takeReport(this.tenant, report, null);
      this.tenant.schedule("drive", this.tenant.now());
    });
  }

  /** What a node object tells of its state's safety; null once it is safe again. */
  stateTrouble(role: Role, n: number, trouble: ErrorBody | null): void {
    if (!this.tenant.isLive()) return;
    noteTrouble(this.tenant, role, n, trouble);
    this.tenant.viewChanged();
  }

  /** What the stream object tells of alerts; see alerts.ts. */
  noteAlerts(mark: Mark): void {
    noteAlerts(this.tenant, mark);
  }

  /** Whether the plan has this node; for a node that names another one. */
  hasNode(role: ServingRole, n: number): boolean {
    const record = this.tenant.record();
    return record?.deleted === false && n < (record.plan?.roles[role].count ?? 0);
  }

  /** Marks a control write's proof as used. @returns false for a replay */
  spendProof(jti: string, expiresAt: number): boolean {
    return spendProof(this.tenant, jti, expiresAt);
  }

  /** For the sweep: has the object look after its tenant and all its nodes, even if its alarm was lost. */
  wake(): void {
    if (!this.tenant.record()) return;
    this.tenant.transaction(() => {
      askAgain(this.tenant);
      this.tenant.schedule("drive", this.tenant.now());
    });
  }

  /** For the sweep: has the object wrap its data key anew where that is due, and say under which key it lies. */
  lookAfterKey(): void {
    answerForKey(this.tenant);
  }

  /** The data key, for archives that this tenant's other objects write. */
  archiveKey(): Promise<Uint8Array<ArrayBuffer>> {
    this.tenant.requireLive();
    return this.tenant.dataKey();
  }

  /** The header with which an indexer's own object writes to it. @param n missing from objects of the version before */
  async indexerAuthorization(n = 0): Promise<string> {
    this.tenant.requireLive();
    return indexerAuthorization(this.tenant, n);
  }

  /** Numbers of the indexer nodes beside the first that run. */
  otherIndexers(): number[] {
    if (!this.tenant.isLive()) return [];
    return nodeRows(this.tenant).flatMap(({ role, n, state }) =>
      role === "indexer" && n > 0 && state === "running" ? [n] : [],
    );
  }

  /** How many days the plan keeps alerts and events. */
  async retentionDays(): Promise<number> {
    return this.tenant.requireLive().plan?.retention_days ?? 1;
  }

  /** How many days sealed alerts stay in the archive although snapshots hold them. */
  async archiveDays(): Promise<number> {
    const { plan } = this.tenant.requireLive();
    return plan?.archive_days ?? plan?.retention_days ?? 1;
  }

  /** Since when alerts lie in the indexer (milliseconds since 1970), and which earlier days were loaded again. */
  async searchable(): Promise<{ since: number; besides: string[] }> {
    const { plan } = this.tenant.requireLive();
    return { since: searchableFrom(plan?.retention_days ?? 1, this.tenant.now()), besides: loadedDays(this.tenant) };
  }

  // Backups and the way back to one; see backups.ts and preludes.ts.

  async orderBackup({ epoch, idempotency_key, backup }: OrderBackup): Promise<BackupView> {
    this.tenant.requireLive(epoch);
    return once(this.tenant, `backup:${idempotency_key}`, backup ? { backup } : {}, () =>
      orderBackup(this.tenant, "on-demand", { by: "portal", ...(backup && { id: backup }) }),
    );
  }

  async backups(): Promise<BackupView[]> {
    this.tenant.requireLive();
    return listBackups(this.tenant);
  }

  /** For a clone: which archives make up a backup. */
  async backupParts(backup: string): Promise<BackupPart[]> {
    this.tenant.requireLive();
    return partsOf(this.tenant, backup);
  }

  async restore(body: RestoreBackup): Promise<TenantView> {
    this.tenant.requireLive(body.epoch);
    const { idempotency_key, operation_id, backup } = body;
    await once(this.tenant, `restore:${idempotency_key}`, { operation_id, backup }, () => {
      acceptRestore(this.tenant, body);
      return true;
    });
    return this.#accepted();
  }

  // Custom content of the managers; see content.ts.

  putContent(digest: string, body: PutContent): Promise<{ created: boolean; content: StoredContent }> {
    return storeContent(this.tenant, digest, body);
  }

  /** For a clone: the files of a bundle. */
  async contentFiles(digest: string): Promise<ContentFile[]> {
    this.tenant.requireLive();
    return contentFiles(this.tenant, digest);
  }

  /** @throws EdgeError, see logtest.ts */
  async logtest(asked: AskLogtest): Promise<LogtestResult> {
    return logtest(this.tenant, asked);
  }

  // Archived days that are searched again; see rehydrations.ts.

  async rehydrate({ epoch, idempotency_key, day }: OrderRehydration): Promise<RehydrationView> {
    this.tenant.requireLive(epoch);
    return once(this.tenant, `rehydrate:${idempotency_key}`, { day }, () => rehydrate(this.tenant, day));
  }

  async rehydrations(): Promise<RehydrationView[]> {
    this.tenant.requireLive();
    return listRehydrations(this.tenant);
  }

  // Exports; see exports/.

  async orderExport(id: string, body: OrderExport): Promise<ExportView> {
    this.tenant.requireLive(body.epoch);
    return orderExport(this.tenant, id, body);
  }

  async exports(): Promise<ExportView[]> {
    this.tenant.requireLive();
    return listExports(this.tenant);
  }

  async exportManifest(id: string): Promise<ExportManifest> {
    this.tenant.requireLive();
    return manifestOf(this.tenant, id);
  }

  async requireExportFile(id: string, number: number): Promise<void> {
    this.tenant.requireLive();
    requireFile(this.tenant, id, number);
  }

  /** @throws EdgeError, see erasure.ts */
  async erasureCertificate(): Promise<SignedReceipt> {
    return erasureCertificate(this.tenant);
  }

  /** @throws EdgeError, see isolation.ts */
  isolationReceipt(): Promise<SignedReceipt> {
    return isolationReceipt(this.tenant);
  }

  /** What an operator of the platform asks for; see operator_acts.ts. */
  async operatorActs(order: OperatorOrder): Promise<ActionTaken> {
    return operatorActs(this.tenant, order);
  }

  #accepted(): Promise<TenantView> {
    this.tenant.transaction(() => publishView(this.tenant));
    return this.view();
  }
}
