import { describe, expect, it } from "vitest";
import cases from "../../tests/contract/plan_sizes.json";
import { diskNeeded, sizeFaults } from "../src/plan_size";
import type { Instance, Plan } from "../src/schemas/plan";
import { PLAN } from "./support/edge";

type Case = (typeof cases)[number];

const planOf = ({ max_agents, retention_days, instance, count, replicas, shards }: Case) =>
  ({
    ...PLAN,
    ...{ max_agents, retention_days, indexer: replicas === null ? { shards } : { replicas, shards } },
    roles: { ...PLAN.roles, indexer: { count, instance: instance as Instance } },
  }) as Plan;

describe("what a plan's alerts take of the disk", () => {
  it.each(cases)("$max_agents agents × $retention_days days on $count × $instance", (one) => {
    const { needed_mb, room_mb, most_days, most_agents } = one;
    expect(diskNeeded(planOf(one))).toEqual({ needed_mb, room_mb, most_days, most_agents });
    const told = new Map(sizeFaults(planOf(one)).map(({ path, message }) => [path, message]));
    expect(told.get("plan.retention_days") ?? null).toBe(one.fault);
    expect(told.get("plan.indexer.shards") ?? null).toBe(one.shard_fault);
  });
});
