/** Keeps objects, and with them all that they store, within the cell's jurisdiction. */
import { type Env, settingsOf } from "./bindings";

type Namespaces = {
  [Name in keyof Env as Env[Name] extends DurableObjectNamespace<infer _> ? Name : never]: Env[Name];
};

/** Every binding of objects; one that is missing here is none to the compiler. */
const NAMESPACES: Record<keyof Namespaces, true> = {
  TENANT: true,
  MANAGER: true,
  INDEXER: true,
  DASHBOARD: true,
  CERTS: true,
  WAZUH_EVENTS: true,
  FEED_BELL: true,
};

const known = new WeakMap<Env, Env>();

/**
 * The environment as all code of ours uses it, from the first line of a request, a cron or an object on: where the cell
 * has a jurisdiction, its namespaces find and make objects within that alone. The same name is another object outside.
 */
export function inJurisdiction(env: Env): Env {
  const { jurisdiction } = settingsOf(env);
  if (jurisdiction === "") return env;
  const bound = known.get(env) ?? { ...env, ...namespacesWithin(env, jurisdiction) };
  known.set(env, bound);
  return bound;
}

function namespacesWithin(env: Env, jurisdiction: DurableObjectJurisdiction): Partial<Env> {
  const names = Object.keys(NAMESPACES) as (keyof Namespaces)[];
  return Object.fromEntries(names.map((name) => [name, env[name].jurisdiction(jurisdiction)]));
}
