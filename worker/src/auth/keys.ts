/** The control plane's public keys, and what everything that it signs has in common. */
import { importJWK } from "jose";
import type { Settings } from "../bindings";

export const ISSUER = "portal";
/** By how much the control plane's clock and ours may differ. */
export const CLOCK_TOLERANCE_S = 5;

type Registered = Settings["controlKeys"] extends Map<string, infer Key> ? Key : never;

const imported = new WeakMap<Registered, ReturnType<typeof importJWK>>();

/** The key in the form that signatures are checked with; imported once per isolate. */
export function publicKey(registered: Registered): ReturnType<typeof importJWK> {
  const known = imported.get(registered) ?? importJWK({ ...registered.jwk, alg: "EdDSA" }, "EdDSA");
  imported.set(registered, known);
  return known;
}
