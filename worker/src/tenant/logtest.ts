/** What one event would come to at the tenant's manager. Of the event and of what comes of it nothing is kept or logged. */
import { EdgeError } from "../errors";
import type { AskLogtest, LogtestResult } from "../schemas/content";
import type { TenantContext } from "./context";
import { MASTER, managerOf } from "./manager";
import { ManagerRefusal } from "./manager_calls";
import { servingManagers } from "./managers";
import { spend } from "./rates";
import { requireAwake } from "./sleep";

/**
 * Has the first manager analyse an event with the rules that it has now, without an alert.
 * @throws EdgeError TENANT_NOT_RUNNING, TENANT_ASLEEP, NODE_NOT_RUNNING, RATE_LIMITED; LOGTEST_REFUSED in the manager's words;
 *   MANAGER_REFUSED where it does not answer
 */
export async function logtest(ctx: TenantContext, asked: AskLogtest): Promise<LogtestResult> {
  if (ctx.requireLive().requested !== "running")
    throw new EdgeError("TENANT_NOT_RUNNING", "Only a manager that runs can test an event.");
  spend(ctx, "logtests_per_tenant");
  requireAwake(ctx, "An event was to be tested.");
  if (!servingManagers(ctx).includes(MASTER))
    throw new EdgeError("NODE_NOT_RUNNING", "The tenant's manager does not serve yet.");
  const { keep_session, ...event } = asked;
  const manager = await managerOf(ctx);
  const result = await manager.logtest(event).catch(asAnswered);
  if (keep_session || result.token === null) return result;
  await manager.endLogtest(result.token);
  return { ...result, token: null };
}

/** Its no to this event is the caller's to mend, and passes by nobody's waiting. */
function asAnswered(error: unknown): never {
  if (error instanceof ManagerRefusal && error.concernsThisCall) throw new EdgeError("LOGTEST_REFUSED", error.message);
  throw error;
}
