/** How a node tells its tenant what keeps its state from being safe. */
import type { Env } from "../../bindings";
import type { ErrorBody } from "../../errors";
import type { StateNode } from "../../state/vault";

/** The code that was told last. */
const TROUBLE = "state_trouble";

/** Tells it once for each kind of trouble; null once the state is safe again. */
export async function tellTrouble(
  env: Env,
  { kv }: DurableObjectStorage,
  { tenant, role, n }: StateNode,
  trouble: ErrorBody | null,
): Promise<void> {
  if (kv.get<string>(TROUBLE) === trouble?.code) return;
  await env.TENANT.getByName(tenant).stateTrouble(role, n, trouble);
  if (trouble) kv.put(TROUBLE, trouble.code);
  else kv.delete(TROUBLE);
}
