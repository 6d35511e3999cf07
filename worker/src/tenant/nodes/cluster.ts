/** What an indexer says of the cluster that it belongs to. */
import { CLUSTER_HEALTH } from "../indexers";
import type { Caller } from "./ingest_probe";
import { jsonAnswer } from "./json";

/** What a node says as long as it belongs to none. */
const NO_CLUSTER = "_na_";

/**
 * The uuid of its cluster; null where it does not take the password.
 * @throws Error while it belongs to none, or does not answer
 */
export async function clusterTold(ask: Caller): Promise<string | null> {
  const answer = await ask("GET", "/");
  if (answer.status === 401) return null;
  const told = (await read(answer)) as { cluster_uuid?: unknown } | undefined;
  const uuid = told?.cluster_uuid;
  if (typeof uuid !== "string" || uuid === NO_CLUSTER) throw new Error("the indexer belongs to no cluster yet");
  return uuid;
}

/** Whether it is in its cluster now: one that the others went on without still answers, and takes nothing. */
export async function isLed(ask: Caller): Promise<boolean> {
  const told = (await read(await ask("GET", CLUSTER_HEALTH))) as { discovered_cluster_manager?: unknown } | undefined;
  return told?.discovered_cluster_manager === true;
}

const read = async (answer: Response) => (answer.ok ? jsonAnswer(answer) : undefined);
