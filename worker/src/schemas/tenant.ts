/** A tenant as the edge shows it. */
import { z } from "@hono/zod-openapi";
import { AuditHead, PortalTrail } from "./audit";
import { orNull, Reason, TenantId, Time } from "./basics";
import { ContentView } from "./content";
import { Requested } from "./orders";
import { BackupSchedule, Instance, Role } from "./plan";
import { Run } from "./runs";

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
    content: ContentView,
    /** What keeps a node's state from being safe outside its container. */
    state_trouble: orNull(Reason),
    next_backup_at: orNull(Time).openapi({
      description: "When the next backup that nobody orders is due; null while the tenant rests",
    }),
    backup_schedule: orNull(BackupSchedule).openapi({
      description: "The plan's choice, by which they are made; null where it has none: daily",
    }),
    sleeping: orNull(SleepView),
    detection_delayed_since: orNull(Time).openapi({
      description: "Since when events of Wazuh 5 agents wait at the edge for their manager; null where none do",
    }),
    agents: z.object({ enrolled: z.int(), active: z.int() }),
    audit: AuditHead.openapi({ description: "Where the audit trail ends; moves without the tenant's seq" }),
    portal_trail: orNull(PortalTrail),
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

export const TenantPage = z
  .object({
    tenants: z.array(TenantView),
    next: z.string().nullable(),
    feed_epoch: z.string(),
    latest_seq: z.int(),
  })
  .openapi("TenantPage");
