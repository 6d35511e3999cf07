/**
 * The bearer of a Wazuh 5 agent, by the closed profile `wazuh-agent+jwt` of its manager: a JWT under HS256 whose key are the
 * 32 bytes that the agent's secret of 64 hex digits stands for. It says who sends and when; TLS protects what is sent.
 *
 * Source: Wazuh's own description of its manager's agent API (5.0, `docs/ref/modules/remoted/agent-api.yaml`).
 */
import { randomBytes } from "node:crypto";
import { z } from "zod";
import { isFresh, isSigned, LIFETIME_S, readJwt, signJwt, spansAMinute, Times } from "./jwt_hs256";

const TYPE = "wazuh-agent+jwt";

const Header = z.strictObject({
  alg: z.literal("HS256"),
  kid: z.string().regex(/^\d{3,10}$/),
  typ: z.literal(TYPE),
});

const Claims = Times.extend({ iss: z.string(), sub: z.string() }).refine(spansAMinute);

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
  const read = readJwt(authorization, Header, Claims);
  if (!read) return null;
  const { header, claims, signed, signature } = read;
  if (claims.sub !== header.kid || claims.iss !== `wazuh-agent/${header.kid}`) return null;
  return { agent: header.kid, issuedAt: claims.iat, signed, signature };
}

/**
 * Whether this agent made the bearer, and lately.
 * @param secret the agent's secret, 64 hex digits
 * @param now milliseconds since 1970
 */
export const isSignedBy = (token: AgentToken, secret: string, now: number) =>
  isSigned(token, secret) && isFresh(token.issuedAt, now);

/** A fresh `Authorization` header of an agent, for what the edge kept of it. @param now milliseconds since 1970 */
export function agentAuthorization(agent: string, secret: string, now: number): string {
  const iat = Math.floor(now / 1000);
  const jti = randomBytes(16).toString("base64url");
  const header = { alg: "HS256", kid: agent, typ: TYPE };
  const claims = { exp: iat + LIFETIME_S, iat, iss: `wazuh-agent/${agent}`, jti, nbf: iat, sub: agent };
  return `Bearer ${signJwt(header, claims, secret)}`;
}
