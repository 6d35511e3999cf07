/**
 * Whether what a plan asks for fits its indexer: agents × days against the disk. Pure; the portal judges by the same
 * formula (`billing/disk.py`), and `tests/contract/plan_sizes.json` holds the cases both agree on.
 *
 * An alert can be searched in the indexer for `retention_days` and lies in the archive for `archive_days`, so only the
 * former takes disk. Nodes' disks are all there is: a container can't be given a larger one.
 */
import type { FieldFault } from "./errors";
import { indexSettings } from "./plan";
import type { Instance, Plan } from "./schemas/plan";

/**
 * What one agent's alerts take in the index a day, in MB, before copies: a workstation by Wazuh's sizing guide (1.5 GB in
 * 90 days). A server takes 41, a network device 82: count them as so many agents more.
 */
export const AGENT_MB_A_DAY = 17;
/** Disk by node size, from Cloudflare's table of instance types. */
export const DISK_GB: Record<Instance, number> = {
  lite: 2,
  basic: 4,
  "standard-1": 8,
  "standard-2": 12,
  "standard-3": 16,
  "standard-4": 20,
};
/** Above this OpenSearch places no index on a node any more (its low watermark). */
export const USABLE_PERCENT = 85;
/** What a node needs for itself: logs, translog, segments that are being merged. */
export const OWN_MB = 1000;
/** OpenSearch makes no index beyond this many shards a node (`cluster.max_shards_per_node`). */
export const SHARDS_A_NODE = 1000;
/** Wazuh makes two indices a day: alerts and archives. */
const INDICES_A_DAY = 2;

export interface DiskNeed {
  needed_mb: number;
  /** What the indexer nodes can hold of alerts, in MB. */
  room_mb: number;
  /** The most days that these agents leave room for; null where there are none. */
  most_days: number | null;
  /** The most agents of which these days can be held. */
  most_agents: number;
}

/** What a plan's alerts take of the indexer's disk, and what there is. */
export function diskNeeded(plan: Plan): DiskNeed {
  const { count, instance } = plan.roles.indexer;
  const room_mb = count * ((DISK_GB[instance] * 1000 * USABLE_PERCENT) / 100 - OWN_MB);
  const copied = AGENT_MB_A_DAY * copiesOf(plan);
  const days = plan.retention_days;
  return {
    needed_mb: plan.max_agents * days * copied,
    room_mb,
    most_days: plan.max_agents === 0 ? null : Math.floor(room_mb / (plan.max_agents * copied)),
    most_agents: Math.floor(room_mb / (days * copied)),
  };
}

const copiesOf = (plan: Plan) => 1 + indexSettings(plan).replicas;

/** What of a plan is too large for its indexer, with the arithmetic; empty where all of it fits. */
export const sizeFaults = (plan: Plan): FieldFault[] => [...diskFaults(plan), ...shardFaults(plan)];

function diskFaults(plan: Plan): FieldFault[] {
  const need = diskNeeded(plan);
  if (need.needed_mb <= need.room_mb) return [];
  const days = plan.retention_days;
  const copies = copiesOf(plan) > 1 ? ` × ${copiesOf(plan)} copies` : "";
  const product = `${plan.max_agents} agents × ${daysOf(days)} × ${AGENT_MB_A_DAY} MB${copies}`;
  const ways = [...(need.most_days ? [daysOf(need.most_days)] : []), `${need.most_agents} agents`];
  const message =
    `${product} = ${gigabytes(Math.ceil(need.needed_mb / 100))}, and the indexer's disk holds ` +
    `${gigabytes(Math.floor(need.room_mb / 100))} of alerts: at most ${ways.join(", or ")}, or a larger indexer.`;
  return [{ path: "plan.retention_days", message }];
}

const daysOf = (days: number) => `${days} day${days === 1 ? "" : "s"}`;

/** Tenths as integers, so that both sides round alike. */
const gigabytes = (tenths: number) => `${Math.floor(tenths / 10)}.${tenths % 10} GB`;

function shardFaults(plan: Plan): FieldFault[] {
  const { shards } = indexSettings(plan);
  const total = INDICES_A_DAY * plan.retention_days * shards * copiesOf(plan);
  const room = SHARDS_A_NODE * plan.roles.indexer.count;
  if (total <= room) return [];
  const message = `${INDICES_A_DAY} indices a day × ${daysOf(plan.retention_days)} make ${total} shards, and ${room} can be had.`;
  return [{ path: "plan.indexer.shards", message }];
}
