/** What a plan means where it leaves something out. It is stored as it was sent, so that a repeat stays the same. */
import type { Instance, Plan, Role, ServingRole } from "./schemas/plan";

/** The version that a role's node runs: its own, or the plan's. */
export const versionOf = (plan: Plan, role: Role): string =>
  (role === "certs" ? undefined : plan.roles[role].image) ?? plan.version;

/** Every version that a plan names, by its path. */
export function versionsIn(plan: Plan): { path: string; version: string }[] {
  const ofRoles = (Object.keys(plan.roles) as ServingRole[]).flatMap((role) => {
    const { image } = plan.roles[role];
    return image === undefined ? [] : [{ path: `plan.roles.${role}.image`, version: image }];
  });
  return [{ path: "plan.version", version: plan.version }, ...ofRoles];
}

export interface IndexSettings {
  shards: number;
  replicas: number;
  refresh_interval_s: number;
}

/** How the indexer keeps an index. One shard is what days of a few GB need; several nodes keep each twice. */
export function indexSettings(plan: Plan): IndexSettings {
  const copies = plan.roles.indexer.count > 1 ? 1 : 0;
  const { shards = 1, replicas = copies, refresh_interval_s = 5 } = plan.indexer ?? {};
  return { shards, replicas, refresh_interval_s };
}

export interface Thresholds {
  /** Attention once more than this share of the enrolled agents is silent. */
  silent_agents_percent: number;
  /** An agent that was connected and is not heard for longer is told to be silent, once. */
  agent_silence_minutes: number;
  /** Attention once the manager has sent nothing, not even its sign of life of every minute, for this long. */
  manager_silence_minutes: number;
  /** Attention once an acknowledged alert waits this long for the indexer. */
  ingest_lag_seconds: number;
  /** An indexer's health is a warning once more than this of its disk is used; above 95 it fails, whatever the plan says. */
  disk_warning_percent: number;
}

/** The disk's is the mark from which OpenSearch places no new index on a node. */
const DEFAULTS: Thresholds = {
  silent_agents_percent: 0,
  agent_silence_minutes: 15,
  manager_silence_minutes: 10,
  ingest_lag_seconds: 300,
  disk_warning_percent: 80,
};

export const thresholdsOf = (plan: Plan): Thresholds => Object.assign({ ...DEFAULTS }, plan.thresholds);

const MEMORY_GIB: Record<Instance, number> = {
  lite: 0.25,
  basic: 1,
  "standard-1": 4,
  "standard-2": 6,
  "standard-3": 8,
  "standard-4": 12,
};

/** Java's heap in MB: half of the node's memory, the rest is the file system's cache. */
export const heapOf = (instance: Instance): number => (MEMORY_GIB[instance] * 1024) / 2;
