/** The Worker's environment: what is bound, and its plain values checked once. */
import { z } from "zod";
import type { EventStream } from "./events/stream";
import type { FeedBell } from "./feed_bell";
import { RATE_NAMES } from "./rates";
import type { CertsContainer } from "./tenant/nodes/certs";
import type { DashboardContainer } from "./tenant/nodes/dashboard";
import type { IndexerContainer } from "./tenant/nodes/indexer";
import type { ManagerContainer } from "./tenant/nodes/manager";
import type { TenantObject } from "./tenant/tenant_object";

export interface Env {
  ENVIRONMENT: string;
  CELL_ID: string;
  RUNTIME: string;
  JURISDICTION?: string;
  CONTROL_KEYS: unknown;
  PORTAL_ORIGIN: string;
  API_HOSTS: string;
  DASHBOARD_ZONE: string;
  PUBLIC_URL: string;
  VERSIONS: unknown;
  CELL_ID_KEY: string;
  DATA_KEYS: unknown;
  HOT_LOG_BYTES?: string;
  ACCESS_ISSUER?: string;
  ACCESS_AUDIENCE?: string;
  RATE_LIMITS?: unknown;
  /** Counts by source address before any object is touched; a developer's machine has none. */
  SOURCE_LIMIT?: RateLimit;
  TENANT: DurableObjectNamespace<TenantObject>;
  MANAGER: DurableObjectNamespace<ManagerContainer>;
  INDEXER: DurableObjectNamespace<IndexerContainer>;
  DASHBOARD: DurableObjectNamespace<DashboardContainer>;
  CERTS: DurableObjectNamespace<CertsContainer>;
  WAZUH_EVENTS: DurableObjectNamespace<EventStream>;
  FEED_BELL: DurableObjectNamespace<FeedBell>;
  WAZUH_META: D1Database;
  WAZUH_CLUSTER_CONFIG: KVNamespace;
  ARCHIVE: R2Bucket;
}

export type Door = "control" | "access";

/** Variables arrive as JSON text from `wrangler` secrets and as plain values from its configuration. */
const json = <T extends z.ZodType>(schema: T) =>
  z.preprocess((value) => (typeof value === "string" ? parseJson(value) : value), schema);

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const PublicKey = z.object({
  kid: z.string().min(1),
  door: z.enum(["control", "access"]),
  jwk: z.object({ kty: z.literal("OKP"), crv: z.literal("Ed25519"), x: z.string().length(43) }).loose(),
});

const base64Key = z.string().refine((text) => Buffer.from(text, "base64").length === 32, "must be 32 bytes in base64");

const DataKeys = z
  .object({ current: z.string(), keys: z.record(z.string(), base64Key) })
  .refine((value) => value.current in value.keys, { path: ["current"], message: "names no key of `keys`" });

/** Of each log, events or journal, so much lies in its object before the oldest of it goes to the archive. */
const HOT_LOG_BYTES = 16 * 1024 * 1024;

const SettingsSchema = z
  .object({
    ENVIRONMENT: z.enum(["local", "test", "production"]),
    CELL_ID: z.string().regex(/^[a-z2-7]{2}$/),
    RUNTIME: z.enum(["stand-in", "docker", "cloudflare"]),
    JURISDICTION: z.enum(["", "eu"]).default(""),
    CONTROL_KEYS: json(z.array(PublicKey)),
    PORTAL_ORIGIN: z.url(),
    API_HOSTS: z.string().min(1),
    DASHBOARD_ZONE: z.string().min(1),
    PUBLIC_URL: z.url(),
    VERSIONS: json(z.record(z.string(), z.string())),
    CELL_ID_KEY: z.string().regex(/^([0-9a-f]{2}){16,}$/),
    DATA_KEYS: json(DataKeys),
    HOT_LOG_BYTES: z.coerce
      .number()
      .int()
      .min(16 * 1024)
      .default(HOT_LOG_BYTES),
    ACCESS_ISSUER: z.union([z.literal(""), z.url()]).default(""),
    ACCESS_AUDIENCE: z.string().default(""),
    RATE_LIMITS: json(z.partialRecord(z.enum(RATE_NAMES), z.int().min(1).max(1_000_000))).default({}),
    SOURCE_LIMIT: z.unknown().optional(),
  })
  // Without an audience any application of the team would open the door.
  .refine((value) => (value.ACCESS_ISSUER === "") === (value.ACCESS_AUDIENCE === ""), {
    path: ["ACCESS_AUDIENCE"],
    message: "goes with ACCESS_ISSUER",
  })
  .transform((value) => ({
    environment: value.ENVIRONMENT,
    cellId: value.CELL_ID,
    runtime: value.RUNTIME,
    /** What the cell's objects are bound to; empty: nothing. It never changes: outside of it nothing is found. */
    jurisdiction: value.JURISDICTION,
    /** The public keys that open `/v1`, by key id; a second key of a door is a rotation under way. */
    controlKeys: new Map(value.CONTROL_KEYS.map((key) => [key.kid, key])),
    audience: `edge:${value.ENVIRONMENT}:${value.CELL_ID}`,
    portalOrigin: new URL(value.PORTAL_ORIGIN).origin,
    apiHosts: new Set(value.API_HOSTS.split(",").map((host) => host.trim().toLowerCase())),
    dashboardZone: value.DASHBOARD_ZONE.toLowerCase(),
    publicUrl: new URL(value.PUBLIC_URL).origin,
    /** Wazuh version → image key, the same in every node class. */
    versions: new Map(Object.entries(value.VERSIONS)),
    /** Whose assertions open the operators' door; null: nobody's. */
    access: value.ACCESS_ISSUER ? { issuer: value.ACCESS_ISSUER, audience: value.ACCESS_AUDIENCE } : null,
    /** What this deployment allows otherwise than `RATES` does. */
    rateLimits: value.RATE_LIMITS,
    countsSources: value.SOURCE_LIMIT !== undefined,
    cellIdKey: Buffer.from(value.CELL_ID_KEY, "hex"),
    dataKeys: {
      current: value.DATA_KEYS.current,
      keys: new Map(Object.entries(value.DATA_KEYS.keys).map(([id, key]) => [id, Buffer.from(key, "base64")])),
    },
    hotLogBytes: value.HOT_LOG_BYTES,
  }))
  .superRefine((settings, context) => {
    for (const [path, message] of unfitForProduction(settings))
      context.addIssue({ code: "custom", path: [path], message });
  });

export type Settings = z.output<typeof SettingsSchema>;

/** Each tenant's dashboard has an origin of its own; the scheme is that of the edge. */
export function dashboardOrigin({ publicUrl, dashboardZone }: Settings, tenant: string): string {
  return `${new URL(publicUrl).protocol}//${tenant}.${dashboardZone}`;
}

/** What a production deployment must not run with: anything that only a developer's machine has. */
function unfitForProduction(settings: {
  environment: string;
  runtime: string;
  portalOrigin: string;
  publicUrl: string;
  apiHosts: Set<string>;
  dashboardZone: string;
  controlKeys: Map<string, { door: Door }>;
  countsSources: boolean;
  access: { issuer: string } | null;
  dataKeys: { keys: Map<string, unknown> };
}): [string, string][] {
  if (settings.environment !== "production") return [];
  const loopback = (host: string) => /^(localhost|.*\.localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?$/.test(host);
  const doors = [...settings.controlKeys.values()].map(({ door }) => door);
  const others = [new URL(settings.portalOrigin).host, new URL(settings.publicUrl).host, ...settings.apiHosts];
  const faults: [boolean, string, string][] = [
    [settings.runtime !== "cloudflare", "RUNTIME", "nodes of a developer's machine are for local runs only"],
    [!doors.includes("control") || !doors.includes("access"), "CONTROL_KEYS", "needs a key of each door"],
    [!settings.portalOrigin.startsWith("https:"), "PORTAL_ORIGIN", "must be https"],
    [!settings.publicUrl.startsWith("https:"), "PUBLIC_URL", "must be https"],
    [[...settings.apiHosts].some(loopback), "API_HOSTS", "names a loopback host"],
    [loopback(settings.dashboardZone), "DASHBOARD_ZONE", "is a loopback zone"],
    [
      others.some((host) => isWithin(host, settings.dashboardZone)),
      "DASHBOARD_ZONE",
      "contains the portal's or API's host",
    ],
    [
      settings.access !== null && !/^https:\/\/[a-z0-9-]+\.cloudflareaccess\.com$/.test(settings.access.issuer),
      "ACCESS_ISSUER",
      "must be https://<team>.cloudflareaccess.com",
    ],
    [!settings.countsSources, "SOURCE_LIMIT", "is not bound"],
    [[...settings.dataKeys.keys.keys()].some((id) => id.startsWith("local")), "DATA_KEYS", "holds a local key"],
  ];
  return faults.filter(([wrong]) => wrong).map(([, path, message]) => [path, message]);
}

/** A page of a dashboard must share no cookie and no site with the portal. */
const isWithin = (host: string, zone: string) => host === zone || host.endsWith(`.${zone}`);

const checked = new WeakMap<object, Settings>();

/**
 * The environment's plain values, parsed once per isolate.
 * @throws Error naming every wrong variable (never its value: some are secrets).
 */
export function settingsOf(env: Env): Settings {
  const known = checked.get(env);
  if (known) return known;
  const result = SettingsSchema.safeParse(env);
  if (!result.success) {
    const faults = result.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`);
    throw new Error(`The Worker's environment is not usable: ${faults.join("; ")}`);
  }
  checked.set(env, result.data);
  return result.data;
}
