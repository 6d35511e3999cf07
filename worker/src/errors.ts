/** Every error the edge answers with: code → status → retryable → hint, and the one shape they are rendered in. */
import type { ContentfulStatusCode } from "hono/utils/http-status";
import type { ZodError } from "zod";

export interface ErrorRule {
  status: ContentfulStatusCode;
  retryable: boolean;
  hint: string;
}

const rule = (status: ContentfulStatusCode, retryable: boolean, hint: string): ErrorRule => ({
  status,
  retryable,
  hint,
});

export const ERRORS = {
  // Requests that no door takes.
  BAD_REQUEST: rule(400, false, "Send well-formed JSON in UTF-8 without NUL characters or lone surrogates."),
  PATH_REFUSED: rule(
    400,
    false,
    "Use the path as documented, without encoded slashes, dot segments or empty segments.",
  ),
  HOST_UNKNOWN: rule(421, false, "Use the address that the portal shows for this cell."),
  NOT_FOUND: rule(404, false, "Check the path and the method against the API's description."),
  BODY_TOO_LARGE: rule(413, false, "Send a smaller body."),
  BODY_TOO_SLOW: rule(408, true, "Send the whole body at once."),
  INVALID_REQUEST: rule(422, false, "Correct the fields that are listed and send the request again."),
  RATE_LIMITED: rule(429, true, "Wait for as many seconds as Retry-After says, then send the request again."),
  // The control plane's door.
  UNAUTHENTICATED: rule(401, false, "Sign the request again with a registered key and a correct clock."),
  PROOF_REPLAYED: rule(401, false, "Each signed write is good for one request; sign a new one."),
  DOOR_FORBIDDEN: rule(403, false, "Sign this call with the control key."),
  // The operators' door.
  OPERATOR_REFUSED: rule(401, false, "Come through Cloudflare Access, and sign in there again if need be."),
  NOT_CONFIGURED: rule(404, false, "Set ACCESS_ISSUER and ACCESS_AUDIENCE of this deployment."),
  TENANT_UNKNOWN: rule(404, false, "Check the tenant's id; nothing was made for it."),
  TENANT_BINNED: rule(403, false, "An administrator of the tenant can undelete it in the portal until then."),
  NOT_ERASED: rule(409, false, "Delete and erase the tenant, and ask again once it is erased."),
  TENANT_DELETED: rule(410, false, "A deleted tenant stays deleted; create a new one."),
  STALE_GENERATION: rule(409, false, "Read the tenant, then send your intent under a higher generation."),
  STALE_EPOCH: rule(409, false, "The cell's epoch has moved on; read the tenants of the cell again before writing."),
  GENERATION_CONFLICT: rule(409, false, "This generation already carries another body; use the next generation."),
  TRAIL_FORKED: rule(409, false, "Verify the portal's trail: an entry that was told before is another now."),
  INVALID_PLAN: rule(422, false, "Correct the plan's fields that are listed; what was stored before is kept."),
  UNKNOWN_VERSION: rule(
    422,
    false,
    "Choose one of the versions that this cell offers; what was stored before is kept.",
  ),
  DOWNGRADE_REFUSED: rule(
    409,
    false,
    "Older versions can't read this one's data: roll back while the backup from before is kept, or stay.",
  ),
  PLAN_TOO_LARGE: rule(
    422,
    false,
    "Ask for fewer agents or days, or for a larger indexer; what was stored before is kept.",
  ),
  CONTENT_MISMATCH: rule(422, false, "Compute the digest over the canonical JSON of what is sent, and name that."),
  CONTENT_MISSING: rule(
    409,
    false,
    "Store the bundle under its digest first; what was stored of the plan before is kept.",
  ),
  CONTENT_UNSUPPORTED: rule(
    422,
    false,
    "Leave the content out, or stay with Wazuh 4; what was stored of the plan before is kept.",
  ),
  CONTENT_REFUSED: rule(
    503,
    false,
    "Correct the file that is named and apply it again; what was there before is in use.",
  ),
  CONTENT_NOT_APPLIED: rule(503, true, "The manager gets it again by itself; what it has stays in use."),
  LOGTEST_REFUSED: rule(422, false, "Correct what the manager names, and ask again."),
  TENANT_NOT_RUNNING: rule(409, false, "Start the tenant and wait until it runs, then ask again."),
  OPERATION_IN_PROGRESS: rule(409, false, "Wait until what is under way has ended, then ask again."),
  AGENTS_CONNECTED: rule(409, false, "Agents need a manager that runs; stop them first, or leave the tenant awake."),
  DASHBOARD_IN_USE: rule(409, false, "Wait until nobody uses the dashboard, then ask again."),
  ACTIVITY_UNKNOWN: rule(503, true, "Nothing was changed; ask again in a few seconds."),
  // Enrollment, agents and access.
  TOKEN_CONFLICT: rule(409, false, "Use a new token id for another definition; the stored token is unchanged."),
  TOKEN_NOT_FOUND: rule(404, false, "Check the token's id; it may belong to another tenant."),
  TOKEN_UNKNOWN: rule(
    403,
    false,
    "A token made just now needs some seconds to arrive: try again. Else copy the whole token again from where it was shown.",
  ),
  TOKEN_REVOKED: rule(403, false, "Ask the tenant's administrator for a new enrollment token."),
  TOKEN_EXPIRED: rule(403, false, "Ask the tenant's administrator for a new enrollment token."),
  TOKEN_USED_UP: rule(403, false, "Ask the tenant's administrator for a token with more uses."),
  TOKEN_NOT_FOR_NAME: rule(
    403,
    false,
    "Enroll under the name that the token was made for, or ask for another token; no use of it was spent.",
  ),
  CLOCK_WRONG: rule(
    403,
    false,
    "Set this machine's clock, then run the installer again; no use of the token was spent.",
  ),
  AGENT_LIMIT_REACHED: rule(403, false, "Remove agents or choose a larger plan; no use of the token was spent."),
  AGENT_NAME_TAKEN: rule(409, false, "Choose another name for this agent; no use of the token was spent."),
  AGENT_CERTIFICATE_TAKEN: rule(409, false, "Give each agent a certificate of its own; no use of the token was spent."),
  ENROLLMENT_CONFLICT: rule(409, false, "Use a fresh enrollment id for every agent."),
  AGENT_ORDER_CONFLICT: rule(409, false, "Use a new id for another order; the stored one goes on unchanged."),
  AGENT_ORDER_NOT_FOUND: rule(404, false, "Check the order's id; it may be of another tenant, or older than a month."),
  AGENT_NOT_FOUND: rule(404, false, "Check the agent's id; it may belong to another tenant."),
  AGENT_QUARANTINED: rule(
    403,
    false,
    "The tenant's administrator shut this agent out; enroll it anew when it is clean.",
  ),
  RAW_ENROLLMENT_OFF: rule(403, false, "Enroll by POST /api/agents/enroll, or have the tenant's plan turn this on."),
  CONNECTOR_REFUSED: rule(401, false, "Use the connector id and secret that the enrollment answered with."),
  CERTIFICATE_REFUSED: rule(
    401,
    false,
    "Show the certificate that was named at this agent's enrollment, or use its connector's credential.",
  ),
  // What agents of Wazuh 5 meet. Theirs take 401 as the end of their key, and 403 and 503 as something that passes.
  AGENT_TOKEN_REFUSED: rule(401, false, "Set this machine's clock; if that is right, enroll the agent anew."),
  PROTOCOL_UNSUPPORTED: rule(400, false, "Send the header protocol-version: 1."),
  LENGTH_REQUIRED: rule(411, false, "Announce the body's length in the header content-length."),
  ENCODING_REFUSED: rule(415, true, "Send the same body without content-encoding."),
  WAZUH5_NOT_SERVED: rule(409, false, "Connect agents of Wazuh 4 by their connector, or change the tenant's version."),
  BATCH_NOT_HELD: rule(503, true, "The tenant is on its way up; send the same batch again."),
  UPGRADE_REQUIRED: rule(426, false, "Open a WebSocket on this path."),
  IDEMPOTENCY_CONFLICT: rule(409, false, "Use a fresh idempotency key for every request."),
  ACCESS_ENDED: rule(422, false, "Sign in again in the portal."),
  CODE_EXPIRED: rule(403, false, "Go back to the portal and open the dashboard again; a code is good for 30 seconds."),
  CODE_USED: rule(403, false, "Go back to the portal and open the dashboard again; a code is good for one use."),
  CODE_UNKNOWN: rule(403, false, "Go back to the portal and open the dashboard again."),
  SESSION_ENDED: rule(401, false, "Go back to the portal and open the dashboard again."),
  ADDRESS_REFUSED: rule(403, false, "Use your organization's network, or ask an administrator to add yours."),
  ORIGIN_REFUSED: rule(403, false, "Open the dashboard from the portal, in the same browser."),
  READ_ONLY: rule(403, false, "Open the dashboard from the portal without “read-only”, if your role may."),
  EVENT_TOO_LARGE: rule(413, false, "Send a digest, not the whole alert."),
  MANAGER_REFUSED: rule(503, true, "The manager is asked again by itself."),
  MANAGER_BUSY: rule(503, true, "The manager takes a number of calls a minute; the rest follows by itself."),
  // What is past a threshold of the plan, as a tenant's attention says it.
  AGENTS_SILENT: rule(503, true, "Look at the agents that are named silent, or at their network."),
  MANAGER_SILENT: rule(503, true, "Look at the manager's node; what agents send meanwhile may be lost."),
  INGEST_LAGS: rule(
    503,
    true,
    "Nothing is lost: alerts wait in the edge's journal. A larger indexer takes them faster.",
  ),
  // What a tenant's run can meet; shown as a step's error or a tenant's reason, and answered where a call needs a node.
  TENANT_ASLEEP: rule(503, true, "It was woken by this request; try again in a few seconds."),
  NODE_NOT_RUNNING: rule(503, true, "The node is stopped or still starting; try again in a few seconds."),
  NODE_EXITED: rule(503, true, "The node is started again by itself with growing pauses."),
  NODE_START_REFUSED: rule(503, true, "The container platform did not start the node; it is tried again by itself."),
  NODE_NOT_READY: rule(503, true, "The node runs but does not serve yet; it is asked again by itself."),
  NODE_CRASH_LOOP: rule(503, false, "Read the exit code, correct version or plan, then choose Retry."),
  NODE_UNHEALTHY: rule(503, true, "It is asked again by itself; the node's health says what is wrong with it."),
  CERTIFICATES_NOT_MINTED: rule(503, true, "Minting is tried again by itself."),
  AGENTS_NOT_PUSHED: rule(503, true, "The manager gets the tenant's agents again by itself."),
  CREDENTIALS_NOT_PROVED: rule(503, true, "Signing in with the new and with the old is tried again by itself."),
  INGEST_NOT_VERIFIED: rule(503, true, "The probe alert is written and read again by itself."),
  ROTATION_FAILED: rule(503, false, "Correct what the message names, then rotate again; nothing was exchanged."),
  ROTATION_ROLLED_BACK: rule(
    503,
    false,
    "Correct what the message names, then rotate again; the tenant serves as before.",
  ),
  UPGRADE_FAILED: rule(503, false, "Correct what the message names, then change the version again."),
  UPGRADE_ROLLED_BACK: rule(
    503,
    false,
    "Correct what the message names, then change the version again; the tenant serves as before.",
  ),
  KEY_MISSING: rule(
    503,
    false,
    "Put this key back into DATA_KEYS from its escrow beside the current one, and deploy; nothing is lost until then.",
  ),
  STEP_GAVE_UP: rule(503, false, "Everything finished before is kept; choose Retry to go on from the failed step."),
  // What keeps a node's state safe; a node is answered with them, and a tenant shows them.
  STATE_NONE: rule(404, false, "Start empty."),
  STATE_FENCED: rule(409, false, "A newer container of this node has taken over; this one's state is not kept."),
  STATE_CHECKSUM: rule(422, true, "Send the file again."),
  STATE_TOO_LARGE: rule(413, false, "Find out what fills the node's state; what was saved before is kept."),
  STATE_NOT_SAVED: rule(503, true, "The node tries again by itself; what was saved before is kept."),
  STATE_UNREADABLE: rule(500, false, "The archive before it is used; look at who can write to the bucket."),
  BACKUP_FAILED: rule(503, true, "It is tried again by itself; backups made before are kept."),
  BACKUP_NOT_FOUND: rule(404, false, "Choose one of the tenant's backups that succeeded and has not expired."),
  BACKUP_NEWER: rule(409, false, "Bring the tenant to the backup's version first, or choose an older backup."),
  EXPORT_NOT_FOUND: rule(404, false, "Choose one of the tenant's exports that succeeded and has not expired."),
  EXPORT_IN_PROGRESS: rule(409, false, "Wait until the export that is being made is done."),
  EXPORT_FAILED: rule(503, false, "Nothing of the tenant was changed; ask for another export."),
  CLONE_REFUSED: rule(409, false, "Only a new tenant can be made from a backup; choose a new id."),
  DAY_NOT_ARCHIVED: rule(404, false, "Choose a day within the plan's days of archive that had alerts."),
  DAY_DOES_NOT_FIT: rule(409, false, "Choose a larger indexer, or wait until older days have left it."),
  NOT_READY: rule(503, true, "Existing tenants are served; try again in a few seconds."),
  INTERNAL: rule(500, true, "Try again; if it stays, name the request id to the operator."),
} as const satisfies Record<string, ErrorRule>;

/** When a caller may try again what is only away for now, in seconds. */
export const RETRY_AFTER_S = 5;

export type ErrorCode = keyof typeof ERRORS;

export interface FieldFault {
  path: string;
  message: string;
}

export interface ErrorBody {
  code: string;
  message: string;
  hint: string;
  retryable: boolean;
  details?: FieldFault[];
}

/** An error that a caller may see. Its own properties survive calls between objects. */
export class EdgeError extends Error {
  override readonly name = "EdgeError";

  /**
   * @param code row of `ERRORS`
   * @param message what happened, in one sentence without secrets
   * @param details faults by field, where the caller can correct something
   * @param retryAfterS after how many seconds the same may succeed, where that is known
   */
  constructor(
    readonly code: ErrorCode,
    message: string,
    readonly details?: FieldFault[],
    readonly retryAfterS?: number,
  ) {
    super(message);
  }
}

/** The same error wherever it was thrown: an error from another object arrives as a plain Error with our properties. */
export function asEdgeError(error: unknown): EdgeError | null {
  if (error instanceof EdgeError) return error;
  if (!(error instanceof Error) || error.name !== "EdgeError") return null;
  const { code, details, retryAfterS } = error as Error & Record<"code" | "details" | "retryAfterS", unknown>;
  if (typeof code !== "string" || !(code in ERRORS)) return null;
  return new EdgeError(
    code as ErrorCode,
    error.message,
    Array.isArray(details) ? (details as FieldFault[]) : undefined,
    typeof retryAfterS === "number" ? retryAfterS : undefined,
  );
}

/** What an error looks like on the wire, and in a step or a reason. */
export function errorBody(code: ErrorCode, message: string, details?: FieldFault[]): ErrorBody {
  const { hint, retryable } = ERRORS[code];
  return { code, message, hint, retryable, ...(details?.length ? { details } : {}) };
}

/** How much of a text from outside is kept in a row, a reason or a log line. */
const TOLD_CHARACTERS = 300;

/** A text from outside as every store and reader can hold it: short, and without control characters or half characters. */
export function plainText(text: string): string {
  return text
    .slice(0, TOLD_CHARACTERS)
    .replaceAll(/\p{Cc}/gu, " ")
    .toWellFormed();
}

/** What whatever was thrown says of itself. */
export const messageOf = (error: unknown): string => plainText(error instanceof Error ? error.message : String(error));

/** Zod's issues as faults by dotted path; a key that is not known is a fault of its own. */
export function faultsOf(error: ZodError): FieldFault[] {
  return error.issues.flatMap((issue) => {
    if (issue.code !== "unrecognized_keys") return [{ path: issue.path.map(String).join("."), message: issue.message }];
    return issue.keys.map((key) => ({ path: [...issue.path.map(String), key].join("."), message: "is not known" }));
  });
}
