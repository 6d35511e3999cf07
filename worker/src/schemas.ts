/** Everything of the tenant's life that crosses the wire. `contracts/edge-api.json` is generated from these. */
import { z } from "@hono/zod-openapi";

export const STEPS = {
  start: ["certs", "indexer", "manager", "dashboard", "verify"],
  stop: ["dashboard", "manager", "indexer"],
  delete: ["stop", "erase"],
  // A rotation that fails after its switch gets one more: the way back.
  rotate: ["mint", "switch", "indexer", "manager", "dashboard", "verify"],
  // A change of version that fails after a role moved gets one more: the way back.
  upgrade: ["backup", "indexer", "manager", "dashboard", "verify"],
  resize: ["certs", "indexer", "manager", "dashboard", "verify"],
  // All credentials are exchanged together; each role proves its own before the next is touched.
  rotate_credentials: ["generate", "switch", "indexer", "manager", "dashboard", "verify"],
  restore: ["backup", "stop", "put_state", "indexer", "manager", "dashboard", "verify"],
  clone: ["copy", "certs", "indexer", "manager", "dashboard", "verify"],
  sleep: ["dashboard", "manager", "indexer"],
  wake: ["indexer", "manager", "dashboard", "verify"],
} as const;

export const Time = z.iso.datetime().openapi("Time", { description: "UTC, ISO 8601 with Z" });

/** Nullable in the contract too: `.nullable()` on a named schema would make the name itself nullable there. */
export const orNull = <T extends z.ZodType>(schema: T) => z.union([schema, z.null()]);

export const ErrorSchema = z
  .object({
    code: z.string(),
    message: z.string(),
    hint: z.string(),
    retryable: z.boolean(),
    details: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
  })
  .openapi("Error");

export const TenantId = z
  .string()
  .openapi("TenantId", { description: "26 characters [a-z2-7]: 2 cell, 16 random, 8 check", example: "a".repeat(26) });

export const Epoch = z.int().min(1).max(Number.MAX_SAFE_INTEGER);
export const Generation = z.int().min(1).max(Number.MAX_SAFE_INTEGER);
export const OperationId = z.string().regex(/^op_[a-z2-7]{20}$/, "must be an operation id (op_ and 20 characters)");

export const Instance = z.enum(["lite", "basic", "standard-1", "standard-2", "standard-3", "standard-4"]);
export type Instance = z.infer<typeof Instance>;

/** The roles that a plan sizes, in the order in which they start. */
export const SERVING_ROLES = ["indexer", "manager", "dashboard"] as const;
export const Role = z.enum(["certs", ...SERVING_ROLES]);
export type Role = z.infer<typeof Role>;
export type ServingRole = (typeof SERVING_ROLES)[number];

/**
 * How many nodes of a role a tenant may have. A second manager or indexer needs a mesh between containers, which images do
 * not carry yet; dashboards keep nothing, and each session stays with one of them.
 */
export const MAX_COUNT = { manager: 1, indexer: 1, dashboard: 3 } as const satisfies Record<ServingRole, number>;

const Version = z.string().min(1).max(32);

const rolePlan = <I extends z.ZodType>(role: ServingRole, instance: I) =>
  z.strictObject({
    count: z.int().min(1).max(MAX_COUNT[role]),
    instance,
    image: Version.optional().openapi({ description: "A version of its own for this role; one that is offered" }),
  });

/** OpenSearch does not start in less memory than `standard-2` has. */
const IndexerInstance = Instance.refine((size) => !["lite", "basic", "standard-1"].includes(size), {
  message: "the indexer needs standard-2 or larger",
});

/** A quarter of an hour at least: what starts again costs more than what idles shortly. */
const SleepPolicy = z.strictObject({ after_minutes: z.int().min(15).max(10_080) }).openapi("SleepPolicy");

const IndexerSettings = z
  .strictObject({
    shards: z.int().min(1).max(5),
    replicas: z
      .int()
      .min(0)
      .max(MAX_COUNT.indexer - 1),
    refresh_interval_s: z.int().min(1).max(300),
  })
  .partial()
  .openapi({ description: "Of each new index; left out: 1 shard, no replica, 5 seconds until an alert can be found" });

const ThresholdSettings = z
  .strictObject({
    silent_agents_percent: z.int().min(0).max(100),
    manager_silence_minutes: z.int().min(3).max(1440),
    ingest_lag_seconds: z.int().min(30).max(86_400),
    disk_warning_percent: z.int().min(50).max(94),
  })
  .partial()
  .openapi({
    description:
      "Above which a tenant that runs needs a look; left out: 0 percent, 10 minutes, 300 seconds, 85 percent",
  });

/** What holds between fields is judged once each of them can be. */
const isSound = ({ issues }: { issues: unknown[] }) => issues.length === 0;

export const Plan = z
  .strictObject({
    version: Version,
    roles: z.strictObject({
      manager: rolePlan("manager", Instance),
      indexer: rolePlan("indexer", IndexerInstance),
      dashboard: rolePlan("dashboard", Instance),
    }),
    certificate_days: z.int().min(1).max(3650),
    retention_days: z
      .int()
      .min(1)
      .max(3650)
      .openapi({ description: "Days that alerts can be searched in the indexer, today's among them" }),
    max_agents: z.int().min(0).max(100_000),
    /** Days that alerts stay in the edge's archive although snapshots hold them; missing: as long as they are kept. */
    archive_days: z.int().min(0).max(3650).optional(),
    // No default: a plan that was sent without it must keep the hash it was stored under.
    sleep: orNull(SleepPolicy)
      .optional()
      .openapi({ description: "When nobody uses the tenant for so long, it sleeps; null or missing: never" }),
    indexer: IndexerSettings.optional(),
    thresholds: ThresholdSettings.optional(),
  })
  .refine((plan) => (plan.indexer?.replicas ?? 0) < plan.roles.indexer.count, {
    path: ["indexer", "replicas"],
    message: "each copy needs an indexer node of its own",
    when: isSound,
  })
  .openapi("Plan");
export type Plan = z.infer<typeof Plan>;

export const BackupId = z.string().regex(/^bak_[a-z2-7]{20}$/, "must be a backup id (bak_ and 20 characters)");
export const IdempotencyKey = z.string().min(1).max(128);

export const PutTenant = z
  .strictObject({
    epoch: Epoch,
    generation: Generation,
    operation_id: OperationId,
    requested: z.enum(["running", "stopped"]),
    plan: Plan,
    /** Only of a tenant that is new: it starts with the data of a backup, and with secrets of its own. */
    from: z.strictObject({ tenant: TenantId, backup: BackupId }).optional(),
    /** The plan's version is the one before: its roles take up the backup from before the change to the present one. */
    rollback: z.literal(true).optional(),
  })
  .refine(({ from, requested }) => !from || requested === "running", {
    path: ["requested"],
    message: "a clone is started, or its data would come from nowhere",
  })
  .openapi("PutTenant");
export type PutTenant = z.infer<typeof PutTenant>;

export const DeleteTenant = z
  .strictObject({ epoch: Epoch, generation: Generation, operation_id: OperationId })
  .openapi("DeleteTenant");
export type DeleteTenant = z.infer<typeof DeleteTenant>;

export const RotateCredentials = z
  .strictObject({ epoch: Epoch, operation_id: OperationId })
  .openapi("RotateCredentials");
export type RotateCredentials = z.infer<typeof RotateCredentials>;

export const RotateCertificates = z
  .strictObject({ epoch: Epoch, operation_id: OperationId })
  .openapi("RotateCertificates");
export type RotateCertificates = z.infer<typeof RotateCertificates>;

export const ChangeSleep = z.strictObject({ epoch: Epoch, operation_id: OperationId }).openapi("ChangeSleep");
export type ChangeSleep = z.infer<typeof ChangeSleep>;

export const Requested = z.enum(["running", "stopped", "deleted"]);
export type Requested = z.infer<typeof Requested>;

export const Observed = z.enum([
  "unknown",
  "absent",
  "starting",
  "running",
  "degraded",
  "stopping",
  "stopped",
  "failed",
]);
export type Observed = z.infer<typeof Observed>;

export const NodeState = z.enum(["absent", "starting", "running", "stopping", "stopped", "failed"]);
export type NodeState = z.infer<typeof NodeState>;

export const HealthState = z.enum(["ok", "warning", "failing", "unknown"]);
export type HealthState = z.infer<typeof HealthState>;

export const HealthDetail = z.object({ code: z.string(), message: z.string() }).openapi("HealthDetail");
export type HealthDetail = z.infer<typeof HealthDetail>;

export const NodeHealth = z
  .object({
    state: HealthState.openapi({ description: "unknown: it does not run, or was not asked for a while" }),
    detail: orNull(HealthDetail),
    since: orNull(Time),
    checked_at: orNull(Time).openapi({ description: "Moves without the tenant's seq" }),
  })
  .openapi("NodeHealth");

export const NodeView = z
  .object({
    role: Role,
    n: z.int().min(0),
    state: NodeState,
    image: z.string().nullable(),
    instance: orNull(Instance),
    started_at: orNull(Time),
    restarts: z.int().min(0),
    exit_code: z.int().nullable(),
    health: NodeHealth,
  })
  .openapi("Node");
export type NodeView = z.infer<typeof NodeView>;

export const StepName = z.enum([
  "certs",
  "mint",
  "generate",
  "switch",
  "indexer",
  "manager",
  "dashboard",
  "verify",
  "rollback",
  "stop",
  "erase",
  "backup",
  "put_state",
  "copy",
]);
export type StepName = z.infer<typeof StepName>;

export const Step = z
  .object({
    name: StepName,
    state: z.enum(["pending", "running", "succeeded", "failed"]),
    attempts: z.int().min(0),
    started_at: orNull(Time),
    finished_at: orNull(Time),
    error: orNull(ErrorSchema),
  })
  .openapi("Step");
export type Step = z.infer<typeof Step>;

const RUN_KINDS = [
  "start",
  "stop",
  "delete",
  "rotate",
  "rotate_credentials",
  "restore",
  "clone",
  "upgrade",
  "resize",
  "sleep",
  "wake",
] as const;
export const RunKind = z.enum(RUN_KINDS);
export type RunKind = z.infer<typeof RunKind>;

export const Run = z
  .object({
    operation_id: z.string(),
    kind: RunKind,
    state: z.enum(["running", "succeeded", "failed", "cancelled"]),
    steps: z.array(Step),
  })
  .openapi("Run");
export type Run = z.infer<typeof Run>;

export const Reason = z.object({ code: z.string(), message: z.string(), hint: z.string() }).openapi("Reason");
export type Reason = z.infer<typeof Reason>;

export const CertificateView = z
  .object({
    generation: z.int(),
    not_after: Time,
    renew_at: Time.openapi({ description: "From then on it is renewed without being asked" }),
    fingerprint: z.string().openapi({ description: "SHA-256 over every certificate of the bundle" }),
    ca_fingerprint: z.string().openapi({ description: "SHA-256 of the authority that signed them" }),
  })
  .openapi("Certificate");
export type CertificateView = z.infer<typeof CertificateView>;

export const SleepView = z
  .object({ since: Time, because: z.string() })
  .openapi("Sleep", { description: "The tenant sleeps, or is on its way there; a request wakes it" });
export type SleepView = z.infer<typeof SleepView>;
export const CredentialsView = z
  .object({
    generation: z.int(),
    rotated_at: orNull(Time).openapi({ description: "Since when; null where they are as old as the tenant" }),
  })
  .openapi("Credentials", { description: "The nodes' passwords; a value is never shown" });
export type CredentialsView = z.infer<typeof CredentialsView>;

export const TenantView = z
  .object({
    id: TenantId,
    epoch: z.int(),
    generation: z.int(),
    requested: Requested,
    observed: Observed,
    observed_generation: z.int(),
    reason: orNull(Reason),
    attention: z.array(Reason).openapi({ description: "What is past the plan's thresholds while the tenant runs" }),
    runtime: z.enum(["stand-in", "docker", "cloudflare"]),
    /** What runs: during a change of version the one before, until the new one is verified. */
    version: z.string().nullable(),
    nodes: z.array(NodeView),
    run: orNull(Run),
    certificate: orNull(CertificateView),
    credentials: orNull(CredentialsView),
    /** What keeps a node's state from being safe outside its container. */
    state_trouble: orNull(Reason),
    sleeping: orNull(SleepView),
    agents: z.object({ enrolled: z.int(), active: z.int() }),
    stream: z.object({ seq: z.int(), last_event_at: orNull(Time) }),
    ingest: z.object({
      verified_at: orNull(Time).openapi({ description: "When an alert was last written, found and removed" }),
    }),
    dashboard_url: z.string(),
    seq: z.int(),
    updated_at: Time,
  })
  .openapi("Tenant");
export type TenantView = z.infer<typeof TenantView>;

export const BackupKind = z.enum(["on-demand", "scheduled", "before-change"]);
export type BackupKind = z.infer<typeof BackupKind>;

export const BackupView = z
  .object({
    id: BackupId,
    kind: BackupKind,
    state: z.enum(["running", "succeeded", "failed"]),
    at: Time,
    expires_at: Time,
    parts: z.array(z.object({ role: Role, n: z.int().min(0), bytes: z.int().min(0), sha256: z.string() })),
    error: orNull(Reason),
  })
  .openapi("Backup");
export type BackupView = z.infer<typeof BackupView>;

export const BackupList = z.object({ backups: z.array(BackupView) }).openapi("BackupList");

export const OrderBackup = z.strictObject({ epoch: Epoch, idempotency_key: IdempotencyKey }).openapi("OrderBackup");
export type OrderBackup = z.infer<typeof OrderBackup>;

export const RestoreBackup = z
  .strictObject({ epoch: Epoch, idempotency_key: IdempotencyKey, operation_id: OperationId, backup: BackupId })
  .openapi("RestoreBackup");
export type RestoreBackup = z.infer<typeof RestoreBackup>;

const Day = z.iso.date().openapi("Day", { description: "A day in UTC, YYYY-MM-DD" });

export const RehydrationView = z
  .object({
    day: Day,
    state: z.enum(["running", "succeeded", "failed"]),
    at: Time,
    until: Time.openapi({ description: "Until then it stays in the indexer" }),
    /** Of the day in the archive. */
    bytes: z.int().min(0),
    /** Loaded so far. */
    documents: z.int().min(0),
    error: orNull(Reason),
  })
  .openapi("Rehydration");
export type RehydrationView = z.infer<typeof RehydrationView>;

export const RehydrationList = z.object({ rehydrations: z.array(RehydrationView) }).openapi("RehydrationList");

export const OrderRehydration = z
  .strictObject({ epoch: Epoch, idempotency_key: IdempotencyKey, day: Day })
  .openapi("OrderRehydration");
export type OrderRehydration = z.infer<typeof OrderRehydration>;

export const TenantPage = z
  .object({
    tenants: z.array(TenantView),
    next: z.string().nullable(),
    feed_epoch: z.string(),
    latest_seq: z.int(),
  })
  .openapi("TenantPage");

const KeyUse = z.object({ kek: z.string(), tenants: z.int().min(0) });
export type KeyUse = z.infer<typeof KeyUse>;

export const KeysView = z
  .object({
    current: z.string().openapi({ description: "The key that wraps from now on" }),
    configured: z.array(z.string()).openapi({ description: "All that the edge was given" }),
    in_use: z.array(KeyUse).openapi({ description: "Keys that tenants need; none of them may be taken away" }),
    unknown: z.int().min(0).openapi({ description: "Tenants that have not said yet which key they need" }),
  })
  .openapi("Keys");

export const ChangeKind = z.enum(["tenant", "enrollment", "token", "refusal", "dashboard", "certificate", "health"]);
export type ChangeKind = z.infer<typeof ChangeKind>;

export const Change = z
  .object({
    seq: z.int(),
    tenant: TenantId,
    object_seq: z.int(),
    kind: ChangeKind,
    at: Time,
    data: z.record(z.string(), z.unknown()),
  })
  .openapi("Change");
export type Change = z.infer<typeof Change>;

export const ChangePage = z
  .object({ feed_epoch: z.string(), oldest_seq: z.int(), latest_seq: z.int(), changes: z.array(Change) })
  .openapi("ChangePage");
export type ChangePage = z.infer<typeof ChangePage>;
