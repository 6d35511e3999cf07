/** Calls about exports, with bodies that fit. */
import { env, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { randomBase32 } from "../../src/ids";
import type { ExportManifest, ExportView } from "../../src/schemas/exports";
import { answered, call, stoppedTenant } from "./edge";
import { newOperation } from "./tenants";

export const EXPORT = `exp_${"a".repeat(20)}`;
export const otherExport = () => `exp_${randomBase32(20)}`;
export const exportBody = (more = {}) => ({ epoch: 1, operation_id: newOperation(), ...more });

export const orderExport = (id: string, name = EXPORT, body: unknown = exportBody()) =>
  call("PUT", `/v1/tenants/${id}/exports/${name}`, body);

/** @param path behind the tenant's exports; the one export where none is given */
export const exportAt = (id: string, path = `/${EXPORT}`) => call("GET", `/v1/tenants/${id}/exports${path}`);

export const manifestOf = (id: string, name = EXPORT) => answered<ExportManifest>(exportAt(id, `/${name}`), 200);

/** Lets alarms ring until the export is made or given up; pauses after failures are skipped. */
export async function made(id: string, name = EXPORT): Promise<ExportManifest> {
  for (let round = 0; round < 300; round++) {
    const manifest = await manifestOf(id, name);
    if (manifest.state !== "running") return manifest;
    await hurryExport(id);
    await runDurableObjectAlarm(env.TENANT.getByName(id));
    await scheduler.wait(5);
  }
  throw new Error(`not made: ${JSON.stringify(await manifestOf(id, name))}`);
}

const hurryExport = (id: string) =>
  runInDurableObject(env.TENANT.getByName(id), (_, { storage }) => {
    storage.sql.exec("UPDATE due SET at = ? WHERE kind = 'make_export'", Date.now());
  });

/** The records of a folder's files, in their order. */
export async function recordsOf<T>(id: string, manifest: ExportManifest, folder: string): Promise<T[]> {
  const texts: string[] = [];
  for (const { number } of manifest.listed.filter(({ name }) => name.startsWith(`${folder}/`)))
    texts.push(await (await exportAt(id, `/${manifest.id}/files/${number}`)).text());
  return texts
    .join("")
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as T);
}

export async function withExport(act: (id: string) => Promise<Response>): Promise<Response> {
  const id = await stoppedTenant();
  await answered<ExportView>(orderExport(id), 202);
  await made(id);
  return act(id);
}
