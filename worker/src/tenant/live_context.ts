/** The context of a real tenant object. */
import { type Env, type Settings, settingsOf } from "../bindings";
import { EdgeError } from "../errors";
import type { EventKind } from "../events/events";
import type { AuditAction, AuditBy } from "../schemas/audit";
import type { ChangeKind } from "../schemas/feed";
import type { Requested } from "../schemas/orders";
import type { Plan } from "../schemas/plan";
import type { Observed } from "../schemas/tenant";
import { type AuditData, chained } from "./audit";
import type { TenantContext, TenantRecord } from "./context";
import { DueTable } from "./due";
import { publishKey } from "./key_wrapping";
import { Outbox } from "./outbox";
import { requestUnderWay } from "./requests";
import { Vault } from "./secrets";
import { TARGETS } from "./targets";
import { publishView } from "./view";

interface TenantRow extends Record<string, SqlStorageValue> {
  epoch: number;
  generation: number;
  operation_id: string;
  requested: string;
  plan: string | null;
  observed: string;
  observed_generation: number;
}

export class LiveContext implements TenantContext {
  readonly id: string;
  readonly settings: Settings;
  readonly storage: DurableObjectStorage;
  readonly sql: SqlStorage;
  readonly due: DueTable;
  readonly outbox: Outbox;
  readonly vault: Vault;
  #depth = 0;

  constructor(
    state: DurableObjectState,
    readonly env: Env,
  ) {
    if (!state.id.name) throw new Error("a tenant object must be found by name");
    this.id = state.id.name;
    this.settings = settingsOf(env);
    this.storage = state.storage;
    this.sql = state.storage.sql;
    this.due = new DueTable(state.storage, () => this.now());
    this.outbox = new Outbox(this, TARGETS(this));
    this.vault = new Vault(this.id, this.sql, this.settings, () => publishKey(this));
  }

  now(): number {
    return Date.now();
  }

  transaction<T>(work: () => T): T {
    this.#depth += 1;
    try {
      return this.storage.transactionSync(work);
    } finally {
      this.#depth -= 1;
      this.#armOutside();
    }
  }

  publish(kind: ChangeKind, data: Record<string, unknown>): void {
    this.outbox.put("changes", kind, data);
  }

  emit(kind: Exclude<EventKind, "audit">, data: Record<string, unknown>): void {
    this.outbox.put("stream", kind, data);
  }

  audit(action: AuditAction, by: AuditBy, data: AuditData): void {
    const request = requestUnderWay();
    const told = request === null ? data : { ...data, request };
    this.transaction(() => this.outbox.put("stream", "audit", chained(this, action, by, told)));
  }

  tellUsage(data: Record<string, unknown>): void {
    this.outbox.put("usage", "usage", data);
  }

  copyPlan(data: Record<string, unknown>): void {
    this.outbox.put("plan", "plan", data);
  }

  tellKey(kek: string): void {
    this.outbox.put("key", "key", { kek });
  }

  schedule(kind: string, at: number, key = ""): void {
    this.due.set(kind, at, key);
    this.#armOutside();
  }

  unschedule(kind: string, key = ""): void {
    this.due.clear(kind, key);
    this.#armOutside();
  }

  seal(purpose: string, text: string): Promise<string> {
    return this.vault.seal(purpose, text);
  }

  open(purpose: string, sealed: string): Promise<string> {
    return this.vault.open(purpose, sealed);
  }

  dataKey(): Promise<Uint8Array<ArrayBuffer>> {
    return this.vault.dataKey();
  }

  secret(name: string, generation: number): Promise<string> {
    return this.vault.secret(name, generation);
  }

  newSecrets(generation: number): Promise<[name: string, sealed: string][]> {
    return this.vault.generate(generation);
  }

  forget(): void {
    this.vault.forget();
  }

  fence(epoch: number): void {
    const current = Math.max(this.record()?.epoch ?? 0, this.#epochSeen());
    if (epoch < current) throw new EdgeError("STALE_EPOCH", `Epoch ${epoch} is over; the cell is at ${current}.`);
    if (epoch > current) this.sql.exec("INSERT OR REPLACE INTO counters (name, value) VALUES ('epoch', ?)", epoch);
  }

  record(): TenantRecord | null {
    const [row] = this.sql.exec<TenantRow>("SELECT * FROM tenant").toArray();
    if (!row) return null;
    return {
      epoch: row.epoch,
      generation: row.generation,
      operationId: row.operation_id,
      requested: row.requested as Requested,
      plan: row.plan === null ? null : (JSON.parse(row.plan) as Plan),
      observed: row.observed as Observed,
      observedGeneration: row.observed_generation,
      deleted: row.requested === "deleted",
    };
  }

  isLive(): boolean {
    return this.sql.exec("SELECT 1 FROM tenant WHERE requested <> 'deleted'").toArray().length === 1;
  }

  requireLive(epoch?: number): TenantRecord {
    if (epoch !== undefined) this.fence(epoch);
    const record = this.record();
    if (!record) throw new EdgeError("TENANT_UNKNOWN", "No tenant has this id.");
    if (record.deleted) throw new EdgeError("TENANT_DELETED", "This tenant was deleted.");
    return record;
  }

  viewChanged(): void {
    this.transaction(() => publishView(this));
  }

  /** The highest epoch of a write beside the spec; a spec's own fence may stand behind it until it is sent anew. */
  #epochSeen(): number {
    const query = "SELECT value FROM counters WHERE name = 'epoch'";
    return this.sql.exec<{ value: number }>(query).toArray()[0]?.value ?? 0;
  }

  /** Inside a transaction the alarm is set once, at its end. */
  #armOutside(): void {
    if (this.#depth === 0) this.due.arm();
  }
}
