/** The environment of each node: what the real images read, with this tenant's own credentials. */
import { heapOf, indexSettings } from "../plan";
import type { Plan, Role, ServingRole } from "../schemas";
import { SERVING_ROLES } from "../schemas";
import { basicAuthorization } from "./basic";
import type { CertificateFiles } from "./certificates";
import type { TenantContext } from "./context";
import type { MintRequest } from "./nodes/certs";

/** The user of the manager's API that the edge and the dashboard sign in as. */
export const MANAGER_API_USER = "wazuh-wui";
/** The indexer's administrator, known to the manager and to the edge. */
const INDEXER_ADMIN = "admin";
const INDEXER_DASHBOARD_USER = "kibanaserver";

/** The header with which the edge itself speaks to the indexer. */
export const indexerAuthorization = async (ctx: TenantContext) =>
  basicAuthorization(INDEXER_ADMIN, await ctx.secret("indexer_admin"));

export const nodeName = (role: Role, n: number) => `${role}-${n}`;

/** The names that certificates are minted for; the official generator calls managers "server". */
export function mintRequest(plan: Plan): MintRequest {
  const named = (role: ServingRole) =>
    Array.from({ length: plan.roles[role].count }, (_, n) => ({ name: nodeName(role, n), ip: "127.0.0.1" }));
  return {
    days: plan.certificate_days,
    nodes: { indexer: named("indexer"), server: named("manager"), dashboard: named("dashboard") },
  };
}

const javaOptions = (heap: number) => `-Xms${heap}m -Xmx${heap}m`;

type Make = (ctx: TenantContext, plan: Plan) => Promise<Record<string, string>>;

const ROLE_ENVIRONMENT: Record<ServingRole, Make> = {
  indexer: async (ctx, plan) => ({
    STATE_URL: "http://state.internal",
    INDEX_SHARDS: String(indexSettings(plan).shards),
    INDEX_REPLICAS: String(indexSettings(plan).replicas),
    INDEX_REFRESH_SECONDS: String(indexSettings(plan).refresh_interval_s),
    INDEXER_PASSWORD: await ctx.secret("indexer_admin"),
    DASHBOARD_PASSWORD: await ctx.secret("indexer_dashboard"),
    OPENSEARCH_JAVA_OPTS: javaOptions(heapOf(plan.roles.indexer.instance)),
    "discovery.type": "single-node",
    "node.store.allow_mmap": "false",
    "plugins.security.allow_default_init_securityindex": "true",
  }),
  manager: async (ctx) => ({
    STATE_URL: "http://state.internal",
    INDEXER_URL: "http://indexer.internal",
    INDEXER_USERNAME: INDEXER_ADMIN,
    INDEXER_PASSWORD: await ctx.secret("indexer_admin"),
    // Names inside the edge are plain HTTP: there is no certificate to verify.
    FILEBEAT_SSL_VERIFICATION_MODE: "none",
    API_USERNAME: MANAGER_API_USER,
    API_PASSWORD: await ctx.secret("manager_api"),
    WAZUH_CLUSTER_KEY: await ctx.secret("manager_cluster"),
    AUTHD_PASSWORD: await ctx.secret("manager_enrollment"),
  }),
  dashboard: async (ctx) => ({
    INDEXER_USERNAME: INDEXER_DASHBOARD_USER,
    INDEXER_PASSWORD: await ctx.secret("indexer_dashboard"),
    WAZUH_API_URL: "http://manager.internal",
    API_USERNAME: MANAGER_API_USER,
    API_PASSWORD: await ctx.secret("manager_api"),
    COOKIE_PASSWORD: await ctx.secret("dashboard_cookie"),
  }),
};

/** Only what the node itself needs of the bundle; the authority's key reaches none. */
function certificatesFor(role: ServingRole, n: number, files: CertificateFiles): CertificateFiles {
  const own = [`${nodeName(role, n)}.pem`, `${nodeName(role, n)}-key.pem`];
  const admin = role === "indexer" ? ["admin.pem", "admin-key.pem"] : [];
  const names = ["root-ca.pem", ...own, ...admin];
  return Object.fromEntries(names.flatMap((name) => (files[name] ? [[name, files[name]]] : [])));
}

/** @param files the active bundle; null for the node that is to mint it */
export async function environmentOf(
  ctx: TenantContext,
  plan: Plan,
  node: { role: Role; n: number },
  files: CertificateFiles | null,
): Promise<Record<string, string>> {
  const { role, n } = node;
  const common = { TENANT_ID: ctx.id, NODE_NAME: nodeName(role, n) };
  if (!isServing(role)) return { ...common, CERTS_REQUEST: JSON.stringify(mintRequest(plan)) };
  const certificates = JSON.stringify(certificatesFor(role, n, files ?? {}));
  return { ...common, NODE_CERTIFICATES: certificates, ...(await ROLE_ENVIRONMENT[role](ctx, plan)) };
}

const isServing = (role: Role): role is ServingRole => (SERVING_ROLES as readonly string[]).includes(role);
