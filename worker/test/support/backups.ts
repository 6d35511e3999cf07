/** A tenant with alerts, and what is saved of it. */
import { env, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { expect } from "vitest";
import { readBulk } from "../../src/gates/bulk";
import type { BackupView } from "../../src/schemas/backups";
import type { TenantView } from "../../src/schemas/tenant";
import { nodeStub } from "../../src/tenant/nodes/names";
import { backUp, backupBody } from "./backup_calls";
import { containerNamed } from "./containers";
import { answered, call } from "./edge";

export const indexerOf = (tenant: string) => containerNamed(`${tenant}:indexer:0`, "indexer");
export const managerOf = (tenant: string) => containerNamed(`${tenant}:manager:0`, "manager");
export const documents = (tenant: string) => [...indexerOf(tenant).documents.keys()].sort();
export const journalOf = (tenant: string) => nodeStub(env, tenant, "indexer", 0).journalState();

export const list = async (tenant: string) =>
  (await answered<{ backups: BackupView[] }>(call("GET", `/v1/tenants/${tenant}/backups`), 200)).backups;

export const order = (tenant: string, body = backupBody()) => answered<BackupView>(backUp(tenant, body), 202);

/** Lets alarms ring until a backup that was ordered has ended. */
export async function backedUp(tenant: string, body = backupBody()): Promise<BackupView> {
  const { id } = await order(tenant, body);
  for (let round = 0; round < 200; round++) {
    const found = (await list(tenant)).find((backup) => backup.id === id);
    if (found && found.state !== "running") return found;
    await runInDurableObject(env.TENANT.getByName(tenant), (_, { storage }) => {
      storage.sql.exec("UPDATE due SET at = ? WHERE kind = 'take_backup'", Date.now());
    });
    await runDurableObjectAlarm(env.TENANT.getByName(tenant));
    await scheduler.wait(10);
  }
  throw new Error(`backup ${id} did not end`);
}

/** The indexer's process ends, as its object sees it. */
export const dies = (tenant: string) =>
  runInDurableObject(nodeStub(env, tenant, "indexer", 0), () => indexerOf(tenant).exit(137));

/** Puts alerts into the tenant's journal, and waits until its indexer has them. */
export async function alerts(tenant: string, ...ids: string[]): Promise<void> {
  const body = ids.map((id) => `{"index":{"_index":"wazuh-alerts-4.x-2026.11.26"}}\n{"id":"${id}"}\n`).join("");
  const before = indexerOf(tenant).documents.size;
  await nodeStub(env, tenant, "indexer", 0).keep(readBulk(tenant, 0, body).filter((entry) => "lines" in entry));
  await expect.poll(() => indexerOf(tenant).documents.size).toBe(before + ids.length);
  await expect.poll(async () => (await journalOf(tenant)).applied).toBe((await journalOf(tenant)).last);
}

/** Whether a restore has ended. */
export const restored = (view: TenantView) => view.run?.kind === "restore" && view.run.state !== "running";
