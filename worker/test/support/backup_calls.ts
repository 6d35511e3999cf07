/** Calls about backups, restores and archived days, with bodies that fit. */
import { env, runInDurableObject } from "cloudflare:test";
import { call, iso } from "./edge";
import { keepAlerts } from "./journal";
import { newOperation, runningTenant } from "./tenants";

export const backupBody = (more = {}) => ({ epoch: 1, idempotency_key: crypto.randomUUID(), ...more });
export const backUp = (id: string, body: unknown = backupBody()) => call("POST", `/v1/tenants/${id}/backups`, body);
const BACKUP = `bak_${"a".repeat(20)}`;
export const restoreBody = (more = {}) => ({ ...backupBody(), operation_id: newOperation(), backup: BACKUP, ...more });
export const restore = (id: string, body: unknown = restoreBody()) => call("POST", `/v1/tenants/${id}/restore`, body);

const TODAY = iso(0).slice(0, 10);
export const dayBody = (day = TODAY) => ({ ...backupBody(), day });
export const rehydrate = (id: string, body: unknown = dayBody()) =>
  call("POST", `/v1/tenants/${id}/rehydrations`, body);

/** A call on a tenant that runs and had an alert today. */
export async function withAlerts(act: (id: string) => Promise<Response>): Promise<Response> {
  const id = await runningTenant();
  await keepAlerts(id, TODAY, "1.1");
  return act(id);
}

/** A call on a tenant that runs and has a backup of this id. */
export async function withBackup(act: (id: string) => Promise<Response>, parts: object[] = []): Promise<Response> {
  const id = await runningTenant();
  await runInDurableObject(env.TENANT.getByName(id), (_, { storage }) => {
    const insert = "INSERT INTO backups (id, kind, state, at, expires_at, parts) VALUES (?, ?, ?, ?, ?, ?)";
    storage.sql.exec(insert, BACKUP, "on-demand", "succeeded", 0, 9_000_000_000_000, JSON.stringify(parts));
  });
  return act(id);
}
