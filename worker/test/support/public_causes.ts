import { makeToken } from "../../src/ids";
import { operate, order } from "./access";
import { token } from "./calls";
import { type Causes, enrolled, on, onDeleted } from "./causes";
import { askRotation, enroll, newToken, scopedToken, stoppedTenant } from "./edge";
import { afterTooMany, GUESS, plain, unsigned, withoutFeed } from "./knocking";
import { asleepTenant } from "./sleeping";
import { runningTenant } from "./tenants";

const ELSEWHERE = [["192.0.2.0/24"]];

const events = async (bearer: string, query = "", headers = {}) =>
  plain(`/api/events${query}`, { headers: { authorization: `Bearer ${bearer}`, ...headers } });

export const PUBLIC_CAUSES: Record<string, Causes> = {
  "get /.well-known/jwks.json": { 200: () => plain("/.well-known/jwks.json") },
  "get /livez": { 200: () => plain("/livez") },
  "get /readyz": { 200: () => plain("/readyz"), 503: () => withoutFeed(() => plain("/readyz")) },
  "post /operators/tenants/{id}/actions/{action}": {
    202: on((id) => operate(id)),
    401: on((id) => operate(id, "wake", order(), null)),
    404: () => operate(GUESS),
    409: on((id) => operate(id, "wake")),
    410: onDeleted((id) => operate(id)),
    422: on((id) => operate(id, "wake", {})),
    429: on((id) => afterTooMany(30, () => operate(id))),
    503: async () => operate(await asleepTenant(), "rotate-certificates"),
  },
  "post /api/agents/enroll": {
    201: async () => enroll((await newToken(await stoppedTenant())).text, "web-1"),
    200: () => enrolled((text, enrollment_id) => enroll(text, "web-1", { enrollment_id })),
    403: on((id) => enroll(makeToken("enr", id, token()), "web-1")),
    409: () => enrolled((text) => enroll(text, "web-1")),
    410: onDeleted((id) => enroll(makeToken("enr", id, token()), "web-1")),
    429: on((id) => afterTooMany(120, () => enroll(makeToken("enr", id, token()), "web-1"))),
    422: async () => enroll((await newToken(await stoppedTenant())).text, "not a name"),
  },
  "post /api/certs/rotate": {
    202: async () => askRotation(await runningTenant()),
    401: unsigned("POST", "/api/certs/rotate", '{"idempotency_key":"k"}'),
    403: on(async (id) =>
      askRotation(id, undefined, await scopedToken(id, { scope: "certs:rotate", networks: ELSEWHERE })),
    ),
    409: on((id) => askRotation(id)),
    422: on((id) => askRotation(id, {})),
    429: on((id) => afterTooMany(60, () => askRotation(id))),
    503: async () => askRotation(await asleepTenant()),
  },
  "get /api/events": {
    200: on(async (id) => events(await scopedToken(id))),
    101: on(async (id) => events(await scopedToken(id), "", { upgrade: "websocket" })),
    401: () => plain("/api/events"),
    403: on(async (id) => events(await scopedToken(id, { networks: ELSEWHERE }))),
    422: on(async (id) => events(await scopedToken(id), "?limit=0")),
    429: on(async (id) => {
      const bearer = await scopedToken(id);
      return afterTooMany(200, () => events(bearer));
    }),
  },
};
