/** What every part of a tenant object works with: its storage, its clock, and the ways out that survive a crash. */
import type { Env, Settings } from "../bindings";
import type { EventKind } from "../events/events";
import type { AuditAction, AuditBy } from "../schemas/audit";
import type { ChangeKind } from "../schemas/feed";
import type { Requested } from "../schemas/orders";
import type { Plan } from "../schemas/plan";
import type { Observed } from "../schemas/tenant";

/** What is stored of a tenant. */
export interface TenantRecord {
  epoch: number;
  generation: number;
  operationId: string;
  requested: Requested;
  /** Null once the tenant is deleted. */
  plan: Plan | null;
  observed: Observed;
  /** The last generation that was fully reached. */
  observedGeneration: number;
  deleted: boolean;
}

export interface TenantContext {
  readonly id: string;
  readonly env: Env;
  readonly settings: Settings;
  readonly storage: DurableObjectStorage;
  readonly sql: SqlStorage;

  /** Milliseconds since 1970. */
  now(): number;

  /** Runs `work` as one transaction; everything that publishes, emits or schedules inside belongs to it. */
  transaction<T>(work: () => T): T;

  /** Puts a row of the changes feed beside the caller's write; it is delivered to D1 until acknowledged. */
  publish(kind: ChangeKind, data: Record<string, unknown>): void;

  /** Puts an event of the tenant's stream beside the caller's write; it is delivered until acknowledged, once. */
  emit(kind: Exclude<EventKind, "audit">, data: Record<string, unknown>): void;

  /** Puts a record of the audit trail beside the caller's write, chained to the one before; see audit.ts. */
  audit(action: AuditAction, by: AuditBy, data: Record<string, unknown>): void;

  /** Puts a row of the usage feed beside the caller's write; it is delivered to D1 until acknowledged. */
  tellUsage(data: Record<string, unknown>): void;

  /** Has the plan's read copy in KV replaced; delivered until acknowledged. */
  copyPlan(data: Record<string, unknown>): void;

  /** Has D1 know which key-encryption key holds the tenant's data key; empty: it has none. Delivered until acknowledged. */
  tellKey(kek: string): void;

  /** Has the handler of `kind` run at `at` (milliseconds since 1970), replacing an earlier time for the same key. */
  schedule(kind: string, at: number, key?: string): void;
  unschedule(kind: string, key?: string): void;

  /** AES-256-GCM under the tenant's data key, with tenant and purpose as additional data. */
  seal(purpose: string, text: string): Promise<string>;
  /** @throws Error where the text was sealed for another tenant or purpose, or changed. */
  open(purpose: string, sealed: string): Promise<string>;
  /** The tenant's data key, 32 bytes, for archives that other objects of this tenant write. */
  dataKey(): Promise<Uint8Array<ArrayBuffer>>;
  /** One of the tenant's generated credentials (`SECRET_RULES` in secrets.ts) of a generation, made at first use. */
  secret(name: string, generation: number): Promise<string>;
  /** A new value of every credential, sealed: name and what is to be stored for the generation. */
  newSecrets(generation: number): Promise<[name: string, sealed: string][]>;
  /** Drops keys from memory, after their rows were erased. */
  forget(): void;

  /** Takes a write's epoch and remembers the highest. @throws EdgeError STALE_EPOCH for one from before. */
  fence(epoch: number): void;
  /** Null where no spec was ever stored. */
  record(): TenantRecord | null;
  /** Whether there is a tenant that was not deleted. Every call of a door asks, so it reads no more than that. */
  isLive(): boolean;
  /** The record of a tenant that exists. @throws EdgeError TENANT_UNKNOWN, TENANT_DELETED, STALE_EPOCH. */
  requireLive(epoch?: number): TenantRecord;

  /** Publishes the tenant's view if it differs from the one published last. */
  viewChanged(): void;
}
