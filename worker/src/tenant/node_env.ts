/** The environment of each node: what the real images read, with this tenant's own credentials. */
import { agentsPrefix } from "../gates/agent_headers";
import { heapOf, indexSettings } from "../plan";
import type { Plan, Role, ServingRole } from "../schemas/plan";
import { SERVING_ROLES } from "../schemas/plan";
import { MESH_PORTS } from "../tunnel/links";
import { basicAuthorization } from "./basic";
import type { CertificateFiles } from "./certificates";
import type { TenantContext } from "./context";
import { credentialsAt, formerCredentials } from "./credentials";
import type { MintRequest } from "./nodes/certs";

/** The user of the manager's API that the edge and the dashboard sign in as. */
export const MANAGER_API_USER = "wazuh-wui";
/** The indexer's administrator, known to the manager and to the edge. */
export const INDEXER_ADMIN = "admin";
export const INDEXER_DASHBOARD_USER = "kibanaserver";

/** The header with which the edge itself speaks to the indexer, by the credentials that the indexer was started with. */
export const indexerAuthorization = async (ctx: TenantContext, n = 0) =>
  basicAuthorization(INDEXER_ADMIN, await ctx.secret("indexer_admin", credentialsAt(ctx, "indexer", n)));

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

/** Whether a role's nodes form a cluster. A manager alone runs without its daemon, an indexer alone looks for nobody. */
export const isClustered = (plan: Plan, role: "manager" | "indexer") => plan.roles[role].count > 1;

const range = (count: number) => Array.from({ length: count }, (_, n) => n);

/** Loopback ports of an indexer's container that lead to each indexer, itself among them, at their transport ports. */
const TRANSPORT_WAYS = 9310;

/** How an indexer finds its cluster; see images/indexer/cluster.yml. */
function discoveryOf(count: number, n: number) {
  const nodes = count > 1 ? range(count) : [];
  const ways = nodes.map((peer): [number, number | string] => [
    TRANSPORT_WAYS + peer,
    peer === n ? `self:${MESH_PORTS.indexer}` : peer,
  ]);
  return {
    type: count > 1 ? "zen" : "single-node",
    seeds: nodes.map((peer) => `127.0.0.1:${TRANSPORT_WAYS + peer}`).join(","),
    initial: nodes.map((peer) => nodeName("indexer", peer)).join(","),
    port: count > 1 ? String(TRANSPORT_WAYS + n) : "",
    ways: waysTo(ways),
  };
}

/** The loopback ports of a node that lead to others of its role, as `images/lib/mesh` reads them. */
const waysTo = (peers: [port: number, peer: number | string][]) =>
  peers.map(([port, peer]) => `${port}=${peer}`).join(" ");

/** @param before as `secret`, of the generation that is exchanged for this one; empty where none is */
type Make = (
  secret: (name: string) => Promise<string>,
  plan: Plan,
  n: number,
  before: (name: string) => Promise<string>,
  tenant: string,
) => Promise<Record<string, string>>;

const ROLE_ENVIRONMENT: Record<ServingRole, Make> = {
  indexer: async (secret, plan, n, before) => ({
    STATE_URL: "http://state.internal",
    REPOSITORY_URL: "http://repository.internal",
    INDEX_SHARDS: String(indexSettings(plan).shards),
    INDEX_REPLICAS: String(indexSettings(plan).replicas),
    INDEX_REFRESH_SECONDS: String(indexSettings(plan).refresh_interval_s),
    INDEXER_PASSWORD: await secret("indexer_admin"),
    DASHBOARD_PASSWORD: await secret("indexer_dashboard"),
    OPENSEARCH_JAVA_OPTS: javaOptions(heapOf(plan.roles.indexer.instance)),
    // Users are the cluster's: its first node with new passwords needs the old ones to bring them in.
    INDEXER_PASSWORD_BEFORE: isClustered(plan, "indexer") ? await before("indexer_admin") : "",
    MESH_URL: "http://mesh.internal",
    MESH_LISTEN: discoveryOf(plan.roles.indexer.count, n).ways,
    "discovery.type": discoveryOf(plan.roles.indexer.count, n).type,
    "discovery.seed_hosts": discoveryOf(plan.roles.indexer.count, n).seeds,
    "cluster.initial_cluster_manager_nodes": discoveryOf(plan.roles.indexer.count, n).initial,
    "transport.publish_port": discoveryOf(plan.roles.indexer.count, n).port,
    "node.store.allow_mmap": "false",
    "plugins.security.allow_default_init_securityindex": "true",
  }),
  manager: async (secret, plan, n, _before, tenant) => ({
    STATE_URL: "http://state.internal",
    INDEXER_URL: "http://indexer.internal",
    INDEXER_USERNAME: INDEXER_ADMIN,
    INDEXER_PASSWORD: await secret("indexer_admin"),
    // Names inside the edge are plain HTTP: there is no certificate to verify.
    FILEBEAT_SSL_VERIFICATION_MODE: "none",
    API_USERNAME: MANAGER_API_USER,
    API_PASSWORD: await secret("manager_api"),
    WAZUH_CLUSTER_KEY: await secret("manager_cluster"),
    AUTHD_PASSWORD: await secret("manager_enrollment"),
    NODE_TYPE: n === 0 ? "master" : "worker",
    CLUSTER_DISABLED: isClustered(plan, "manager") ? "no" : "yes",
    // The master alone enrolls; without an address nothing of the image listens on 1515.
    ENROLL_URL: plan.raw_enrollment && n === 0 ? "http://enroll.internal" : "",
    MESH_URL: "http://mesh.internal",
    // Wazuh 5 agents keep the path of their door, so the manager serves below the same one.
    AGENTS_PREFIX: agentsPrefix(tenant),
    // A worker binds no 1516 of its own: there is its master.
    MESH_LISTEN: waysTo(n === 0 ? [] : [[MESH_PORTS.manager, 0]]),
  }),
  dashboard: async (secret) => ({
    INDEXER_USERNAME: INDEXER_DASHBOARD_USER,
    INDEXER_PASSWORD: await secret("indexer_dashboard"),
    WAZUH_API_URL: "http://manager.internal",
    API_USERNAME: MANAGER_API_USER,
    API_PASSWORD: await secret("manager_api"),
    COOKIE_PASSWORD: await secret("dashboard_cookie"),
  }),
};

/** Only what the node itself needs of the bundle; the authority's key reaches none. */
function certificatesFor(role: ServingRole, n: number, files: CertificateFiles): CertificateFiles {
  const own = [`${nodeName(role, n)}.pem`, `${nodeName(role, n)}-key.pem`];
  const admin = role === "indexer" ? ["admin.pem", "admin-key.pem"] : [];
  const names = ["root-ca.pem", ...own, ...admin];
  return Object.fromEntries(names.flatMap((name) => (files[name] ? [[name, files[name]]] : [])));
}

/** @param given generation of the credentials, and the active bundle; null for the node that is to mint one */
export async function environmentOf(
  ctx: TenantContext,
  plan: Plan,
  node: { role: Role; n: number },
  given: { credentials: number; files: CertificateFiles | null },
): Promise<Record<string, string>> {
  const { role, n } = node;
  const common = { TENANT_ID: ctx.id, NODE_NAME: nodeName(role, n) };
  if (!isServing(role)) return { ...common, CERTS_REQUEST: JSON.stringify(mintRequest(plan)) };
  const certificates = JSON.stringify(certificatesFor(role, n, given.files ?? {}));
  const secret = (name: string) => ctx.secret(name, given.credentials);
  const former = formerCredentials(ctx);
  const before = async (name: string) => (former === null ? "" : ctx.secret(name, former));
  return {
    ...common,
    NODE_CERTIFICATES: certificates,
    ...(await ROLE_ENVIRONMENT[role](secret, plan, n, before, ctx.id)),
  };
}

const isServing = (role: Role): role is ServingRole => (SERVING_ROLES as readonly string[]).includes(role);
