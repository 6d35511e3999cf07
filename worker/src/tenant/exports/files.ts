/** Where the files of exports lie: under the tenant's prefix, sealed by its data key as its other archives are. */
import { DataKeySealer } from "../../auth/data_key";
import type { Env } from "../../bindings";
import { EdgeError } from "../../errors";
import { SealedArchive } from "../../events/archive";

/** @param name of one export; none for all of the tenant's */
export function exportFiles(env: Env, tenant: string, name?: string): SealedArchive {
  const sealer = new DataKeySealer(() => env.TENANT.getByName(tenant).archiveKey());
  return new SealedArchive(env.ARCHIVE, `${tenant}/exports/${name === undefined ? "" : `${name}/`}`, sealer);
}

/** @throws EdgeError EXPORT_NOT_FOUND where the file is lost, or is not the one that was written there */
export async function readFile(
  env: Env,
  tenant: string,
  name: string,
  number: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = await exportFiles(env, tenant, name).get(String(number)).catch(unlessUnreadable);
  if (!bytes) throw new EdgeError("EXPORT_NOT_FOUND", `File ${number} of the export ${name} can't be read any more.`);
  return bytes;
}

/** Decryption fails with an OperationError, unpacking with a TypeError; what R2 throws is neither. */
function unlessUnreadable(reason: unknown): null {
  const name = reason instanceof Error ? reason.name : "";
  if (name !== "OperationError" && name !== "TypeError") throw reason;
  return null;
}
