/** A tenant's event stream, written and read past its door. */
import { env } from "cloudflare:test";
import type { NewEvent, Page, StreamEvent } from "../../src/events/events";

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
