/** Whether an alert can be written, found and removed: a liveness answer says nothing about that. */
import { EdgeError, messageOf } from "../../errors";
import { jsonAnswer } from "./json";

/** A call at an indexer, as its administrator. */
export type Caller = (method: string, path: string, body?: string | Uint8Array<ArrayBuffer>) => Promise<Response>;

/**
 * @param id of the probe document; the same id again changes nothing
 * @param left is told why the probe could not be removed after it had failed
 * @throws EdgeError INGEST_NOT_VERIFIED naming the part that failed
 */
export async function probeIngest(ask: Caller, id: string, left: (error: unknown) => void): Promise<void> {
  const now = new Date().toISOString();
  const index = `wazuh-alerts-4.x-${now.slice(0, 10).replaceAll("-", ".")}`;
  const call = callsOf(ask);
  const alert = { timestamp: now, rule: { level: 0, description: "Ingest probe" }, id };
  const write = `${JSON.stringify({ index: { _index: index, _id: id } })}\n${JSON.stringify(alert)}\n`;
  const remove = () => call("remove the probe", "/_bulk?refresh=true", removal(index, id), refusesBulk);
  try {
    await call("write the probe", "/_bulk?refresh=true", write, refusesBulk);
    await call("find the probe", `/${index}/_search`, JSON.stringify(byId(id)), findsNothing);
  } catch (error) {
    // The first failure is the one to tell; what it leaves behind the next probe writes over.
    await remove().catch(left);
    throw error;
  }
  await remove();
}

const byId = (id: string) => ({ query: { ids: { values: [id] } }, size: 1 });
const removal = (index: string, id: string) => `${JSON.stringify({ delete: { _index: index, _id: id } })}\n`;
const refusesBulk = (answer: { errors?: unknown }) => answer.errors === true;
const findsNothing = (answer: { hits?: { hits?: unknown[] } }) => !answer.hits?.hits?.length;

type Refuses = (answer: Record<string, unknown>) => boolean;

function callsOf(ask: Caller) {
  return async (part: string, path: string, body: string, refuses: Refuses): Promise<void> => {
    const failed = (why: string) => new EdgeError("INGEST_NOT_VERIFIED", `The indexer did not ${part}: ${why}.`);
    const answer = await ask("POST", path, body).catch((error: unknown) => {
      throw failed(messageOf(error));
    });
    if (!answer.ok) throw failed(`status ${answer.status}`);
    if (refuses(((await jsonAnswer(answer)) ?? { errors: true }) as Record<string, unknown>))
      throw failed("the answer does not hold it");
  };
}
