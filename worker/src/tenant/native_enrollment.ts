/**
 * Enrollment by an unchanged agent of Wazuh 5: it proves a token without sending it, by a bearer under a key that both made
 * from the token's text (`auth/enroll_jwt.ts`). That key lies sealed here; all else is as with any other enrollment.
 */
import { enrollToken } from "../auth/enroll_jwt";
import { isFresh, isSigned } from "../auth/jwt_hs256";
import { EdgeError } from "../errors";
import type { TenantContext } from "./context";
import { type Enrolled, type EnrollRequest, enroll, judgeAtDoor, refuseAtDoor } from "./enrollment";
import { type TokenRow, tokenRow, wazuh5Purpose } from "./tokens";

export interface NativeEnrollment extends Pick<EnrollRequest, "enrollment_id" | "name" | "version" | "address"> {
  /** The `Authorization` header. */
  bearer: string;
}

/** What is the digest of no token. */
const NO_DIGEST = "0".repeat(64);

/**
 * Enrolls an agent that proves its token.
 * @throws EdgeError as `enroll`; CLOCK_WRONG for a bearer that was not made lately
 */
export async function enrollNatively(ctx: TenantContext, request: NativeEnrollment): Promise<Enrolled> {
  const { bearer, ...rest } = request;
  const shown = enrollToken(bearer);
  if (!shown) throw new EdgeError("TOKEN_UNKNOWN", "this enrollment token is not known");
  const row = tokenRow(ctx, shown.token);
  const key = row && (await keyOf(ctx, row));
  const proven = row && key !== null && isSigned(shown, key);
  // A wrong signature is judged as a wrong secret: counted as a guess, and told from an unknown id by nobody.
  const visit = { token: shown.token, token_sha256: proven ? row.secret_sha256 : NO_DIGEST, address: rest.address };
  if (proven && !isFresh(shown.issuedAt, ctx.now())) {
    judgeAtDoor(ctx, visit);
    throw refuseAtDoor(ctx, { ...visit, name: rest.name }, "clock");
  }
  return enroll(ctx, { ...rest, ...visit, wazuh5: true });
}

async function keyOf(ctx: TenantContext, row: TokenRow): Promise<string | null> {
  return row.wazuh5_key === null ? null : ctx.open(wazuh5Purpose(row.id), row.wazuh5_key);
}
