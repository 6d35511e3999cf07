/** A tenant's event stream, written and read past its door. */
import { env, runInDurableObject, SELF } from "cloudflare:test";
import type { NewEvent, Page, StreamEvent } from "../../src/events/events";
import type { Selection } from "../../src/events/pages";
import type { EventStream } from "../../src/events/stream";
import { API, newTenantId, scopedToken } from "./edge";

export const streamOf = (tenant: string) => env.WAZUH_EVENTS.getByName(tenant);

export const alert = (key: string, more: Record<string, unknown> = {}): NewEvent => ({
  kind: "alert",
  key,
  data: { id: key, ...more },
});

export async function replayAll(tenant: string, limit = 1000): Promise<StreamEvent[]> {
  const events: StreamEvent[] = [];
  for (;;) {
    const page = JSON.parse(await streamOf(tenant).replay(events.at(-1)?.seq ?? 0, limit)) as Page;
    if (page.events.length === 0) return events;
    events.push(...page.events);
  }
}

export const alertsOf = (events: StreamEvent[]) => events.filter((event) => event.kind === "alert");
export const gapless = (events: StreamEvent[]) => events.every((event, index) => event.seq === index + 1);

/** How many readers the stream object serves. */
export const listening = (tenant: string) =>
  runInDurableObject(
    streamOf(tenant),
    (_: EventStream, state) =>
      state.getWebSockets().filter(({ readyState }) => readyState === WebSocket.READY_STATE_OPEN).length,
  );

/** How a browser, which can set no header, carries its credential. */
const asProtocol = (credential: string) => ({ "sec-websocket-protocol": `events.v1, bearer.${credential}` });

export const asHeader = (credential: string) => ({ authorization: `Bearer ${credential}` });

/** Opens a live reader and collects its frames. */
export async function listen(
  tenant: string,
  query = "",
  token?: string,
  proofOf: typeof asProtocol | typeof asHeader = asProtocol,
) {
  const credential = token ?? (await scopedToken(tenant));
  const headers = { upgrade: "websocket", host: "edge.test", ...proofOf(credential) };
  const answer = await SELF.fetch(`${API}/api/events${query}`, { headers });
  const socket = answer.webSocket;
  if (!socket) return { status: answer.status, answer, socket: null, frames: [] as Page[], closed: Promise.resolve(0) };
  const frames: Page[] = [];
  const closed = new Promise<number>((resolve) => socket.addEventListener("close", (event) => resolve(event.code)));
  socket.addEventListener("message", (event) => {
    frames.push(JSON.parse(event.data as string) as Page);
  });
  socket.accept();
  return { status: 101, answer, socket, frames, closed };
}

/** What no compression makes smaller. */
export function randomText(length: number): string {
  return Buffer.from(crypto.getRandomValues(new Uint8Array(length / 2))).toString("hex");
}

/** A request of the stream's door. */
export async function askEvents(
  tenant: string,
  query: string,
  headers: Record<string, string> = {},
): Promise<Response> {
  const authorization = `Bearer ${await scopedToken(tenant)}`;
  return SELF.fetch(`${API}/api/events${query}`, { headers: { authorization, host: "edge.test", ...headers } });
}

/** An alert as a manager's digest carries it. */
export const digest = (id: string, level = 3, agent = "001", more = {}): NewEvent => ({
  kind: "alert",
  key: id,
  data: { id, rule: { level }, agent: { id: agent }, ...more },
});

export const idsOf = (events: StreamEvent[]) => alertsOf(events).map(({ data }) => (data as { id: string }).id);

/** A stream of its own, without what a tenant's life tells. */
export const quietStream = () => streamOf(newTenantId());

export const readPage = async (stream: ReturnType<typeof streamOf>, after: number, selection: Selection = {}) =>
  JSON.parse(await stream.replay(after, 1000, selection)) as Page;

/** Reads to the end as the description has it: on with `next` while there is `more`. */
export async function readWhole(stream: ReturnType<typeof streamOf>, selection: Selection = {}) {
  const pages = [await readPage(stream, 0, selection)];
  for (let page = pages[0]; page?.more; pages.push(page)) page = await readPage(stream, page.next, selection);
  return { pages, events: pages.flatMap(({ events }) => events) };
}
