/**
 * The bearer by which an unchanged agent of Wazuh 5 enrolls, by its manager's closed profile `wazuh-enroll+jwt`: a JWT under
 * HS256 that names an enrollment token (`kid`) and is signed with a key made from the secret in that token, which itself
 * never travels.
 *
 * Source: Wazuh 5.0's published profile (`src/shared_modules/utils/jwt/jwtEnrollProfileV1.hpp`) and its test vectors.
 */
import { z } from "zod";
import { type Jwt, readJwt, spansAMinute, Times } from "./jwt_hs256";

/** 16 bytes: the id of a token of ours in ASCII, and zeros. */
const KID_BYTES = 16;
const TOKEN_ID = /^([a-z2-7]{10})\0{6}$/;

const Header = z.strictObject({
  alg: z.literal("HS256"),
  kid: z.string().regex(/^[\w-]{22}$/),
  typ: z.literal("wazuh-enroll+jwt"),
});
const Claims = Times.refine(spansAMinute);

export interface EnrollToken extends Pick<Jwt<unknown, unknown>, "signed" | "signature"> {
  /** Id of the token of ours that it names. */
  token: string;
  /** Seconds since 1970. */
  issuedAt: number;
}

/** Reads an `Authorization` header. @returns null where it holds no bearer of the profile that names a token of ours */
export function enrollToken(authorization: string | null): EnrollToken | null {
  const read = readJwt(authorization, Header, Claims);
  if (!read) return null;
  const kid = Buffer.from(read.header.kid, "base64url");
  const [, token] = TOKEN_ID.exec(kid.toString("latin1")) ?? [];
  // Another text for the same bytes is not the name that was given out.
  if (token === undefined || kid.length !== KID_BYTES || kid.toString("base64url") !== read.header.kid) return null;
  return { token, issuedAt: read.claims.iat, signed: read.signed, signature: read.signature };
}
