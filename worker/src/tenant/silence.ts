/**
 * Agents that were connected and are not heard any more: each is told once, and once more when it is back.
 *
 * A manager that has just come up has heard nobody for as long as it was away, which says nothing about agents.
 */
import { thresholdsOf } from "../plan";
import type { TenantContext } from "./context";
import type { ManagerAgent } from "./manager_api";
import { nodeRow } from "./node_records";

const MASTER = 0;
/** Agents in one row of the feed; a whole site may go dark at once. */
const TOLD_AT_ONCE = 200;

export type Turn = "silent" | "back";

/**
 * What is to be told of an agent now; null where nothing is. Pure.
 * @param told whether it was told to be silent and has not been back
 * @param since when the manager began to serve (milliseconds since 1970)
 */
export function turnOf(seen: ManagerAgent, told: boolean, now: number, since: number, minutes: number): Turn | null {
  if (seen.status === "active") return told ? "back" : null;
  if (told || seen.status !== "disconnected" || seen.lastKeepAlive === null) return null;
  return now - Math.max(Date.parse(seen.lastKeepAlive), since) > minutes * 60_000 ? "silent" : null;
}

type Row = { id: string; name: string; silent_at: number | null };

/** Compares what a manager that serves says of its agents with what was told of them, and tells what is new. */
export function noteSilence(ctx: TenantContext, seen: Map<string, ManagerAgent>): void {
  const [plan, since] = [ctx.record()?.plan, nodeRow(ctx, "manager", MASTER)?.ready_at];
  if (!plan || since == null) return;
  const [now, minutes] = [ctx.now(), thresholdsOf(plan).agent_silence_minutes];
  const rows = ctx.sql.exec<Row>("SELECT id, name, silent_at FROM agents WHERE quarantined_at IS NULL").toArray();
  const turns = rows.flatMap(({ id, name, silent_at }) => {
    const at = seen.get(id);
    const state = at ? turnOf(at, silent_at !== null, now, since, minutes) : null;
    return state ? [{ id, name, state, last_seen_at: at?.lastKeepAlive ?? null }] : [];
  });
  if (turns.length > 0) ctx.transaction(() => tell(ctx, turns, now));
}

interface Told {
  id: string;
  name: string;
  state: Turn;
  last_seen_at: string | null;
}

function tell(ctx: TenantContext, turns: Told[], now: number): void {
  for (const { id, name, state, last_seen_at } of turns) {
    ctx.sql.exec("UPDATE agents SET silent_at = ? WHERE id = ?", state === "silent" ? now : null, id);
    ctx.emit("agent", { state, agent: { id, name }, last_seen_at });
  }
  for (let n = 0; n < turns.length; n += TOLD_AT_ONCE)
    ctx.publish("agent_silence", { agents: turns.slice(n, n + TOLD_AT_ONCE) });
  ctx.viewChanged();
}

/** Names of the agents that were told to be silent and have not been back. */
export const silentAgents = (sql: SqlStorage): string[] =>
  sql
    .exec<{ name: string }>(
      "SELECT name FROM agents WHERE silent_at IS NOT NULL AND quarantined_at IS NULL ORDER BY number",
    )
    .toArray()
    .map(({ name }) => name);
