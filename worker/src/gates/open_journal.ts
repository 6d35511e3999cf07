import { DataKeySealer } from "../auth/data_key";
import { type Env, settingsOf } from "../bindings";
import { SealedArchive } from "../events/archive";
import { keeping } from "../events/segments";
import { Journal, type Post } from "./journal";

/**
 * The journal of a tenant's indexer, its archive sealed under the tenant's data key.
 * @param kept is told in the same transaction how many bytes were written, and when
 * @param elsewhere gives a way to the indexer while this object's own container is none
 */
export function openJournal(
  storage: DurableObjectStorage,
  env: Env,
  node: { tenant: string; n: number },
  kept: (bytes: number, at: number) => void,
  elsewhere: () => Promise<Post | null>,
): Journal {
  const tenant = env.TENANT.getByName(node.tenant);
  const sealer = new DataKeySealer(() => tenant.archiveKey());
  const archive = new SealedArchive(env.ARCHIVE, `${node.tenant}/journal/indexer-${node.n}/`, sealer);
  return new Journal(storage, {
    archive,
    retentionDays: () => tenant.retentionDays(),
    archiveDays: () => tenant.archiveDays(),
    kept,
    elsewhere,
    sizes: keeping(settingsOf(env).hotLogBytes),
  });
}
