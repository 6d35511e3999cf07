/** Which version each role is started with, and what the data of one mean to another. */
import { versionOf } from "../plan";
import { type Plan, SERVING_ROLES, type ServingRole } from "../schemas/plan";
import type { TenantContext } from "./context";
import type { Versions } from "./facts";

/** What each role is to run by this plan. */
export const wantedVersions = (plan: Plan): Versions => byRole((role) => versionOf(plan, role));

/** What each role is started with. */
export function versionsInUse({ sql }: TenantContext, plan: Plan): Versions {
  type Row = { role: string; version: string };
  const rows = sql.exec<Row>("SELECT role, version FROM role_versions").toArray();
  const known = new Map(rows.map(({ role, version }) => [role, version]));
  const wanted = wantedVersions(plan);
  return byRole((role) => known.get(role) ?? wanted[role]);
}

const byRole = (version: (role: ServingRole) => string): Versions =>
  Object.fromEntries(SERVING_ROLES.map((role) => [role, version(role)])) as Versions;

export const sameVersions = (one: Versions, other: Versions) =>
  SERVING_ROLES.every((role) => one[role] === other[role]);
export function setVersion({ sql }: TenantContext, role: ServingRole, version: string): void {
  sql.exec("INSERT OR REPLACE INTO role_versions (role, version) VALUES (?, ?)", role, version);
}

/** Major and minor version say which data are understood: a patch changes none of their formats. */
export function keepsFormats(from: string, to: string): boolean {
  const parts = (version: string) => version.split(".").slice(0, 2).map(Number);
  const [[major = 0, minor = 0], [nextMajor = 0, nextMinor = 0]] = [parts(from), parts(to)];
  return nextMajor === major ? nextMinor >= minor : nextMajor > major;
}
