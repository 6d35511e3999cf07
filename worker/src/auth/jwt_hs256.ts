/**
 * What the bearers of Wazuh 5 agents have in common: JWTs under HS256 in a closed form, good for a minute. Which header and
 * claims one may have, its own profile says.
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import { z } from "zod";

export const LIFETIME_S = 60;
/** How far the clocks of agent and edge may be apart; the manager's own default. */
const SKEW_S = 30;
const MAX_LENGTH = 4096;

/** A bearer of the right form; nothing of it is proven before {@link isSigned} says so. */
export interface Jwt<Header, Claims> {
  header: Header;
  claims: Claims;
  signed: string;
  signature: Buffer;
}

export const Times = z.strictObject({ exp: z.int(), iat: z.int(), jti: z.string(), nbf: z.int() });

/** Whether the times of a bearer are those of the profiles: good for one minute from when it was made. */
export const spansAMinute = ({ exp, iat, nbf }: z.infer<typeof Times>) => exp - iat === LIFETIME_S && nbf === iat;

/** Reads an `Authorization` header. @returns null where it holds no bearer of that profile */
export function readJwt<Header, Claims>(
  authorization: string | null,
  header: z.ZodType<Header>,
  claims: z.ZodType<Claims>,
): Jwt<Header, Claims> | null {
  const match = /^Bearer (([\w-]+)\.([\w-]+))\.([\w-]{43})$/.exec((authorization ?? "").slice(0, MAX_LENGTH));
  const [head, told] = [header.safeParse(jsonOf(match?.[2])).data, claims.safeParse(jsonOf(match?.[3])).data];
  if (!match || head === undefined || told === undefined) return null;
  const [, signed = "", , , signature = ""] = match;
  return { header: head, claims: told, signed, signature: Buffer.from(signature, "base64url") };
}

/** Whether whoever holds the key made the bearer. @param key 32 bytes in hex */
export const isSigned = ({ signed, signature }: Pick<Jwt<unknown, unknown>, "signed" | "signature">, key: string) =>
  timingSafeEqual(signature, signatureOf(signed, key));

/** Whether a bearer was made lately. @param issuedAt seconds since 1970 @param now milliseconds since 1970 */
export function isFresh(issuedAt: number, now: number): boolean {
  const age = Math.floor(now / 1000) - issuedAt;
  return age >= -SKEW_S && age <= LIFETIME_S + SKEW_S;
}

/** A signed text. The manager takes the members of header and claims in the order of their names only. */
export function signJwt(header: object, claims: object, key: string): string {
  const signed = [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString("base64url")).join(".");
  return `${signed}.${signatureOf(signed, key).toString("base64url")}`;
}

const signatureOf = (signed: string, key: string) =>
  createHmac("sha256", Buffer.from(key, "hex")).update(signed, "ascii").digest();

function jsonOf(part: string | undefined): unknown {
  try {
    return JSON.parse(Buffer.from(part ?? "", "base64url").toString("utf8"));
  } catch {
    return undefined;
  }
}
