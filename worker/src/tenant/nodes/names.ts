/** Names of node objects. One object a node, named after its tenant, so that no look-up can mix tenants. */
import type { Env } from "../../bindings";
import type { Role } from "../../schemas/plan";
import type { BaseWazuhContainer } from "./base";
import type { CertsContainer } from "./certs";
import type { DashboardContainer } from "./dashboard";
import type { IndexerContainer } from "./indexer";
import type { ManagerContainer } from "./manager";

interface NodeClasses {
  certs: CertsContainer;
  indexer: IndexerContainer;
  manager: ManagerContainer;
  dashboard: DashboardContainer;
}

const NAMESPACES = { certs: "CERTS", indexer: "INDEXER", manager: "MANAGER", dashboard: "DASHBOARD" } as const;

/** The object of a tenant's `n`-th node of a role. */
export function nodeStub<R extends Role>(
  env: Env,
  tenant: string,
  role: R,
  n: number,
): DurableObjectStub<NodeClasses[R]> {
  const namespace = env[NAMESPACES[role]] as unknown as DurableObjectNamespace<NodeClasses[R]>;
  return namespace.getByName(`${tenant}:${role}:${n}`);
}

/** The object of any node, for what all roles have in common. */
export function anyNodeStub(env: Env, tenant: string, role: Role, n: number): DurableObjectStub<BaseWazuhContainer> {
  const namespace = env[NAMESPACES[role]] as unknown as DurableObjectNamespace<BaseWazuhContainer>;
  return namespace.getByName(`${tenant}:${role}:${n}`);
}

/** The parts of a node object's name. @throws Error for a name that `nodeStub` did not make. */
export function partsOf(name: string | undefined): { tenant: string; role: Role; n: number } {
  const match = /^([a-z2-7]{26}):(certs|indexer|manager|dashboard):(\d+)$/.exec(name ?? "");
  if (!match) throw new Error(`not a node object's name: ${name}`);
  return { tenant: match[1] ?? "", role: match[2] as Role, n: Number(match[3]) };
}
