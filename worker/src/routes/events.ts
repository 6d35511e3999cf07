/** A tenant's event stream: replay, and live over WebSocket. The tenant comes from the credential alone. */
import { createRoute, z } from "@hono/zod-openapi";
import { EVENTS_PROTOCOL, type ScopedAccess, scopedCredential, verifyScoped } from "../auth/scoped";
import { type EdgeApp, type EdgeContext, errorResponses, isUpgrade, jsonContent } from "../edge_app";
import { EdgeError } from "../errors";
import { EVENT_KINDS } from "../events/events";
import { MAX_PAGE_EVENTS, subscribeRequest } from "../events/stream";
import { Time } from "../schemas/basics";

const Seq = z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER);

const Query = z.object({
  after: Seq.optional().openapi({ description: "Last sequence number seen; a WebSocket without it starts from now" }),
  limit: z.coerce.number().int().min(1).max(MAX_PAGE_EVENTS).default(200),
});

const Event = z
  .object({ seq: z.int(), at: Time, kind: z.enum(EVENT_KINDS), data: z.record(z.string(), z.unknown()) })
  .openapi("Event");

const Events = z.object({ events: z.array(Event), next: z.int(), oldest: z.int(), latest: z.int() }).openapi("Events");

const replay = createRoute({
  method: "get",
  path: "/api/events",
  request: { query: Query },
  responses: {
    200: { description: "Events after `after`; go on with `next`", content: jsonContent(Events) },
    101: { description: `WebSocket (subprotocols ${EVENTS_PROTOCOL} and bearer.<JWT>): frames of the same form` },
    ...errorResponses("UNAUTHENTICATED", "INVALID_REQUEST"),
  },
});

export function mount(app: EdgeApp): void {
  app.openapi(replay, async (c) => {
    const access = await admitted(c);
    const { after, limit } = c.req.valid("query");
    const stream = c.env.WAZUH_EVENTS.getByName(access.tenant);
    if (isUpgrade(c)) {
      const answer = await stream.fetch(subscribeRequest(access.claims, after ?? null));
      return (offersProtocol(c) ? answer : withoutProtocol(answer)) as never;
    }
    const page = await stream.replay(after ?? 0, limit);
    return new Response(page, {
      headers: { "content-type": "application/json", "cache-control": "no-store" },
    }) as never;
  });
}

const offersProtocol = (c: EdgeContext) =>
  (c.req.header("sec-websocket-protocol") ?? "").split(",").some((name) => name.trim() === EVENTS_PROTOCOL);

/** A client that offered no subprotocol, its credential being a header, fails the connection when it is told of one. */
function withoutProtocol({ status, webSocket }: Response): Response {
  return new Response(null, { status, webSocket: webSocket ?? null });
}

/** Verifies the credential, then asks the tenant whether it was withdrawn. */
async function admitted(c: EdgeContext): Promise<ScopedAccess> {
  const access = await verifyScoped(c.var.settings, scopedCredential(c.req.raw.headers), "events:read");
  if (await c.env.TENANT.getByName(access.tenant).accessStands(access.claims)) return access;
  throw new EdgeError("UNAUTHENTICATED", "This scoped credential was withdrawn, or its tenant is gone.");
}
