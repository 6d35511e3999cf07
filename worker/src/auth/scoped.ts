import { type JWTVerifyGetKey, jwtVerify } from "jose";
import { z } from "zod";
import type { Settings } from "../bindings";
import { EdgeError } from "../errors";
import { isTenantId } from "../ids";
import { clientAddress } from "./address";
import { type AccessClaims, MAX_ACCESS_MS } from "./claims";
import { CLOCK_TOLERANCE_S, ISSUER, publicKey } from "./keys";
import { Networks, requireFrom } from "./networks";

const TYPE = "edge-scoped+jwt";
/** The subprotocol that carries the credential of a WebSocket: browsers can set no header, and a query is logged. */
const BEARER_PROTOCOL = "bearer.";
export const EVENTS_PROTOCOL = "events.v1";

/** What a scoped credential can be for; each is good for one thing. */
export const SCOPES = ["events:read", "certs:rotate"] as const;
export type Scope = (typeof SCOPES)[number];

/** Ids travel in headers, where other characters would not arrive. */
const id = z.string().regex(/^[!-~]{1,64}$/);
const Claims = z.object({
  sub: id,
  tenant: id,
  scope: z.enum(SCOPES),
  organization: id,
  grant: id.nullish(),
  connection: id.nullish(),
  session: id,
  role: id,
  networks: Networks.optional(),
  iat: z.int(),
  exp: z.int(),
});

export interface ScopedAccess {
  tenant: string;
  claims: AccessClaims;
}

/** The scoped credential of a request: from `Authorization`, or from the subprotocols of a WebSocket. */
function scopedCredential(headers: Headers): string | null {
  const bearer = /^Bearer ([\w-]+\.[\w-]+\.[\w-]+)$/i.exec(headers.get("authorization") ?? "")?.[1];
  if (bearer) return bearer;
  const offered = (headers.get("sec-websocket-protocol") ?? "").split(",").map((name) => name.trim());
  return offered.find((name) => name.startsWith(BEARER_PROTOCOL))?.slice(BEARER_PROTOCOL.length) ?? null;
}

/**
 * Verifies a request's scoped credential: signed by the access key, for this deployment, for at most eight hours, for
 * this use, and from where it may be used.
 * @throws EdgeError UNAUTHENTICATED, ADDRESS_REFUSED
 */
export async function verifyScoped(settings: Settings, headers: Headers, scope: Scope): Promise<ScopedAccess> {
  const token = scopedCredential(headers);
  if (!token) throw new EdgeError("UNAUTHENTICATED", "This door needs a scoped credential.");
  const claims = await verifiedClaims(settings, token);
  if (claims.scope !== scope) throw refused(`it is for ${claims.scope}`);
  if ((claims.exp - claims.iat) * 1000 > MAX_ACCESS_MS) throw refused("its life is longer than eight hours");
  if (!isTenantId(settings, claims.tenant)) throw refused("it names no tenant of this cell");
  const { sub, organization, session, role, grant = null, connection = null, networks } = claims;
  requireFrom(networks, clientAddress(headers));
  const issuedAt = claims.iat * 1000;
  const endsAt = claims.exp * 1000;
  return {
    tenant: claims.tenant,
    claims: { subject: sub, organization, grant, connection, session, role, issuedAt, endsAt, networks },
  };
}

async function verifiedClaims(settings: Settings, token: string): Promise<z.output<typeof Claims>> {
  const options = { issuer: ISSUER, audience: settings.audience, typ: TYPE, algorithms: ["EdDSA"] };
  try {
    const { payload } = await jwtVerify(token, accessKey(settings), { ...options, clockTolerance: CLOCK_TOLERANCE_S });
    return Claims.parse(payload);
  } catch {
    // Why exactly would help a forger more than anybody else.
    throw refused("signature, audience, kind or time is wrong");
  }
}

/** Only keys of the access door; a control key signs specs and nothing that people carry. */
function accessKey(settings: Settings): JWTVerifyGetKey {
  return async ({ kid }) => {
    const key = settings.controlKeys.get(kid ?? "");
    if (key?.door !== "access") throw new Error("not an access key");
    return publicKey(key);
  };
}

function refused(why: string): EdgeError {
  return new EdgeError("UNAUTHENTICATED", `The scoped credential was refused: ${why}.`);
}
