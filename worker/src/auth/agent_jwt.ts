/**
 * The bearer of a Wazuh 5 agent, by the closed profile `wazuh-agent+jwt` of its manager: a JWT under HS256 whose key are the
 * 32 bytes that the agent's secret of 64 hex digits stands for. It says who sends and when; TLS protects what is sent.
 *
 * Source: Wazuh's own description of its manager's agent API (5.0, `docs/ref/modules/remoted/agent-api.yaml`).
 */
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { z } from "zod";

const TYPE = "wazuh-agent+jwt";
const LIFETIME_S = 60;
/** How far the clocks of agent and edge may be apart; the manager's own default. */
const SKEW_S = 30;
const MAX_LENGTH = 4096;

const Header = z.strictObject({
  alg: z.literal("HS256"),
  kid: z.string().regex(/^\d{3,10}$/),
  typ: z.literal(TYPE),
});

const Claims = z
  .strictObject({ exp: z.int(), iat: z.int(), iss: z.string(), jti: z.string(), nbf: z.int(), sub: z.string() })
  .refine(({ exp, iat, nbf }) => exp - iat === LIFETIME_S && nbf === iat);

/** A bearer of the right form; nothing of it is proven before {@link isSignedBy} says so. */
export interface AgentToken {
  /** Id of the agent that it names. */
  agent: string;
  /** Seconds since 1970. */
  issuedAt: number;
  signed: string;
  signature: Buffer;
}

/** Reads an `Authorization` header. @returns null where it holds no bearer of the profile */
export function agentToken(authorization: string | null): AgentToken | null {
  const match = /^Bearer (([\w-]+)\.([\w-]+))\.([\w-]{43})$/.exec((authorization ?? "").slice(0, MAX_LENGTH));
  const [header, claims] = [Header.safeParse(jsonOf(match?.[2])).data, Claims.safeParse(jsonOf(match?.[3])).data];
  if (!match || !header || !claims) return null;
  if (claims.sub !== header.kid || claims.iss !== `wazuh-agent/${header.kid}`) return null;
  const [, signed = "", , , signature = ""] = match;
  return { agent: header.kid, issuedAt: claims.iat, signed, signature: Buffer.from(signature, "base64url") };
}

/**
 * Whether this agent made the bearer, and lately.
 * @param secret the agent's secret, 64 hex digits
 * @param now milliseconds since 1970
 */
export function isSignedBy(token: AgentToken, secret: string, now: number): boolean {
  const age = Math.floor(now / 1000) - token.issuedAt;
  const isFresh = age >= -SKEW_S && age <= LIFETIME_S + SKEW_S;
  return timingSafeEqual(token.signature, signatureOf(token.signed, secret)) && isFresh;
}

/** A fresh `Authorization` header of an agent, for what the edge kept of it. @param now milliseconds since 1970 */
export function agentAuthorization(agent: string, secret: string, now: number): string {
  const iat = Math.floor(now / 1000);
  const jti = randomBytes(16).toString("base64url");
  // The manager takes the members in this order only.
  const header = { alg: "HS256", kid: agent, typ: TYPE };
  const claims = { exp: iat + LIFETIME_S, iat, iss: `wazuh-agent/${agent}`, jti, nbf: iat, sub: agent };
  const signed = [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString("base64url")).join(".");
  return `Bearer ${signed}.${signatureOf(signed, secret).toString("base64url")}`;
}

const signatureOf = (signed: string, secret: string) =>
  createHmac("sha256", Buffer.from(secret, "hex")).update(signed, "ascii").digest();

function jsonOf(part: string | undefined): unknown {
  try {
    return JSON.parse(Buffer.from(part ?? "", "base64url").toString("utf8"));
  } catch {
    return undefined;
  }
}
