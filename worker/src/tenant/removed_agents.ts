/** Agents that were removed: their numbers are given to nobody else, and the manager is told to forget them. */
import type { TenantContext } from "./context";

/** Part of the tables of agent_orders.ts, by whose orders agents are removed. */
export const REMOVED_AGENTS =
  "CREATE TABLE removed_agents (id TEXT PRIMARY KEY, number INTEGER NOT NULL, told INTEGER NOT NULL DEFAULT 0) STRICT;";

/** A number that no agent of this tenant has or had. */
export function nextNumber(sql: SqlStorage): number {
  const query =
    "SELECT MAX(number) AS value FROM (SELECT number FROM agents UNION ALL SELECT number FROM removed_agents)";
  return (sql.exec<{ value: number | null }>(query).one().value ?? 0) + 1;
}

/**
 * Takes agents out of the tenant: no credential, key or certificate of theirs opens anything from now on. Call inside a
 * transaction; open connections are the caller's to end.
 */
export function removeAgents(ctx: TenantContext, ids: string[]): void {
  for (const id of ids) {
    ctx.sql.exec("INSERT INTO removed_agents (id, number) SELECT id, number FROM agents WHERE id = ?", id);
    ctx.sql.exec("DELETE FROM pins WHERE agent = ?", id);
    ctx.sql.exec("DELETE FROM agents WHERE id = ?", id);
  }
  ctx.viewChanged();
  ctx.schedule("push_agents", ctx.now());
}

/** Whether an agent of this tenant had this number. */
export const wasRemoved = (sql: SqlStorage, id: string): boolean =>
  sql.exec("SELECT 1 FROM removed_agents WHERE id = ?", id).toArray().length > 0;

/** Those of whom the manager has not been told. */
export const removedUntold = ({ sql }: TenantContext): string[] =>
  sql
    .exec<{ id: string }>("SELECT id FROM removed_agents WHERE told = 0")
    .toArray()
    .map(({ id }) => id);

export function noteTold({ sql }: TenantContext, ids: string[]): void {
  for (const id of ids) sql.exec("UPDATE removed_agents SET told = 1 WHERE id = ?", id);
}

export const tellAllAgain = ({ sql }: TenantContext) => sql.exec("UPDATE removed_agents SET told = 0");
