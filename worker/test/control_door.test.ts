import { env, listDurableObjectIds, SELF } from "cloudflare:test";
import { createHash } from "node:crypto";
import type { JWTPayload } from "jose";
import { describe, expect, it } from "vitest";
import type { ErrorBody } from "../src/errors";
import { API, answered, call, newTenantId, sign } from "./support/edge";
import { specOf } from "./support/tenants";

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

  it("keeps the access key to its three calls", async () => {
    const id = newTenantId();
    for (const [method, path] of [
      ["GET", "/v1/tenants"],
      ["GET", `/v1/tenants/${id}`],
      ["PUT", `/v1/tenants/${id}`],
    ] as const) {
      const body = method === "PUT" ? specOf() : undefined;
      expect((await answered<ErrorBody>(call(method, path, body, "access"), 403)).code).toBe("DOOR_FORBIDDEN");
    }
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

describe("the front", () => {
  it.each(["/v1/tenants/%2e%2e", "/v1%2ftenants", "/v1/tenants//", "/v1/tenants/a%5cb", "/livez%00"])(
    "refuses the path %s",
    async (path) => {
      const answer = await SELF.fetch(API + path, { headers: { host: "edge.test" } });
      // `%2e%2e` is a dot segment to the runtime itself, which resolves it before the Worker sees the path.
      expect([400, 401]).toContain(answer.status);
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
});
