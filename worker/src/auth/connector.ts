import { digest, parseToken } from "../ids";

/** A connector's credential as it was sent; not yet checked against anything but its own form. */
export interface ConnectorCredential {
  tenant: string;
  agent: string;
  /** SHA-256 hex of the secret. */
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
  const [id, secret] = headerPair(headers) ?? basicPair(headers.get("authorization")) ?? [];
  const token = secret ? parseToken(secret) : null;
  if (!id || !secret || token?.prefix !== "con" || id !== `${token.owner}.${token.id}`) return null;
  return { tenant: token.owner, agent: token.id, digest: digest(secret) };
}

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
