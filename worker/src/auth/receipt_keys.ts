/**
 * The keys by which this deployment signs receipts: what was erased, and how a tenant is kept apart.
 *
 * Each key-encryption key of DATA_KEYS has one, derived by HKDF (RFC 5869), so that there is no further secret to keep and
 * a rotation of those keys is a rotation of these. From neither can the other be told. The public halves are shown at
 * `/.well-known/jwks.json`; whoever keeps receipts keeps the public key along with them, since a retired one is shown no more.
 */
import { createHash } from "node:crypto";
import { SignJWT } from "jose";
import type { Settings } from "../bindings";

const INFO = new TextEncoder().encode("edge receipt signing key, Ed25519, 1");
/** What stands before the 32 bytes of an Ed25519 key in PKCS #8 (RFC 8410). */
const PKCS8 = Buffer.from("302e020100300506032b657004220420", "hex");
export const RECEIPT_TYPE = "edge-receipt+jwt";

/** A public key as JWK (RFC 8037). */
export interface ReceiptJwk {
  kty: "OKP";
  crv: "Ed25519";
  use: "sig";
  alg: "EdDSA";
  kid: string;
  x: string;
}

interface ReceiptKey {
  key: CryptoKey;
  jwk: ReceiptJwk;
}

const derived = new WeakMap<Settings, Map<string, Promise<ReceiptKey>>>();

function keyOf(settings: Settings, kek: string): Promise<ReceiptKey> {
  const known = derived.get(settings) ?? new Map<string, Promise<ReceiptKey>>();
  derived.set(settings, known);
  const key = known.get(kek) ?? derive(settings, kek);
  known.set(kek, key);
  return key;
}

async function derive(settings: Settings, kek: string): Promise<ReceiptKey> {
  const secret = settings.dataKeys.keys.get(kek);
  if (!secret) throw new Error(`there is no key-encryption key ${kek}`);
  const material = await crypto.subtle.importKey("raw", new Uint8Array(secret), "HKDF", false, ["deriveBits"]);
  const salt = new TextEncoder().encode(settings.audience);
  const seed = await crypto.subtle.deriveBits({ name: "HKDF", hash: "SHA-256", salt, info: INFO }, material, 256);
  const pkcs8 = new Uint8Array(Buffer.concat([PKCS8, Buffer.from(seed)]));
  const key = await crypto.subtle.importKey("pkcs8", pkcs8, "Ed25519", true, ["sign"]);
  const { x = "" } = (await crypto.subtle.exportKey("jwk", key)) as JsonWebKey;
  const kid = createHash("sha256").update(Buffer.from(x, "base64url")).digest("hex").slice(0, 16);
  return { key, jwk: { kty: "OKP", crv: "Ed25519", use: "sig", alg: "EdDSA", kid, x } };
}

/** The public keys, the one that signs now first. */
export async function receiptKeys(settings: Settings): Promise<ReceiptJwk[]> {
  const { current, keys } = settings.dataKeys;
  const others = [...keys.keys()].filter((kek) => kek !== current);
  const found = await Promise.all([current, ...others].map((kek) => keyOf(settings, kek)));
  return found.map(({ jwk }) => jwk);
}

/** Signs a statement as a compact JWS (RFC 7515) of type `edge-receipt+jwt`. @param at milliseconds since 1970 */
export async function signReceipt(settings: Settings, statement: Record<string, unknown>, at: number): Promise<string> {
  const { key, jwk } = await keyOf(settings, settings.dataKeys.current);
  return new SignJWT(statement)
    .setProtectedHeader({ alg: "EdDSA", typ: RECEIPT_TYPE, kid: jwk.kid })
    .setIssuer(settings.audience)
    .setIssuedAt(Math.floor(at / 1000))
    .sign(key);
}
