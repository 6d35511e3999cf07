/** The contract is executable: every status it documents is answered here, in the documented form. */
import { env, SELF } from "cloudflare:test";
import { afterAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { createApiApp } from "../src/app";
import { API_BOUNDS } from "../src/bounds";
import { accessShows, SIGNING } from "./support/access";
import { agentOrder, digestOf, token } from "./support/calls";
import type { Causes } from "./support/causes";
import { CONTROL_CAUSES } from "./support/control_causes";
import { DOCUMENTED, OPERATIONS, resolved } from "./support/documented";
import { API, newTenantId, stuckRequest } from "./support/edge";
import { plain } from "./support/knocking";
import { PUBLIC_CAUSES } from "./support/public_causes";

const CAUSES: Record<string, Causes> = { ...PUBLIC_CAUSES, ...CONTROL_CAUSES };

/** What any route may answer, whatever it does. */
function causesAnywhere(name: string): Causes {
  const [verb = "", template = ""] = name.split(" ");
  const method = verb.toUpperCase();
  const path = template
    .replace("{id}", newTenantId())
    .replace("{token}", token())
    .replace("{agent}", "001")
    .replace("{order}", agentOrder())
    .replace("{digest}", digestOf({}))
    .replace("{action}", "wake");
  const headers = { host: "edge.test", "content-type": "application/json" };
  const halfBody = method === "GET" ? {} : { body: '{"epoch":1,' };
  return {
    400: () => plain(method === "GET" ? `${path}%00` : path, { method, headers, ...halfBody }),
    408: async () => createApiApp({ ...API_BOUNDS, readMs: 20 }).fetch(stuckRequest(method, API + path, headers), env),
    413: () => plain(path, { method, headers: { ...headers, ...large(method) }, ...filled(method, path) }),
    421: () => SELF.fetch(`http://elsewhere.test${path}`, { method, headers: { host: "elsewhere.test" } }),
    500: async () => createApiApp().request(API + path, { method, headers }, { ...env, CELL_ID: "" }),
  };
}

/** A GET only announces its body: this side's own `fetch` sends none. */
const large = (method: string) => (method === "GET" ? { "content-length": "1100000" } : {});
const filled = (method: string, path: string) => {
  const bytes = path.includes("/content/") ? 11_000_000 : 1_100_000;
  return method === "GET" ? {} : { body: JSON.stringify({ fill: "x".repeat(bytes) }) };
};

describe("every documented status", () => {
  const access = accessShows(() => [SIGNING]);
  afterAll(() => access.stop());

  it.each(DOCUMENTED)("$status of $name is answered in its documented form", async ({ name, status, schema }) => {
    const cause = { ...causesAnywhere(name), ...CAUSES[name] }[status];
    if (!cause) throw new Error(`no request here causes ${status} of ${name}: exercise it or document it no longer`);
    const answer = await cause();
    if (answer.status === 101) answer.webSocket?.accept();
    const body = answer.status === 101 ? null : await answer.text();
    expect(`${answer.status} ${answer.status === Number(status) ? "" : body}`).toBe(`${status} `);
    if (!schema || body === null) return;
    const form = z.fromJSONSchema(resolved(schema) as Parameters<typeof z.fromJSONSchema>[0]);
    expect(form.safeParse(JSON.parse(body)).error?.issues ?? []).toEqual([]);
    answer.webSocket?.close();
  });

  it("belongs to a route that is documented", () => {
    expect(Object.keys(CAUSES).sort()).toEqual(OPERATIONS.map(({ name }) => name).sort());
  });
});
