/** Every door × everybody who is a stranger to a tenant: canaries never cross, and nothing of the tenant changes. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { createApiApp, createDashboardApp } from "../src/app";
import { accessShows, SIGNING } from "./support/access";
import { dashboardAnswers, noDashboards } from "./support/dashboard";
import { API, call } from "./support/edge";
import { routesOf } from "./support/routes";
import {
  type Asked,
  ask,
  attempts,
  canaryOf,
  type Keyring,
  originOf,
  STRANGERS,
  type Stranger,
  type Strangers,
  strangers,
} from "./support/strangers";

/** What a stranger is answered; unless a row says otherwise every credential is refused with 401. */
interface Row {
  body?: (ring: Keyring) => string;
  /** Statuses for everybody. */
  all?: number[];
  /** Statuses for some: above all, where the credential itself names the tenant, its own. */
  some?: Partial<Record<Stranger, number[]>>;
  headers?: Record<string, string>;
}

const nothing = () => "{}";
const REFUSED: Row = {};
const WRITE: Row = { body: nothing };
const OPEN: Row = { all: [200] };
const POINTER: Row = { all: [302] };
const WAZUH5 = { headers: { "protocol-version": "1" } };
/** What a manager answers to anybody; the victim's does not run. */
const FROM_MANAGER: Row = { ...WAZUH5, all: [503] };
const OF_AGENT: Row = {
  ...{ ...WAZUH5, body: nothing },
  some: { "a quarantined agent": [401, 403], "somebody withdrawn": [401, 403] },
};

/** The rows of the API's routes; `:id` and `:tenant` are the victim. */
const API_ROWS: Record<string, Row> = {
  "GET /livez": OPEN,
  "GET /readyz": OPEN,
  "GET /v1/tenants": REFUSED,
  "GET /v1/changes": REFUSED,
  "GET /v1/usage": REFUSED,
  "GET /v1/keys": REFUSED,
  "PUT /v1/tenants/:id": WRITE,
  "GET /v1/tenants/:id": REFUSED,
  "DELETE /v1/tenants/:id": WRITE,
  "PUT /v1/tenants/:id/tokens/:token": WRITE,
  "GET /v1/tenants/:id/tokens/:token": REFUSED,
  "DELETE /v1/tenants/:id/tokens/:token": WRITE,
  "POST /v1/tenants/:id/tokens/:token/quarantine": WRITE,
  "GET /v1/tenants/:id/erasure-certificate": REFUSED,
  "GET /v1/tenants/:id/isolation-receipt": REFUSED,
  "GET /.well-known/jwks.json": OPEN,
  "GET /v1/tenants/:id/agents": REFUSED,
  "POST /v1/tenants/:id/agents/import": WRITE,
  "POST /v1/tenants/:id/agents/:agent/quarantine": WRITE,
  "PUT /v1/tenants/:id/agent-orders/:order": WRITE,
  "GET /v1/tenants/:id/agent-orders/:order": REFUSED,
  "PUT /v1/tenants/:id/content/:digest": WRITE,
  "POST /v1/tenants/:id/logtest": WRITE,
  "POST /v1/tenants/:id/certs/rotate": WRITE,
  "POST /v1/tenants/:id/credentials/rotate": WRITE,
  "POST /v1/tenants/:id/backups": WRITE,
  "GET /v1/tenants/:id/backups": REFUSED,
  "PUT /v1/tenants/:id/exports/:export": WRITE,
  "GET /v1/tenants/:id/exports": REFUSED,
  "GET /v1/tenants/:id/exports/:export": REFUSED,
  "GET /v1/tenants/:id/exports/:export/files/:number": REFUSED,
  "POST /v1/tenants/:id/restore": WRITE,
  "POST /v1/tenants/:id/rehydrations": WRITE,
  "GET /v1/tenants/:id/rehydrations": REFUSED,
  "POST /v1/tenants/:id/sleep": WRITE,
  "POST /v1/tenants/:id/wake": WRITE,
  "PUT /v1/tenants/:id/portal-trail": WRITE,
  "POST /v1/tenants/:id/dashboard-codes": WRITE,
  "POST /v1/tenants/:id/revocations": WRITE,
  "POST /operators/tenants/:id/actions/:action": { body: () => '{"reason":"to look into it"}' },
  "POST /api/agents/enroll": {
    body: ({ enrollment }) =>
      JSON.stringify({ token: enrollment, enrollment_id: crypto.randomUUID(), name: `n-${crypto.randomUUID()}` }),
    all: [403],
    some: { nobody: [422], "another tenant": [200, 201] },
  },
  "POST /api/certs/rotate": {
    body: () => '{"idempotency_key":"k"}',
    // Its own, which is stopped.
    some: { "another tenant": [401, 409] },
  },
  "GET /api/events": { some: { "another tenant": [200, 401] } },
  "GET /agents/:tenant/1514": {
    headers: { upgrade: "websocket" },
    some: { "a quarantined agent": [401, 403], "somebody withdrawn": [401, 403] },
  },
  "GET /agents/:tenant/1515": { headers: { upgrade: "websocket" }, all: [403] },
  "GET /wazuh/:tenant/": FROM_MANAGER,
  "GET /wazuh/:tenant/cacerts": FROM_MANAGER,
  "POST /wazuh/:tenant/enroll": {
    ...{ ...WAZUH5, all: [403] },
    body: () => JSON.stringify({ name: `n-${crypto.randomUUID()}`, version: "5.0.0" }),
  },
  "POST /wazuh/:tenant/control": OF_AGENT,
  "POST /wazuh/:tenant/stateless": OF_AGENT,
  "POST /wazuh/:tenant/stateful": OF_AGENT,
  "POST /wazuh/:tenant/download": OF_AGENT,
  "POST /wazuh/:tenant/config": OF_AGENT,
  "POST /wazuh/:tenant/stats": OF_AGENT,
  "POST /wazuh/:tenant/scan/vd": OF_AGENT,
  "GET /dashboard/:tenant": POINTER,
};

/** The same on the victim's own host. */
const DASHBOARD_ROWS: Record<string, Row> = {
  "POST /session": { body: ({ code }) => new URLSearchParams({ code }).toString(), all: [403] },
  "GET /waking": REFUSED,
  "GET /": POINTER,
  "GET /dashboard": POINTER,
  "ALL /dashboard/*": REFUSED,
};

const ROWS: [string, string, Row][] = [
  ...Object.entries(API_ROWS).map(([route, row]): [string, string, Row] => ["API", route, row]),
  ...Object.entries(DASHBOARD_ROWS).map(([route, row]): [string, string, Row] => ["dashboards", route, row]),
];

let world: Strangers;
let before: Record<string, unknown>;
let access: ReturnType<typeof accessShows>;
beforeAll(async () => {
  access = accessShows(() => [SIGNING]);
  world = await strangers();
  before = await stateOf(world.theirs);
});
afterAll(() => access.stop());
beforeEach(() => void dashboardAnswers(() => new Response(`the dashboard of ${canaryOf(world.theirs)}`)));
afterEach(noDashboards);

/** What a stranger must not be able to change. */
async function stateOf(tenant: string): Promise<Record<string, unknown>> {
  const read = async (path: string) => (await call("GET", `/v1/tenants/${tenant}${path}`)).json();
  const [view, agents, backups] = await Promise.all(["", "/agents", "/backups"].map(read));
  const { audit, generation, requested, run } = view as Record<string, unknown>;
  return { audit, generation, requested, run, agents, backups };
}

/** Of a route the request about the victim; a route for every method is asked by several. */
function requestsOf(app: string, route: string, row: Row, ring: Keyring): Asked[] {
  const [method = "", template = ""] = route.split(" ");
  const { theirs, token, agent } = world;
  const named: Record<string, string> = { id: theirs, tenant: theirs, token, agent, action: "look-again" };
  const path = template.replace(/:(\w+)/g, (_, name: string) => named[name] ?? name).replace("*", "app/home");
  const base = {
    origin: app === "API" ? API : originOf(theirs),
    path: app === "API" ? `${path}?tenant=${theirs}` : path,
  };
  const one = (verb: string): Asked => ({
    ...{ ...base, method: verb },
    ...(row.body ? { body: row.body(ring) } : verb === "GET" ? {} : { body: "{}" }),
  });
  return (method === "ALL" ? ["GET", "POST", "PUT", "DELETE"] : [method]).map(one);
}

const textOf = async (answer: Response) => {
  const { webSocket } = answer;
  if (webSocket) return "a socket was opened";
  return `${answer.status} ${JSON.stringify([...answer.headers])} ${await answer.text()}`;
};

describe("the matrix", () => {
  it("has a row for each route that the router has, and no other", () => {
    expect(Object.keys(API_ROWS).sort()).toEqual(routesOf(createApiApp()));
    expect(Object.keys(DASHBOARD_ROWS).sort()).toEqual(routesOf(createDashboardApp()));
  });

  it("would see a canary: whoever belongs there is shown it by each door that shows anything", async () => {
    const { theirs, owner } = world;
    const canary = canaryOf(theirs);
    const control = ["/agents", "/backups"].map((path) => call("GET", `/v1/tenants/${theirs}${path}`));
    const own = (path: string, origin: string, headers: Record<string, string>) =>
      ask({ method: "GET", origin, path }, headers);
    const shown = [
      ...control,
      own("/api/events?after=0&limit=1000", API, owner.events),
      own("/dashboard/app/home", originOf(theirs), owner.session),
    ];
    for (const answer of await Promise.all(shown)) expect(await textOf(answer)).toContain(canary);
  });
});

describe.each(STRANGERS)("to %s", (stranger) => {
  it.each(ROWS)("%s: %s shows nothing", async (app, route, row) => {
    const ring = world.keyrings[stranger];
    const canary = canaryOf(world.theirs);
    const logged = vi.spyOn(console, "log");
    for (const asked of requestsOf(app, route, row, ring)) {
      for (const headers of await attempts(world, ring, asked)) {
        const answer = await ask(asked, { ...row.headers, ...headers });
        const expected = row.some?.[stranger] ?? row.all ?? [401];
        expect(expected, `${asked.method} with ${Object.keys(headers)}`).toContain(answer.status);
        expect(await textOf(answer)).not.toContain(canary);
      }
    }
    expect(logged.mock.calls.length).toBeGreaterThan(0);
    expect(JSON.stringify(logged.mock.calls)).not.toContain(canary);
    logged.mockRestore();
  });
});

describe("after all of them", () => {
  it("the tenant is as it was before", async () => {
    expect(await stateOf(world.theirs)).toEqual(before);
  });
});
