/** A rotation that a person or an integration asks for at the edge, without the control plane. */
import type { AccessClaims } from "../auth/claims";
import { EdgeError } from "../errors";
import { idFrom } from "../ids";
import type { TenantContext } from "./context";
import { spend } from "./rates";
import { accessStands } from "./revocations";
import { askForRotation } from "./rotation";
import { kindOfRun } from "./runs";
import { requireAwake } from "./sleep";

export interface BegunRotation {
  operation_id: string;
}

/**
 * Begins a rotation under an operation of its own, which the control plane adopts from the feed.
 * @param key of the caller; the same key of the same organization names the same operation for ever
 * @throws EdgeError UNAUTHENTICATED where the access was withdrawn, RATE_LIMITED, and those of `askForRotation`
 */
export function rotateFor(ctx: TenantContext, claims: AccessClaims, key: string): BegunRotation {
  if (!accessStands(ctx, claims)) {
    throw new EdgeError("UNAUTHENTICATED", "This scoped credential was withdrawn, or its tenant is gone.");
  }
  spend(ctx, "rotations_per_tenant");
  const { subject, organization, grant, session } = claims;
  const operation_id = idFrom("op", JSON.stringify([ctx.id, organization, key]));
  if (kindOfRun(ctx, operation_id)) return { operation_id };
  // Before the transaction: a refusal would undo the waking.
  requireAwake(ctx, "Its certificates were to be exchanged.");
  ctx.transaction(() => {
    askForRotation(ctx, operation_id, "certificates", { by: "person", subject, organization, grant, session });
    ctx.viewChanged();
  });
  return { operation_id };
}
