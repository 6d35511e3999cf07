/** What a tenant may be: sizes, counts, versions, days, settings and thresholds. */
import { z } from "@hono/zod-openapi";
import { orNull } from "./basics";
import { ContentDigest } from "./content";

export const Instance = z.enum(["lite", "basic", "standard-1", "standard-2", "standard-3", "standard-4"]);
export type Instance = z.infer<typeof Instance>;

/** The roles that a plan sizes, in the order in which they start. */
export const SERVING_ROLES = ["indexer", "manager", "dashboard"] as const;

export const Role = z.enum(["certs", ...SERVING_ROLES]);
export type Role = z.infer<typeof Role>;

export type ServingRole = (typeof SERVING_ROLES)[number];

/**
 * How many nodes of a role a tenant may have. The first manager is the master of a Wazuh cluster and the others its workers;
 * dashboards keep nothing, and each session stays with one of them. Indexers are one or three: of two none could go.
 */
export const MAX_COUNT = { manager: 5, indexer: 3, dashboard: 3 } as const satisfies Record<ServingRole, number>;

const Version = z.string().min(1).max(32);

const countOf = (role: ServingRole) => z.int().min(1).max(MAX_COUNT[role]);

const rolePlan = <I extends z.ZodType>(role: ServingRole, instance: I, count: z.ZodType<number> = countOf(role)) =>
  z.strictObject({
    count,
    instance,
    image: Version.optional().openapi({ description: "A version of its own for this role; one that is offered" }),
  });

/** OpenSearch does not start in less memory than `standard-2` has. */
const IndexerInstance = Instance.refine((size) => !["lite", "basic", "standard-1"].includes(size), {
  message: "the indexer needs standard-2 or larger",
});

const IndexerCount = countOf("indexer")
  .refine((count) => count !== 2, { message: "1 or 3: two indexers have no majority when one of them is lost" })
  .openapi({ description: "1 or 3: two have no majority when one is lost" });

/** A quarter of an hour at least: what starts again costs more than what idles shortly. */
const SleepPolicy = z.strictObject({ after_minutes: z.int().min(15).max(10_080) }).openapi("SleepPolicy");

/** Which backups a tenant makes by itself. Its `keep` times `every_hours` is how long each stays. */
export const BackupSchedule = z
  .strictObject({
    every_hours: z.int().min(6).max(168),
    at_utc: z
      .string()
      .regex(/^([01][0-9]|2[0-3]):[0-5][0-9]$/, "must be a time such as 02:30")
      .optional()
      .openapi({
        description:
          "A time of the day in UTC at which one is made; the others follow from it, and a week's is made on Sunday. Missing: the edge spreads them",
      }),
    keep: z.int().min(1).max(90).openapi({ description: "How many are kept while one follows the other" }),
  })
  .openapi("BackupSchedule");
export type BackupSchedule = z.infer<typeof BackupSchedule>;

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
  .openapi({
    description:
      "Of each new index; left out: 1 shard, one replica where there are three nodes and none on one, 5 seconds until an alert can be found",
  });

const ThresholdSettings = z
  .strictObject({
    silent_agents_percent: z.int().min(0).max(100),
    agent_silence_minutes: z.int().min(1).max(10_080),
    manager_silence_minutes: z.int().min(3).max(1440),
    ingest_lag_seconds: z.int().min(30).max(86_400),
    disk_warning_percent: z.int().min(50).max(94),
  })
  .partial()
  .openapi({
    description:
      "Above which a tenant that runs needs a look; left out: 0 percent, 15 and 10 minutes, 300 seconds, 85 percent",
  });

/** What holds between fields is judged once each of them can be. */
const isSound = ({ issues }: { issues: unknown[] }) => issues.length === 0;

export const Plan = z
  .strictObject({
    version: Version,
    roles: z.strictObject({
      manager: rolePlan("manager", Instance),
      indexer: rolePlan("indexer", IndexerInstance, IndexerCount),
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
    raw_enrollment: z.boolean().optional().openapi({
      description:
        "Whether machines may enroll by Wazuh's own protocol as well, through /agents/{tenant}/1515; missing: no",
    }),
    content: orNull(ContentDigest).optional().openapi({
      description:
        "Which stored bundle of rules, decoders, lists and groups' configurations the manager has; null or missing: none",
    }),
    backups: BackupSchedule.optional().openapi({
      description: "When it backs itself up; missing: once a day, each kept for 7 days and a Sunday's for 28",
    }),
    indexer: IndexerSettings.optional(),
    thresholds: ThresholdSettings.optional(),
  })
  .refine((plan) => (plan.indexer?.replicas ?? 0) < plan.roles.indexer.count, {
    path: ["indexer", "replicas"],
    message: "each copy needs an indexer node of its own",
    when: isSound,
  })
  // A node starts with an empty disk: what has no copy would be gone with each, and the cluster would go on without it.
  .refine((plan) => plan.indexer?.replicas !== 0 || plan.roles.indexer.count === 1, {
    path: ["indexer", "replicas"],
    message: "several indexer nodes need at least one copy: a node that is replaced comes empty",
    when: isSound,
  })
  .openapi("Plan");
export type Plan = z.infer<typeof Plan>;
