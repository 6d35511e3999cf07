/** The door of operators: what Cloudflare Access vouches for, which opens named actions and nothing else. */
import { createMiddleware } from "hono/factory";
import { jwtVerify } from "jose";
import { z } from "zod";
import type { AppEnv, EdgeContext } from "../edge_app";
import { asEdgeError, EdgeError } from "../errors";
import { AccessKeys } from "./access_keys";
import { MAX_ACCESS_MS } from "./claims";
import { CLOCK_TOLERANCE_S } from "./keys";

/**
 * Access puts it on each request that it lets through. Its cookie is not read: a browser would send that along with what
 * another site posts.
 */
const ASSERTION = "cf-access-jwt-assertion";

const Claims = z.object({
  /** "org" is the session of the whole team. */
  type: z.literal("app"),
  /** A service token has none: every action has a person. */
  email: z.string().regex(/^[!-~]{1,254}$/),
  iat: z.int(),
  exp: z.int(),
});

const keys = new Map<string, AccessKeys>();

function keysOf(issuer: string): AccessKeys {
  const known = keys.get(issuer) ?? new AccessKeys(issuer);
  keys.set(issuer, known);
  return known;
}

export function operatorDoor() {
  return createMiddleware<AppEnv>(async (c, next) => {
    c.set("operator", await operatorOf(c));
    await next();
  });
}

/**
 * The e-mail address of the operator that Access vouches for.
 * @see https://developers.cloudflare.com/cloudflare-one/identity/authorization-cookie/validating-json/
 */
async function operatorOf(c: EdgeContext): Promise<string> {
  const { access } = c.var.settings;
  if (!access) throw new EdgeError("NOT_CONFIGURED", "This deployment has no door for operators.");
  const token = c.req.header(ASSERTION);
  if (!token) throw refused("is missing");
  const { issuer, audience } = access;
  const options = { issuer, audience, algorithms: ["RS256"], clockTolerance: CLOCK_TOLERANCE_S };
  try {
    const { payload } = await jwtVerify(token, keysOf(issuer).find, { ...options, maxTokenAge: MAX_ACCESS_MS / 1000 });
    return Claims.parse(payload).email;
  } catch (error) {
    // Why exactly would help a forger more than anybody else.
    throw asEdgeError(error) ?? refused("is not valid for this door");
  }
}

const refused = (why: string) => new EdgeError("OPERATOR_REFUSED", `Cloudflare Access's assertion ${why}.`);
