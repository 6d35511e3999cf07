/**
 * Agents that exist already, taken over with the number and key that they have (lines of a manager's client.keys), so that
 * nothing on the machine but its connection changes. They came by no token; their connector shows their key, as that of an
 * agent does which enrolled on 1515.
 */
import { digest, idFrom, randomBase62 } from "../ids";
import type { TenantContext } from "./context";
import { type AgentMaterial, sealPurpose } from "./enrollment";
import { wasRemoved } from "./removed_agents";
import { rouse } from "./sleep";

export interface KnownAgent {
  /** What Wazuh calls its id. */
  id: string;
  name: string;
  /** 64 hex digits. */
  key: string;
}

/** `known`: this very agent is here already. */
export type ImportOutcome = "imported" | "known" | "number_taken" | "name_taken" | "limit";

export interface Imported {
  id: string;
  name: string;
  outcome: ImportOutcome;
}

/** Takes agents in, each for itself; in one transaction, and again it changes nothing. */
export async function importAgents(ctx: TenantContext, epoch: number, agents: KnownAgent[]): Promise<Imported[]> {
  ctx.requireLive(epoch);
  // Sealing waits, so it comes before the transaction.
  const sealed = await Promise.all(agents.map(async (agent) => ({ ...agent, material: await materialOf(ctx, agent) })));
  const results = ctx.transaction(() => {
    const taken = sealed.map((agent) => ({ id: agent.id, name: agent.name, outcome: take(ctx, agent) }));
    const imported = taken.filter(({ outcome }) => outcome === "imported").length;
    if (imported > 0) ctx.audit("agents.imported", "portal", { agents: imported });
    return taken;
  });
  if (results.some(({ outcome }) => outcome === "imported")) bring(ctx);
  return results;
}

const enrollmentOf = (id: string) => idFrom("imp", id);

function materialOf(ctx: TenantContext, { id, key }: KnownAgent): Promise<string> {
  const material: AgentMaterial = { key, connectorSecret: randomBase62(22) };
  return ctx.seal(sealPurpose(enrollmentOf(id)), JSON.stringify(material));
}

function take(ctx: TenantContext, agent: KnownAgent & { material: string }): ImportOutcome {
  type Row = { id: string; name: string; credential_sha256: string };
  const query = "SELECT id, name, credential_sha256 FROM agents WHERE id = ? OR name = ?";
  const there = ctx.sql.exec<Row>(query, agent.id, agent.name).toArray();
  const same = there.find(({ id }) => id === agent.id);
  if (same?.name === agent.name && same.credential_sha256 === digest(agent.key)) return "known";
  if (same) return "number_taken";
  if (there.length > 0) return "name_taken";
  // The manager may be yet to forget it, and would then forget this one.
  if (wasRemoved(ctx.sql, agent.id)) return "number_taken";
  const { count } = ctx.sql.exec<{ count: number }>("SELECT COUNT(*) AS count FROM agents").one();
  if (count >= (ctx.record()?.plan?.max_agents ?? 0)) return "limit";
  insert(ctx, agent);
  return "imported";
}

function insert(ctx: TenantContext, agent: KnownAgent & { material: string }): void {
  ctx.sql.exec(
    `INSERT INTO agents (id, number, name, token, groups, address, credential_sha256, enrollment_id, material, enrolled_at,
       seen_at) VALUES (?, ?, ?, '', '[]', '', ?, ?, ?, ?, ?)`,
    ...[agent.id, Number.parseInt(agent.id, 10), agent.name, digest(agent.key), enrollmentOf(agent.id), agent.material],
    // Its key has long arrived: nobody gets it by enrolling under its name.
    ...[ctx.now(), ctx.now()],
  );
}

function bring(ctx: TenantContext): void {
  ctx.viewChanged();
  rouse(ctx, "Agents were imported.");
  ctx.schedule("push_agents", ctx.now());
}
