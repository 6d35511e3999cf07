import { env, listDurableObjectIds, SELF } from "cloudflare:test";
import { createHash } from "node:crypto";
import type { JWTPayload } from "jose";
import { describe, expect, it, vi } from "vitest";
import contract from "../../contracts/edge-api.json";
import type { ErrorBody } from "../src/errors";
import { brokenAt, recordsOf } from "./support/audit";
import { agentOrder, digestOf } from "./support/calls";
import { API, answered, call, newTenantId, scopedToken, sign, stoppedTenant } from "./support/edge";
import { EXPORT } from "./support/export_calls";
import { replayAll } from "./support/stream";
import { getTenant, specOf } from "./support/tenants";

const JSON_TYPE = "application/json";
const now = () => Math.floor(Date.now() / 1000);
const hash = (text: string) => createHash("sha256").update(text).digest("base64url");

interface Forgery {
  claims?: JWTPayload;
  typ?: string;
  signer?: "control" | "access" | "stranger";
  path?: string;
  method?: string;
  body?: string;
}

/** A signed GET of the tenants' list, with one thing changed. */
async function forged({ claims = {}, typ = "edge-control+jwt", signer = "control", path, method, body }: Forgery) {
  const proof = await sign(signer, typ, {
    ...{ iss: "portal", aud: "edge:test:lo", iat: now(), exp: now() + 60, jti: crypto.randomUUID() },
    ...{ htm: "GET", htu: "/v1/tenants?limit=5", bh: hash("") },
    ...claims,
  });
  const headers = { authorization: `Bearer ${proof}`, host: "edge.test" };
  const target = API + (path ?? "/v1/tenants?limit=5");
  return SELF.fetch(target, { method: method ?? "GET", headers, ...(body === undefined ? {} : { body }) });
}

describe("the control door", () => {
  it("opens for a proof of exactly this request", async () => {
    expect((await forged({})).status).toBe(200);
  });

  const refusals: [string, Forgery][] = [
    ["of another method", { claims: { htm: "DELETE" } }],
    ["of another path", { claims: { htu: "/v1/changes?after=0" } }],
    ["of another query", { path: "/v1/tenants?limit=500" }],
    ["of another body", { claims: { bh: hash("{}") } }],
    ["for another environment", { claims: { aud: "edge:production:lo" } }],
    ["from another issuer", { claims: { iss: "mallory" } }],
    ["that has expired", { claims: { iat: now() - 120, exp: now() - 60 } }],
    ["that lives longer than a minute", { claims: { exp: now() + 3600 } }],
    ["from the future", { claims: { iat: now() + 60, exp: now() + 100 } }],
    ["without an id", { claims: { jti: undefined } as unknown as JWTPayload }],
    ["of an unknown key", { signer: "stranger" }],
    ["of the access key that calls itself control", { signer: "access", typ: "edge-control+jwt" }],
    ["of another type of token", { typ: "edge-scoped+jwt" }],
  ];
  it.each(refusals)("refuses a proof %s", async (_what, forgery) => {
    const refusal = await answered<ErrorBody>(forged(forgery), 401);
    expect(refusal).toMatchObject({ code: "UNAUTHENTICATED", retryable: false, hint: expect.any(String) });
  });

  it("refuses an unsigned proof", async () => {
    const [header, payload] = [{ alg: "none", typ: "edge-control+jwt", kid: "test-control" }, { iss: "portal" }].map(
      (part) => Buffer.from(JSON.stringify(part)).toString("base64url"),
    );
    const headers = { authorization: `Bearer ${header}.${payload}.`, host: "edge.test" };
    expect((await SELF.fetch(`${API}/v1/tenants`, { headers })).status).toBe(401);
  });

  it("takes a write's proof once", async () => {
    const id = newTenantId();
    const body = JSON.stringify(specOf(1, { requested: "stopped" }));
    const path = `/v1/tenants/${id}`;
    const claims = { htm: "PUT", htu: path, bh: hash(body), jti: crypto.randomUUID() };
    const write = () => forged({ claims, path, method: "PUT", body });
    // Bodies need their type to be read as JSON; the proof does not bind headers.
    expect((await write()).status).not.toBe(401);
    expect((await answered<ErrorBody>(write(), 401)).code).toBe("PROOF_REPLAYED");
  });

  it("opens for either key of a door while one takes the other's place", async () => {
    await answered(call("GET", "/v1/tenants", undefined, "control"), 200);
    await answered(call("GET", "/v1/tenants", undefined, "control-next"), 200);
    const tenant = await stoppedTenant();
    for (const signer of ["access", "access-next"] as const) {
      await answered(call("GET", `/v1/tenants/${tenant}/agents`, undefined, signer), 200);
      const authorization = `Bearer ${await scopedToken(tenant, {}, signer)}`;
      await answered(SELF.fetch(`${API}/api/events`, { headers: { authorization, host: "edge.test" } }), 200);
    }
  });

  it("keeps the access key to its own calls", async () => {
    const tenant = await stoppedTenant();
    const own = ["post …/dashboard-codes", "post …/revocations", "get …/agents"];
    own.push("get …/exports/{export}", "get …/exports/{export}/files/{number}");
    own.push("post …/agents/import", "post …/logtest");
    const open: string[] = [];
    for (const { method, template, path } of controlCalls(tenant)) {
      const answer = await call(method, path, method === "GET" ? undefined : {}, "access");
      const { code } = (await answer.json()) as ErrorBody;
      if (code !== "DOOR_FORBIDDEN") open.push(`${method.toLowerCase()} ${template}`);
    }
    expect(open.sort()).toEqual(own.map((name) => name.replace("…", "/v1/tenants/{id}")).sort());
  });

  it("does not let the control key open a dashboard", async () => {
    const path = `/v1/tenants/${newTenantId()}/dashboard-codes`;
    expect((await answered<ErrorBody>(call("POST", path, {}), 403)).code).toBe("DOOR_FORBIDDEN");
  });
});

describe("guessed tenant ids", () => {
  it("are refused without making an object", async () => {
    const before = await listDurableObjectIds(env.TENANT);
    const real = newTenantId();
    const last = real.endsWith("a") ? "b" : "a";
    const guesses = [
      `${real.slice(0, -1)}${last}`,
      `zz${real.slice(2)}`,
      "a".repeat(26),
      "x",
      `${real}a`,
      real.toUpperCase(),
    ];
    for (const guess of guesses) {
      for (const [method, body] of [
        ["GET", undefined],
        ["PUT", specOf()],
        ["DELETE", {}],
      ] as const) {
        expect((await answered<ErrorBody>(call(method, `/v1/tenants/${guess}`, body), 404)).code).toBe(
          "TENANT_UNKNOWN",
        );
      }
    }
    expect(await listDurableObjectIds(env.TENANT)).toHaveLength(before.length);
  });
});

/** Every call of the contract below `/v1`. */
function controlCalls(tenant: string): { method: string; template: string; path: string }[] {
  const names: Record<string, string> = {
    "{id}": tenant,
    "{token}": "abcdefghij",
    "{agent}": "001",
    "{order}": agentOrder(),
    "{digest}": digestOf({}),
    "{export}": EXPORT,
    "{number}": "1",
  };
  return Object.entries(contract.paths)
    .filter(([template]) => template.startsWith("/v1/"))
    .flatMap(([template, methods]) => {
      const path = template.replace(/\{\w+\}/g, (name) => names[name] ?? name);
      return Object.keys(methods).map((method) => ({ method: method.toUpperCase(), template, path }));
    });
}

describe("the front", () => {
  // Dot segments, plain or encoded, are resolved by this side's own `fetch` before the Worker could see them.
  it.each(["/v1%2ftenants", "/v1/tenants//", "//v1/tenants", "/v1/tenants/a%5cb", "/v1/tenants/a%252fb", "/livez%00"])(
    "refuses the path %s",
    async (path) => {
      const unsigned = SELF.fetch(API + path, { headers: { host: "edge.test" } });
      for (const answer of [unsigned, call("GET", path)]) {
        expect((await answered<ErrorBody>(answer, 400)).code).toBe("PATH_REFUSED");
      }
    },
  );

  it.each(["application/json", "application/x+json", "APPLICATION/Problem+JSON; charset=utf-8"])(
    "lets no text that nothing can hold pass as %s",
    async (type) => {
      const body = '{"token":"a\\u0000b","enrollment_id":"\\ud800","name":"web-1"}';
      const headers = { host: "edge.test", "content-type": type };
      const answer = SELF.fetch(`${API}/api/agents/enroll`, { method: "POST", headers, body });
      expect((await answered<ErrorBody>(answer, 400)).code).toBe("BAD_REQUEST");
    },
  );

  it("refuses a host that is not its own", async () => {
    const answer = SELF.fetch("http://evil.example/livez", { headers: { host: "evil.example" } });
    expect((await answered<ErrorBody>(answer, 421)).code).toBe("HOST_UNKNOWN");
  });

  it("refuses a dashboard host whose label is no tenant of this cell", async () => {
    const before = await listDurableObjectIds(env.TENANT);
    for (const label of ["x", "a".repeat(26), "a.b"]) {
      const host = `${label}.dashboards.test`;
      expect((await SELF.fetch(`http://${host}/dashboard/`, { headers: { host } })).status).toBe(421);
    }
    expect(await listDurableObjectIds(env.TENANT)).toHaveLength(before.length);
  });

  it("refuses a body over its limit before reading it to the end", async () => {
    const headers = { host: "edge.test", "content-type": "application/json" };
    const answer = SELF.fetch(`${API}/api/agents/enroll`, { method: "POST", headers, body: "x".repeat(2_000_000) });
    expect((await answered<ErrorBody>(answer, 413)).code).toBe("BODY_TOO_LARGE");
  });

  it("answers every unknown route with the one error shape", async () => {
    const answer = SELF.fetch(`${API}/nothing`, { headers: { host: "edge.test" } });
    expect(await answered(answer, 404)).toMatchObject({
      code: "NOT_FOUND",
      message: expect.any(String),
      hint: expect.any(String),
    });
  });

  it("names each request in its answer", async () => {
    const answer = await SELF.fetch(`${API}/livez`, { headers: { host: "edge.test" } });
    expect(answer.headers.get("x-request-id")).toMatch(/^req_[a-z2-7]{20}$/);
  });

  it("goes by the control plane's name for a request, in answers, errors, log and audit trail", async () => {
    const tenant = await stoppedTenant();
    const named = { "x-request-id": "page-of-alice" };
    const lines = vi.spyOn(console, "log");
    const answer = await call(
      "PUT",
      `/v1/tenants/${tenant}`,
      specOf(2, { requested: "stopped" }),
      "control",
      JSON_TYPE,
      named,
    );
    expect([answer.status, answer.headers.get("x-request-id")]).toEqual([202, "page-of-alice"]);
    const refusal = await call("PUT", `/v1/tenants/${tenant}`, specOf(1), "control", JSON_TYPE, named);
    expect(await answered<ErrorBody>(refusal, 409)).toMatchObject({ request_id: "page-of-alice" });
    const logged = lines.mock.calls.map(([line]) => JSON.parse(String(line)) as Record<string, unknown>);
    lines.mockRestore();
    expect(logged.filter(({ request_id }) => request_id === "page-of-alice").map(({ status }) => status)).toEqual([
      202, 409,
    ]);
    const { audit } = await getTenant(tenant);
    await expect.poll(async () => recordsOf(await replayAll(tenant)).length).toBe(audit.position);
    const records = recordsOf(await replayAll(tenant));
    expect(records.map(({ request }) => request)).toEqual([expect.stringMatching(/^req_/), "page-of-alice"]);
    expect(brokenAt(tenant, records, audit)).toBeNull();
  });

  it("lets nobody else name a request, and the control plane name none that a log can't hold", async () => {
    const named = { host: "edge.test", "x-request-id": "somebody-elses" };
    const own = expect.stringMatching(/^req_[a-z2-7]{20}$/);
    for (const path of ["/livez", "/v1/tenants", "/api/events"]) {
      const answer = await SELF.fetch(API + path, { headers: named });
      expect(answer.headers.get("x-request-id")).toEqual(own);
    }
    const refused = await answered<ErrorBody>(SELF.fetch(`${API}/v1/tenants`, { headers: named }), 401);
    expect(refused).toMatchObject({ request_id: own });
    for (const name of ["short", "x".repeat(65), "two words", '{"level":"error"}']) {
      const answer = await call("GET", "/v1/tenants", undefined, "control", JSON_TYPE, { "x-request-id": name });
      expect([answer.status, answer.headers.get("x-request-id")]).toEqual([200, own]);
    }
  });
});
