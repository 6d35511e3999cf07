/** What of a Wazuh 5 agent's request goes on to its manager, and of the manager's answer back to it. */

/** The plain port of the hop in the manager's container; behind it the manager speaks TLS alone. */
export const AGENTS_PORT = 1518;

const TO_MANAGER = ["accept", "authorization", "content-encoding", "content-type", "protocol-version", "user-agent"];
const TO_AGENT = ["content-type", "retry-after", "www-authenticate"];

/** By it the hop knows a batch that the manager took already, though whoever sent it never heard so. */
const BATCH_HEADER = "edge-batch";

export const agentRequestHeaders = (sent: Headers, batch?: string): Headers => {
  const headers = only(TO_MANAGER, sent);
  if (batch) headers.set(BATCH_HEADER, batch);
  return headers;
};

export const agentAnswerHeaders = (got: Headers): Headers => only(TO_AGENT, got);

function only(names: string[], given: Headers): Headers {
  const passed = new Headers();
  for (const name of names) {
    const value = given.get(name);
    if (value !== null) passed.set(name, value);
  }
  return passed;
}

/** Where a path of the agents' door is reached in a manager: the same path, for the manager serves below that prefix itself. */
export const agentUrl = (pathAndQuery: string) => `http://node:${AGENTS_PORT}${pathAndQuery}`;

/** The prefix below which a tenant's manager serves its agents. */
export const agentsPrefix = (tenant: string) => `/wazuh/${tenant}/`;

/** A batch of events as the edge sends it on for its agent. */
export function batchRequest(
  tenant: string,
  batch: { id: string; encoding: string; body: Uint8Array<ArrayBuffer>; authorization: string },
): Request {
  const headers = new Headers({
    ...{ authorization: batch.authorization, "content-type": "application/x-ndjson", "protocol-version": "1" },
    ...(batch.encoding ? { "content-encoding": batch.encoding } : {}),
    [BATCH_HEADER]: batch.id,
  });
  return new Request(agentUrl(`${agentsPrefix(tenant)}stateless`), { method: "POST", headers, body: batch.body });
}
