/** A tenant's event stream: replay, and live by WebSocket or Server-Sent Events. The tenant comes from the credential alone. */
import { createRoute, z } from "@hono/zod-openapi";
import { EVENTS_PROTOCOL, type ScopedAccess, verifyScoped } from "../auth/scoped";
import { type EdgeApp, type EdgeContext, errorResponses, isUpgrade, jsonContent } from "../edge_app";
import { EdgeError } from "../errors";
import { EVENT_KINDS, type Page } from "../events/events";
import { follow } from "../events/following";
import { MAX_PAGE_EVENTS, type Selection } from "../events/pages";
import { subscribeRequest } from "../events/stream";
import { AuditRecord } from "../schemas/audit";
import { Time } from "../schemas/basics";
import { tenantAnswering } from "../tenants";

const Seq = z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER);

const Moment = z.iso.datetime({ offset: true }).transform((text) => Date.parse(text));

const moment = (description: string) =>
  Moment.optional().openapi({ type: "string", format: "date-time", description: `${description} (ISO 8601)` });

const Kinds = z.preprocess(
  (given) => (typeof given === "string" ? [given] : given),
  z.array(z.enum(EVENT_KINDS)).max(EVENT_KINDS.length).optional(),
);

const Query = z
  .object({
    after: Seq.optional().openapi({
      description: "Last sequence number seen; whoever follows live without it, and without `from`, starts from now",
    }),
    limit: z.coerce.number().int().min(1).max(MAX_PAGE_EVENTS).default(200),
    kind: Kinds.openapi({
      ...{ type: "array", items: { type: "string", enum: [...EVENT_KINDS] } },
      description: "Only events of this kind; may be given several times",
    }),
    min_level: z.coerce.number().int().min(0).max(16).optional().openapi({
      description: "Of alerts only those of at least this rule level; events of other kinds stay",
    }),
    agent: z
      .string()
      .regex(/^[!-~]{1,64}$/, "must be an agent's id")
      .optional()
      .openapi({ description: "Of alerts only those of this agent, by its id; events of other kinds stay" }),
    from: moment("Nothing from before this moment"),
    to: moment("Nothing from this moment on; only for replay"),
  })
  .superRefine(({ kind, min_level, agent, from, to }, c) => {
    const refuse = (name: string, message: string) => c.addIssue({ code: "custom", path: [name], message });
    const noAlerts = kind !== undefined && !kind.includes("alert");
    if (noAlerts && min_level !== undefined) refuse("min_level", "only alerts have a level: add kind=alert");
    if (noAlerts && agent !== undefined) refuse("agent", "narrows only alerts: add kind=alert");
    if (from !== undefined && to !== undefined && to <= from) refuse("to", "must be later than from");
  });

const Headers = z.object({
  "last-event-id": Seq.optional().openapi({
    description: "With Accept: text/event-stream, takes the place of `after`: the id of the last message",
  }),
});

const Event = z
  .object({
    seq: z.int(),
    at: Time,
    kind: z.enum(EVENT_KINDS),
    data: z.union([AuditRecord, z.record(z.string(), z.unknown())]),
  })
  .openapi("Event");

const Events = z
  .object({
    after: z.int(),
    events: z.array(Event),
    next: z.int().openapi({ description: "Everything up to here was looked at; go on with it as `after`" }),
    more: z
      .boolean()
      .openapi({ description: "There is more to read at once, though maybe nothing that was asked for" }),
    oldest: z.int().openapi({ description: "The first number that is kept" }),
    latest: z.int().openapi({ description: "The last number there is" }),
  })
  .openapi("Events");

const FOLLOWED = {
  schema: z.string().openapi({
    description: "Messages whose data is an Events object and whose id is its `next`; without data only the id moves",
  }),
};

const replay = createRoute({
  method: "get",
  path: "/api/events",
  request: { query: Query, headers: Headers },
  responses: {
    200: {
      description: "Events after `after`; go on with `next`. With Accept: text/event-stream, these and all that follow",
      content: { ...jsonContent(Events), "text/event-stream": FOLLOWED },
    },
    101: { description: `WebSocket (subprotocols ${EVENTS_PROTOCOL} and bearer.<JWT>): frames of the same form` },
    ...errorResponses("UNAUTHENTICATED", "ADDRESS_REFUSED", "INVALID_REQUEST", "RATE_LIMITED"),
  },
});

/** What was asked for, as the stream object takes it. */
interface Asked {
  access: ScopedAccess;
  after: number | null;
  selection: Selection;
}

export function mount(app: EdgeApp): void {
  app.openapi(replay, async (c) => {
    const access = await admitted(c);
    const { after = null, limit, kind: kinds, min_level: minLevel, agent, from, to } = c.req.valid("query");
    const asked = { access, after, selection: { kinds, minLevel, agent, from, to } };
    if (isUpgrade(c)) return (await subscribed(c, asked)) as never;
    if (acceptsStream(c)) {
      const last = c.req.valid("header")["last-event-id"];
      return (await followed(c, last === undefined ? asked : { ...asked, after: last })) as never;
    }
    const page = await streamOf(c, access).replay(after ?? 0, limit, asked.selection);
    return new Response(page, {
      headers: { "content-type": "application/json", "cache-control": "no-store" },
    }) as never;
  });
}

const streamOf = (c: EdgeContext, { tenant }: ScopedAccess) => c.env.WAZUH_EVENTS.getByName(tenant);

const acceptsStream = (c: EdgeContext) => /\btext\/event-stream\b/i.test(c.req.header("accept") ?? "");

async function subscribed(c: EdgeContext, asked: Asked): Promise<Response> {
  const answer = await subscribe(c, asked);
  return offersProtocol(c) ? answer : withoutProtocol(answer);
}

function subscribe(c: EdgeContext, { access, after, selection }: Asked): Promise<Response> {
  const { from = null, to, ...filter } = selection;
  if (to !== undefined) {
    const details = [{ path: "to", message: "is only for replay: whoever follows has no end" }];
    throw new EdgeError("INVALID_REQUEST", "The request does not fit.", details);
  }
  return streamOf(c, access).fetch(subscribeRequest({ claims: access.claims, filter, after, from }));
}

/** The socket tells what is new; what is there already the reader is given at its own pace. */
async function followed(c: EdgeContext, { access, after, selection }: Asked): Promise<Response> {
  const stream = streamOf(c, access);
  const { from, ...filter } = selection;
  const start = after ?? (from === undefined ? (await stream.position()).seq : 0);
  const { webSocket } = await subscribe(c, { access, after: null, selection: filter });
  if (!webSocket) throw new EdgeError("INTERNAL", "The stream could not be followed.");
  const read = async (position: number) => {
    const asked = position === start ? selection : filter;
    return JSON.parse(await stream.replay(position, MAX_PAGE_EVENTS, asked)) as Page;
  };
  return follow({ socket: webSocket, after: start, read, signal: c.req.raw.signal });
}

const offersProtocol = (c: EdgeContext) =>
  (c.req.header("sec-websocket-protocol") ?? "").split(",").some((name) => name.trim() === EVENTS_PROTOCOL);

/** A client that offered no subprotocol, its credential being a header, fails the connection when it is told of one. */
function withoutProtocol({ status, webSocket }: Response): Response {
  return new Response(null, { status, webSocket: webSocket ?? null });
}

/** Verifies the credential, then asks the tenant whether it was withdrawn. */
async function admitted(c: EdgeContext): Promise<ScopedAccess> {
  const access = await verifyScoped(c.var.settings, c.req.raw.headers, "events:read");
  if (await tenantAnswering(c, access.tenant).admitReader(access.claims)) return access;
  throw new EdgeError("UNAUTHENTICATED", "This scoped credential was withdrawn, or its tenant is gone.");
}
