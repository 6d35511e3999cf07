/** Records of the audit trail that the tenant object keeps, as they stand in the event stream. */
import { z } from "@hono/zod-openapi";
import { Epoch, Time } from "./basics";

/** What was done to a tenant, or came of it. */
export const AuditAction = z.enum([
  "tenant.specified",
  "tenant.deletion_asked",
  "tenant.fell_asleep",
  "tenant.woken",
  "token.registered",
  "token.revoked",
  "token.quarantined",
  "agent.quarantined",
  "agents.ordered",
  "agents.imported",
  "access.revoked",
  "dashboard.opening_asked",
  "dashboard.opened",
  "certificates.rotation_asked",
  "certificates.rotated",
  "certificates.rolled_back",
  "certificates.rotation_failed",
  "credentials.rotation_asked",
  "credentials.rotated",
  "credentials.rolled_back",
  "credentials.rotation_failed",
  "version.changed",
  "version.rolled_back",
  "version.change_failed",
  "backup.ordered",
  "backup.succeeded",
  "backup.failed",
  "backup.expired",
  "backup.restore",
  "export.ordered",
  "export.succeeded",
  "export.failed",
  "export.expired",
  "rehydration.begun",
  "operator.acted",
  "trail.noted",
]);
export type AuditAction = z.infer<typeof AuditAction>;

/**
 * Who did it: the portal by a signed call, a person (or a key of theirs) at the edge itself, an operator of the platform,
 * or the edge by itself.
 */
export const AuditBy = z.enum(["portal", "person", "operator", "edge"]);
export type AuditBy = z.infer<typeof AuditBy>;

const Sha256 = z.string().regex(/^([0-9a-f]{64})?$/);

export const AuditHead = z
  .object({ position: z.int().min(0), hash: Sha256 })
  .openapi("AuditHead", { description: "The last record of the tenant's audit trail; hash is empty before the first" });
export type AuditHead = z.infer<typeof AuditHead>;

export const PortalTrail = z
  .object({
    organization: z.string().regex(/^org_[a-z2-7]{20}$/, "must be an organization's id"),
    position: z.int().min(1).max(Number.MAX_SAFE_INTEGER),
    hash: z.string().regex(/^[0-9a-f]{64}$/, "must be a hash of 64 hex digits"),
  })
  .openapi("PortalTrail", {
    description: "Where the portal's own trail of the tenant's organization ended when the portal last told it",
  });
export type PortalTrail = z.infer<typeof PortalTrail>;

export const TellTrail = z.strictObject({ epoch: Epoch, ...PortalTrail.shape }).openapi("TellTrail");
export type TellTrail = z.infer<typeof TellTrail>;

export const TrailEnds = z.object({ portal_trail: PortalTrail, audit: AuditHead }).openapi("TrailEnds", {
  description: "The farthest end of the portal's trail that was told, and the end of this one",
});
export type TrailEnds = z.infer<typeof TrailEnds>;

export const AuditLink = z.object({
  position: z.int().min(1).openapi({ description: "1, 2, 3, …: no record is left out" }),
  at: Time,
  previous: Sha256.openapi({ description: "hash of the record before; empty for the first" }),
  hash: Sha256.openapi({
    description: "SHA-256 (hex) of the canonical JSON of [tenant, position, at, data without chain, previous]",
  }),
});
export type AuditLink = z.infer<typeof AuditLink>;

export const AuditRecord = z
  .looseObject({
    action: AuditAction,
    by: AuditBy,
    request: z.string().optional().openapi({ description: "The request that did it, as X-Request-Id named it" }),
    chain: AuditLink,
  })
  .openapi("AuditRecord", { description: "`data` of an event of kind audit; further fields go with the action" });
