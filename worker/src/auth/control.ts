/** The door of the control plane: short-lived EdDSA proofs, each bound to one request. */
import { createHash } from "node:crypto";
import { createMiddleware } from "hono/factory";
import { type JWTVerifyGetKey, jwtVerify } from "jose";
import { z } from "zod";
import type { Door, Settings } from "../bindings";
import type { AppEnv, EdgeContext } from "../edge_app";
import { EdgeError } from "../errors";
import { tenantStub } from "../tenants";
import { CLOCK_TOLERANCE_S, ISSUER, publicKey } from "./keys";

const MAX_LIFE_S = 60;

const Claims = z.object({
  iat: z.int(),
  exp: z.int(),
  jti: z.string().min(8).max(128),
  htm: z.string(),
  htu: z.string(),
  bh: z.string(),
});
type Claims = z.infer<typeof Claims>;

/**
 * Calls that are not the control key's alone. The portal's key opens dashboards, reads exports, tests events, brings agents
 * whose keys it does not keep, and ends access; it must not be able to change what runs, and the reconciler's key must not be
 * able to enter a dashboard.
 */
const OTHER_DOORS: { method: string; path: RegExp; doors: Door[] }[] = [
  { method: "POST", path: /^\/v1\/tenants\/[^/]+\/dashboard-codes$/, doors: ["access"] },
  { method: "POST", path: /^\/v1\/tenants\/[^/]+\/revocations$/, doors: ["access", "control"] },
  { method: "GET", path: /^\/v1\/tenants\/[^/]+\/agents$/, doors: ["access", "control"] },
  { method: "POST", path: /^\/v1\/tenants\/[^/]+\/agents\/import$/, doors: ["access", "control"] },
  { method: "POST", path: /^\/v1\/tenants\/[^/]+\/logtest$/, doors: ["access", "control"] },
  { method: "GET", path: /^\/v1\/tenants\/[^/]+\/exports\/[^/]+(\/files\/\d+)?$/, doors: ["access", "control"] },
];

const TENANT_PATH = /^\/v1\/tenants\/([^/]+)/;

export function controlDoor() {
  return createMiddleware<AppEnv>(async (c, next) => {
    const { door, claims } = await prove(c);
    refuseOtherDoor(c, door);
    takeRequestId(c);
    const id = TENANT_PATH.exec(c.req.path)?.[1];
    if (id !== undefined) {
      c.set("tenant", tenantStub(c, id));
      await spendWrite(c, claims);
    }
    await next();
  });
}

const REQUEST_ID = /^[A-Za-z0-9._-]{8,64}$/;

/**
 * The control plane's own id of what this call is part of joins both sides' logs. From anybody else it would let strangers
 * write into them, and pass for somebody's request.
 */
function takeRequestId(c: EdgeContext): void {
  const given = c.req.header("x-request-id") ?? "";
  if (REQUEST_ID.test(given)) c.set("requestId", given);
}

async function prove(c: EdgeContext): Promise<{ door: Door; claims: Claims }> {
  const token = /^Bearer ([\w-]+\.[\w-]+\.[\w-]+)$/i.exec(c.req.header("authorization") ?? "")?.[1];
  if (!token) throw refused("carries no proof");
  let used: { door: Door } | null = null;
  const findKey: JWTVerifyGetKey = (header) => {
    const key = c.var.settings.controlKeys.get(header.kid ?? "");
    if (!key || header.typ !== `edge-${key.door}+jwt`) throw refused("is signed by no registered key");
    used = { door: key.door };
    return publicKey(key);
  };
  const claims = await verified(token, findKey, c.var.settings);
  if (!used) throw refused("is signed by no registered key");
  await refuseOtherRequest(c, claims);
  return { ...(used as { door: Door }), claims };
}

async function verified(token: string, findKey: JWTVerifyGetKey, settings: Settings): Promise<Claims> {
  try {
    const { payload } = await jwtVerify(token, findKey, {
      algorithms: ["EdDSA"],
      issuer: ISSUER,
      audience: settings.audience,
      clockTolerance: CLOCK_TOLERANCE_S,
    });
    const claims = Claims.parse(payload);
    if (claims.exp - claims.iat > MAX_LIFE_S) throw refused("lives too long");
    if (claims.iat > Date.now() / 1000 + CLOCK_TOLERANCE_S) throw refused("is from the future");
    return claims;
  } catch (error) {
    // Which check failed tells an attacker more than it helps a caller.
    if (error instanceof EdgeError) throw error;
    throw refused("is not valid");
  }
}

/** A proof that was taken from one request must not open another. */
async function refuseOtherRequest(c: EdgeContext, claims: Claims): Promise<void> {
  const url = /^[a-z]+:\/\/[^/?#]*(.*)$/i.exec(c.req.url)?.[1] ?? "";
  const body = new Uint8Array(await c.req.arrayBuffer());
  const bodyHash = createHash("sha256").update(body).digest("base64url");
  if (claims.htm !== c.req.method || claims.htu !== url || claims.bh !== bodyHash) {
    throw refused("was made for another request");
  }
}

function refuseOtherDoor(c: EdgeContext, door: Door): void {
  const rule = OTHER_DOORS.find(({ method, path }) => method === c.req.method && path.test(c.req.path));
  const doors: Door[] = rule?.doors ?? ["control"];
  if (!doors.includes(door)) throw new EdgeError("DOOR_FORBIDDEN", `The ${door} key does not open this call.`);
}

async function spendWrite(c: EdgeContext, claims: Claims): Promise<void> {
  if (c.req.method === "GET") return;
  const first = await c.var.tenant.spendProof(claims.jti, claims.exp * 1000);
  if (!first) throw new EdgeError("PROOF_REPLAYED", "The request's proof was used before.");
}

const refused = (why: string) => new EdgeError("UNAUTHENTICATED", `The request's proof ${why}.`);
