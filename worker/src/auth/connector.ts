import { digest, parseToken } from "../ids";

/** A connector's credential as it was sent; not yet checked against anything but its own form. */
export interface ConnectorCredential {
  tenant: string;
  agent: string;
  /** SHA-256 hex of the secret. */
  digest: string;
}

/** The same of an enrollment token. */
export interface ConnectorToken {
  tenant: string;
  token: string;
  digest: string;
}

/**
 * Reads an agent connector's credential: the pair of headers that Cloudflare's connector sends, or Basic.
 *
 * Its check digits are verified here, so that a misspelled or made-up credential reaches no object.
 *
 * @returns null where none is sent or it is malformed
 */
export function connectorCredential(headers: Headers): ConnectorCredential | null {
  const [id, secret] = sentPair(headers);
  if (!id || !secret) return null;
  const byKey = KEY.test(secret) ? OWN_ID.exec(id) : null;
  if (byKey) return { tenant: byKey[1] ?? "", agent: byKey[2] ?? "", digest: digest(secret) };
  const token = parseToken(secret);
  if (token?.prefix !== "con" || id !== `${token.owner}.${token.id}`) return null;
  return { tenant: token.owner, agent: token.id, digest: digest(secret) };
}

/** An agent that enrolled on 1515 got a key and nothing else; it opens for no other agent. */
const KEY = /^[0-9a-f]{64}$/;
const OWN_ID = /^([a-z2-7]{26})\.(\d{3,8})$/;

/**
 * Reads the enrollment token that a connector for 1515 shows, as the secret of the same pair; what its id says is nothing.
 * @returns null where none is sent or it is malformed
 */
export function enrollmentCredential(headers: Headers): ConnectorToken | null {
  const [, secret] = sentPair(headers);
  const token = secret ? parseToken(secret) : null;
  if (!secret || token?.prefix !== "enr") return null;
  return { tenant: token.owner, token: token.id, digest: digest(secret) };
}

const sentPair = (headers: Headers) => headerPair(headers) ?? basicPair(headers.get("authorization")) ?? [];

function headerPair(headers: Headers): [string, string] | null {
  const id = headers.get("cf-access-client-id");
  const secret = headers.get("cf-access-client-secret");
  return id && secret ? [id, secret] : null;
}

function basicPair(authorization: string | null): [string, string] | null {
  const encoded = /^Basic ([A-Za-z0-9+/=]{1,512})$/i.exec(authorization ?? "")?.[1];
  if (!encoded) return null;
  const text = Buffer.from(encoded, "base64").toString("latin1");
  const colon = text.indexOf(":");
  return colon > 0 ? [text.slice(0, colon), text.slice(colon + 1)] : null;
}
