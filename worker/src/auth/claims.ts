import type { Networks } from "./networks";

/** Who uses an edge session, socket or scoped credential, and until when. */
export interface AccessClaims {
  subject: string;
  organization: string;
  grant: string | null;
  connection: string | null;
  /** The portal session it came from. */
  session: string;
  role: string;
  /** When the right was given, in milliseconds since 1970. */
  issuedAt: number;
  /** Hard end, in milliseconds since 1970; holds whatever the control plane does. */
  endsAt: number;
  /** From where; missing in what was given by the version before. */
  networks?: Networks | undefined;
}

export const DASHBOARD_ROLES = ["admin", "operator", "viewer"] as const;
export type DashboardRole = (typeof DASHBOARD_ROLES)[number];

export const DASHBOARD_VARIANTS = ["full", "read_only"] as const;
/** How a dashboard was opened: with all that the role may do there, or only to look. */
export type DashboardVariant = (typeof DASHBOARD_VARIANTS)[number];

/** The variants that each role may open; the first is the one it gets where nobody says which. */
export const VARIANTS_OF: Record<DashboardRole, readonly DashboardVariant[]> = {
  admin: ["full", "read_only"],
  operator: ["full", "read_only"],
  viewer: ["read_only"],
};

/** The variant of somebody who asked for this one, or for none. */
export function variantOf({ role, variant }: { role: DashboardRole; variant?: DashboardVariant | undefined }) {
  const [first] = VARIANTS_OF[role];
  return variant ?? (first as DashboardVariant);
}

/** Nothing that a person was given at the edge outlives this, whatever its issuer says. */
export const MAX_ACCESS_MS = 8 * 3600 * 1000;

/** Attributes by which access can be withdrawn. */
export const RULE_FIELDS = ["subject", "grant", "connection", "organization", "session"] as const;
export type RuleField = (typeof RULE_FIELDS)[number];

/**
 * Ends all access that matches every named attribute and was given before `before` (milliseconds since 1970); `everybody`
 * ends all of it.
 */
export type AccessRule = { before: number; everybody?: true } & Partial<Record<RuleField, string | undefined>>;

/** Whether the rule ends this access. A rule that names nothing covers nothing. */
export function covers(rule: AccessRule, claims: AccessClaims): boolean {
  const named = RULE_FIELDS.filter((field) => rule[field] !== undefined);
  return (
    (named.length > 0 || rule.everybody === true) &&
    claims.issuedAt < rule.before &&
    named.every((field) => rule[field] === claims[field])
  );
}
