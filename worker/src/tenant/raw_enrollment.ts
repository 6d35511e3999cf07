/**
 * Enrollment by Wazuh's own protocol on 1515, where a tenant's plan turns it on.
 *
 * Its TLS ends in the manager's container, so the edge can't see who enrolls, and the container must not see the token: the
 * machine's connector shows the token at the edge's door, which puts a ticket before the connection's own bytes. The
 * manager's hop asks `enroll.internal` for each line with that ticket. A ticket is good for one agent: its number is the
 * enrollment's id, so that a hostile manager can get no second agent for it.
 */
import { EdgeError } from "../errors";
import type { EnrollLine } from "../gates/enroll";
import { refuseBinned } from "./bin";
import type { TenantContext } from "./context";
import { type Enrolled, enroll, judgeAtDoor, type Shown } from "./enrollment";
import { noteComing } from "./idle";
import { mustWait, rouse, stillAway } from "./sleep";
import { tokenRow } from "./tokens";

interface Ticket extends Shown {
  /** The enrollment's id. */
  id: string;
  /** Milliseconds since 1970. */
  until: number;
}

const PURPOSE = "enrollment ticket";
/** A machine sends its line as soon as its TLS stands. */
const TICKET_MS = 60_000;

/**
 * Takes a visitor with a good token in.
 * @returns a ticket
 * @param visit what the machine's connector shows, already checked for its form
 * @throws EdgeError RAW_ENROLLMENT_OFF; the reason why the token is not good; RATE_LIMITED, TENANT_BINNED; TENANT_ASLEEP, and it wakes
 */
export async function admitRaw(ctx: TenantContext, visit: Shown): Promise<string> {
  const { plan } = ctx.requireLive();
  if (!plan?.raw_enrollment) throw new EdgeError("RAW_ENROLLMENT_OFF", "This tenant takes no enrollment on 1515.");
  judgeAtDoor(ctx, visit);
  refuseBinned(ctx);
  noteComing(ctx);
  rouse(ctx, "A machine asked to enroll.");
  if (mustWait(ctx, "manager")) throw stillAway();
  const ticket: Ticket = { ...visit, id: crypto.randomUUID(), until: ctx.now() + TICKET_MS };
  return ctx.seal(PURPOSE, JSON.stringify(ticket));
}

/**
 * Enrolls the agent of a line that a manager's hop was sent.
 * @throws EdgeError as `enroll`; TOKEN_UNKNOWN for what is no ticket of this tenant, or no longer; INVALID_REQUEST for a
 *   group that the token does not give
 */
export async function enrollByTicket(ctx: TenantContext, line: EnrollLine): Promise<Enrolled> {
  ctx.requireLive();
  const { id, until, ...visit } = await opened(ctx, line.ticket);
  if (until <= ctx.now()) throw noTicket();
  const given = JSON.parse(tokenRow(ctx, visit.token)?.groups ?? "[]") as string[];
  const stranger = line.groups.find((group) => !given.includes(group));
  if (stranger !== undefined) {
    const message = "must be one of the token's groups";
    throw new EdgeError("INVALID_REQUEST", `The token does not give the group ${stranger}.`, [
      { path: "groups", message },
    ]);
  }
  const { name, version } = line;
  return enroll(ctx, { ...visit, enrollment_id: id, name, version, connectsByKey: true });
}

async function opened(ctx: TenantContext, ticket: string): Promise<Ticket> {
  try {
    return JSON.parse(await ctx.open(PURPOSE, ticket)) as Ticket;
  } catch {
    // Sealed for another purpose or tenant, or made up: there is nothing in it to be told.
    throw noTicket();
  }
}

const noTicket = () => new EdgeError("TOKEN_UNKNOWN", "This is no ticket for an enrollment, or no longer.");
