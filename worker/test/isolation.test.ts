/** Which tests keep strangers out of each route, of either app. */
import { describe, expect, it } from "vitest";
import { createApiApp, createDashboardApp } from "../src/app";
import { routesOf } from "./support/routes";

type Test = [file: string, title: string];

const HOST: Test = ["control_door", "refuses a host that is not its own"];
const PROOF: Test = ["control_door", "opens for a proof of exactly this request"];
const KEYS: Test = ["control_door", "keeps the access key to its own calls"];
const GUESSES: Test = ["control_door", "are refused without making an object"];
const ONCE: Test = ["control_door", "takes a write's proof once"];
const TOKENS: Test = ["enrollment", "of one tenant are not there for another"];
const OWN_DAYS: Test = ["rehydrations", "is loaded from its own tenant's archive only"];
const OWN_EXPORTS: Test = ["exports", "is its own tenant's: nobody else lists, reads or is given it"];
const OWN_BACKUPS: Test = ["backups", "is its own tenant's: nobody else's list shows it"];
const NOT_ITS_AGENT: Test = ["wazuh5", "is refused for another tenant, whose agent has the same number"];
const NO_STRANGER_WAKES: Test = ["wazuh5_held", "falls asleep under their signs of life, and they do not wake it"];
const POINTERS: Test = ["dashboard_session", "point to the dashboard and say nothing of it, whoever asks"];

const API: Record<string, Test[]> = {
  "GET /livez": [HOST],
  "GET /readyz": [HOST],
  "GET /v1/tenants": [PROOF, KEYS],
  "GET /v1/changes": [PROOF, KEYS],
  "GET /v1/usage": [PROOF, KEYS],
  "PUT /v1/tenants/:id": [GUESSES, KEYS, ONCE],
  "GET /v1/tenants/:id": [GUESSES, KEYS],
  "DELETE /v1/tenants/:id": [GUESSES, KEYS, ONCE],
  "PUT /v1/tenants/:id/tokens/:token": [TOKENS, KEYS],
  "GET /v1/tenants/:id/tokens/:token": [TOKENS, KEYS],
  "DELETE /v1/tenants/:id/tokens/:token": [TOKENS, KEYS],
  "GET /v1/tenants/:id/agents": [["foreign_tenant", "lists the agents of its own tenant only"], KEYS],
  "POST /v1/tenants/:id/agents/import": [["imported_agents", "takes in nobody for another tenant"], KEYS],
  "POST /v1/tenants/:id/agents/:agent/quarantine": [["agents", "finds no agent of another tenant"], KEYS],
  "POST /v1/tenants/:id/tokens/:token/quarantine": [["quarantine", "finds no token of another tenant"], KEYS],
  "PUT /v1/tenants/:id/agent-orders/:order": [["agent_orders", "touches agents of its own tenant only"], KEYS],
  "GET /v1/tenants/:id/agent-orders/:order": [["agent_orders", "touches agents of its own tenant only"], KEYS],
  "PUT /v1/tenants/:id/content/:digest": [["content", "is its own tenant's: nobody else's plan can name it"], KEYS],
  "POST /v1/tenants/:id/logtest": [["logtest", "asks the manager of its own tenant only"], KEYS],
  "POST /v1/tenants/:id/certs/rotate": [
    ["rotation_door", "rotates no other tenant than the one it is asked for"],
    KEYS,
  ],
  "GET /v1/keys": [PROOF, KEYS],
  "POST /v1/tenants/:id/credentials/rotate": [
    ["credentials", "gives every node new ones, one role after the other, and keeps none of the old"],
    KEYS,
  ],
  "POST /v1/tenants/:id/backups": [OWN_BACKUPS, KEYS],
  "GET /v1/tenants/:id/backups": [OWN_BACKUPS, KEYS],
  "PUT /v1/tenants/:id/exports/:export": [OWN_EXPORTS, KEYS],
  "GET /v1/tenants/:id/exports": [OWN_EXPORTS, KEYS],
  "GET /v1/tenants/:id/exports/:export": [OWN_EXPORTS, KEYS],
  "GET /v1/tenants/:id/exports/:export/files/:number": [OWN_EXPORTS, KEYS],
  "POST /v1/tenants/:id/restore": [
    ["restores", "is refused for a stopped tenant, and for a backup of another one"],
    KEYS,
  ],
  "GET /v1/tenants/:id/erasure-certificate": [
    ["receipts", "is there for its own tenant alone, once that is erased"],
    KEYS,
  ],
  "GET /v1/tenants/:id/isolation-receipt": [["receipts", "names nothing of another tenant's"], KEYS],
  "GET /.well-known/jwks.json": [["receipts", "are shown to everybody, without what signs"]],
  "POST /v1/tenants/:id/rehydrations": [OWN_DAYS, KEYS],
  "GET /v1/tenants/:id/rehydrations": [OWN_DAYS, KEYS],
  "POST /v1/tenants/:id/sleep": [
    ["sleep", "sends no other tenant to sleep and wakes no other than the one it names"],
    KEYS,
  ],
  "POST /v1/tenants/:id/wake": [
    ["sleep", "sends no other tenant to sleep and wakes no other than the one it names"],
    KEYS,
  ],
  "POST /v1/tenants/:id/dashboard-codes": [
    ["dashboard_session", "does not open another tenant's dashboard"],
    ["control_door", "does not let the control key open a dashboard"],
  ],
  "POST /v1/tenants/:id/revocations": [["foreign_tenant", "ends access to its own tenant only"], KEYS],
  "PUT /v1/tenants/:id/portal-trail": [
    ["portal_trail", "is refused where the same entry has another hash, or the trail is another organization's"],
    KEYS,
  ],
  "POST /operators/tenants/:id/actions/:action": [
    ["operators", "opens for what the team's own key signed for this application"],
    ["operators", "makes no object for a guess, and names no tenant that is gone otherwise than gone"],
    ["operators", "answers with nothing of the tenant's, whatever it is and whatever becomes of it"],
  ],
  "POST /api/agents/enroll": [
    ["enrollment", "makes no object for a malformed token or an invented tenant"],
    ["foreign_tenant", "lists the agents of its own tenant only"],
  ],
  "POST /api/certs/rotate": [
    ["rotation_door", "rotates no other tenant than the one it is asked for"],
    ["rotation_door", "takes no credential that is for something else, of another key, or withdrawn"],
  ],
  "GET /api/events": [
    ["stream_readers", "never shows one tenant's events to another"],
    ["stream_readers", "takes no credential from the query, and none that is wrong"],
    ["following", "never hears of another tenant"],
  ],
  "GET /wazuh/:tenant/": [NO_STRANGER_WAKES],
  "GET /wazuh/:tenant/cacerts": [NO_STRANGER_WAKES],
  "POST /wazuh/:tenant/enroll": [["wazuh5", "names the reason of each refusal"]],
  "POST /wazuh/:tenant/control": [NOT_ITS_AGENT],
  "POST /wazuh/:tenant/stateless": [NOT_ITS_AGENT],
  "POST /wazuh/:tenant/stateful": [NOT_ITS_AGENT],
  "POST /wazuh/:tenant/download": [NOT_ITS_AGENT],
  "POST /wazuh/:tenant/config": [NOT_ITS_AGENT],
  "POST /wazuh/:tenant/stats": [NOT_ITS_AGENT],
  "POST /wazuh/:tenant/scan/vd": [NOT_ITS_AGENT],
  "GET /agents/:tenant/1514": [
    ["tunnel", "opens for nobody without the right credential, and makes no object for a guess"],
    [
      "client_certificates",
      "opens nothing where it is verified but pinned to nobody, or to an agent of another tenant or of none any more",
    ],
  ],
  "GET /agents/:tenant/1515": [
    ["raw_enrollment", "opens for a good token alone, tells why not, and makes no object for a guess"],
  ],
  "GET /dashboard/:tenant": [
    ["dashboard_session", "keep the API off the dashboards' origins, and dashboards off the API's"],
  ],
};

const DASHBOARD: Record<string, Test[]> = {
  "POST /session": [["dashboard_opening", "is refused with another tenant's code, a made-up one, or none"]],
  "GET /waking": [["sleep_doors", "wakes nothing without a session, nor from another origin or tenant"]],
  "GET /": [POINTERS],
  "GET /dashboard": [POINTERS],
  "ALL /dashboard/*": [
    ["dashboard_session", "does not open another tenant's dashboard"],
    ["dashboard_session", "is asked for on every path, and its end is shown clearly"],
  ],
};

const SOURCES = import.meta.glob("./*.test.ts", { query: "?raw", import: "default", eager: true });

describe("each route", () => {
  it.each([
    ["API", createApiApp(), API],
    ["dashboards", createDashboardApp(), DASHBOARD],
  ] as const)("of the %s has its line here, and each line a route", (_, app, table) => {
    expect(routesOf(app)).toEqual(Object.keys(table).sort());
  });

  it.each(Object.entries({ ...API, ...DASHBOARD }))("is kept from strangers by tests that exist: %s", (_, tests) => {
    expect(tests.length).toBeGreaterThan(0);
    for (const [file, title] of tests) expect(SOURCES[`./${file}.test.ts`]).toContain(`it("${title}"`);
  });
});
