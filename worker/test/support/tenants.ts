/** Driving a tenant in tests: its spec, its object, and its life without waiting for clocks. */
import { env, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { randomBase32 } from "../../src/ids";
import type { TenantView } from "../../src/schemas/tenant";
import { answered, call, newTenantId, PLAN } from "./edge";

export const newOperation = () => `op_${randomBase32(20)}`;

export function specOf(generation = 1, more: Record<string, unknown> = {}) {
  return { epoch: 1, generation, operation_id: newOperation(), requested: "running", plan: PLAN, ...more };
}

export const putTenant = (id: string, spec: unknown) =>
  answered<TenantView>(call("PUT", `/v1/tenants/${id}`, spec), 202);
export const getTenant = (id: string) => answered<TenantView>(call("GET", `/v1/tenants/${id}`), 200);

export async function runningTenant(): Promise<string> {
  const id = newTenantId();
  await putTenant(id, specOf());
  await until(id, (view) => view.observed === "running");
  return id;
}

/** Lets the tenant's alarm ring until its view is as asked. Pauses after failures are skipped, not waited for. */
export async function until(id: string, reached: (view: TenantView) => boolean, rounds = 400): Promise<TenantView> {
  const stub = env.TENANT.getByName(id);
  for (let round = 0; round < rounds; round++) {
    const view = await getTenant(id);
    if (reached(view)) return view;
    if (round % 4 === 3) await hurry(id);
    await runDurableObjectAlarm(stub);
    await scheduler.wait(10);
  }
  throw new Error(`not reached: ${JSON.stringify(await getTenant(id))}`);
}

/** Moves what the tenant waits for to now. */
export function hurry(id: string): Promise<void> {
  return runInDurableObject(env.TENANT.getByName(id), (_object, { storage }) => {
    storage.sql.exec("UPDATE due SET at = ? WHERE kind IN ('drive', 'replay')", Date.now());
    storage.sql.exec("UPDATE efforts SET retry_at = 0");
  });
}
