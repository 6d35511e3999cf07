import { env, listDurableObjectIds } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import { makeToken } from "../src/ids";
import {
  answered,
  call,
  type Enrolled,
  enroll,
  iso,
  mistyped,
  newTenantId,
  newToken,
  PLAN,
  stoppedTenant,
} from "./support/edge";

interface Change {
  tenant: string;
  kind: string;
  data: Record<string, unknown>;
}

async function changesOf(tenant: string, kind: string): Promise<Record<string, unknown>[]> {
  const { changes } = await answered<{ changes: Change[] }>(call("GET", "/v1/changes?after=0&wait=0&limit=500"), 200);
  return changes.filter((change) => change.tenant === tenant && change.kind === kind).map((change) => change.data);
}

/** What the tenant's event stream tells of enrollments. */
async function toldOf(tenant: string): Promise<Record<string, unknown>[]> {
  const page = await env.WAZUH_EVENTS.getByName(tenant).replay(0, 100);
  const { events } = JSON.parse(page) as { events: { kind: string; data: Record<string, unknown> }[] };
  return events.filter(({ kind }) => kind === "enrollment").map(({ data }) => data);
}

const codeOf = async (answer: Promise<Response>, status: number) =>
  (await answered<{ code: string }>(answer, status)).code;

describe("enrollment", () => {
  it("gives an agent its id, key, connector and address", async () => {
    const tenant = await stoppedTenant();
    const token = await newToken(tenant, { groups: ["linux"] });
    const agent = await answered<Enrolled>(enroll(token.text, "web-1"), 201);
    expect(agent.agent_id).toBe("001");
    expect(agent.key).toMatch(/^[0-9a-f]{64}$/);
    expect(agent.connector).toEqual({ id: `${tenant}.001`, secret: expect.stringMatching(/^con_/) });
    expect(agent.manager_url).toBe(`ws://edge.test/agents/${tenant}/1514`);
  });

  it("lets exactly as many of 64 racing clients in as the token has uses", async () => {
    const tenant = await stoppedTenant();
    const token = await newToken(tenant, { max_uses: 10 });
    const answers = await Promise.all(Array.from({ length: 64 }, (_, n) => enroll(token.text, `racer-${n}`)));
    const bodies = await Promise.all(answers.map((answer) => answer.json<Enrolled & { code?: string }>()));
    const ids = bodies.filter((_, n) => answers[n]?.status === 201).map((body) => body.agent_id);
    expect(ids.sort()).toEqual(Array.from({ length: 10 }, (_, n) => String(n + 1).padStart(3, "0")));
    expect(bodies.filter((body) => body.code === "TOKEN_USED_UP")).toHaveLength(54);
    const seen = await answered(call("GET", `/v1/tenants/${tenant}/tokens/${token.id}`), 200);
    expect(seen).toMatchObject({ uses: 10, max_uses: 10, state: "used_up" });
  });

  it("answers a repeated enrollment id with the same secrets and spends one use", async () => {
    const tenant = await stoppedTenant();
    const token = await newToken(tenant, { max_uses: 1 });
    const again = { enrollment_id: crypto.randomUUID() };
    const answers = await Promise.all(Array.from({ length: 8 }, () => enroll(token.text, "web-1", again)));
    expect(answers.map((answer) => answer.status).sort()).toEqual([200, 200, 200, 200, 200, 200, 200, 201]);
    const bodies = await Promise.all(answers.map((answer) => answer.text()));
    expect(new Set(bodies).size).toBe(1);
  });

  it("refuses an enrollment id that was used under another name", async () => {
    const token = await newToken(await stoppedTenant());
    const same = { enrollment_id: crypto.randomUUID() };
    await answered(enroll(token.text, "web-1", same), 201);
    expect(await codeOf(enroll(token.text, "web-2", same), 409)).toBe("ENROLLMENT_CONFLICT");
  });

  it("refuses a second agent of the same name without spending a use", async () => {
    const tenant = await stoppedTenant();
    const token = await newToken(tenant);
    await answered(enroll(token.text, "web-1"), 201);
    expect(await codeOf(enroll(token.text, "web-1"), 409)).toBe("AGENT_NAME_TAKEN");
    const named = await newToken(tenant, { names: ["moved-1"] });
    expect(await codeOf(enroll(named.text, "web-2"), 403)).toBe("TOKEN_NOT_FOR_NAME");
    expect(await answered(call("GET", `/v1/tenants/${tenant}/tokens/${token.id}`), 200)).toMatchObject({ uses: 1 });
  });

  it("refuses more agents than the plan allows", async () => {
    const token = await newToken(await stoppedTenant({ max_agents: 1 }));
    await answered(enroll(token.text, "web-1"), 201);
    expect(await codeOf(enroll(token.text, "web-2"), 403)).toBe("AGENT_LIMIT_REACHED");
  });

  it("names the reason of each refusal, to the installer, in the changes feed and in the stream", async () => {
    const tenant = await stoppedTenant();
    const usedUp = await newToken(tenant, { max_uses: 1 });
    await answered(enroll(usedUp.text, "web-1"), 201);
    const expired = await newToken(tenant, { expires_at: iso(-1000) });
    const revoked = await newToken(tenant);
    await answered(call("DELETE", `/v1/tenants/${tenant}/tokens/${revoked.id}`, { epoch: 1 }), 200);
    const wrongSecret = await newToken(tenant);
    const good = await newToken(tenant);
    expect(await codeOf(enroll(usedUp.text, "a1"), 403)).toBe("TOKEN_USED_UP");
    expect(await codeOf(enroll(expired.text, "a2"), 403)).toBe("TOKEN_EXPIRED");
    expect(await codeOf(enroll(revoked.text, "a3"), 403)).toBe("TOKEN_REVOKED");
    expect(await codeOf(enroll(makeToken("enr", tenant, wrongSecret.id), "a4"), 403)).toBe("TOKEN_UNKNOWN");
    expect(await codeOf(enroll(good.text, "a5", { sent_at: iso(-7200_000) }), 403)).toBe("CLOCK_WRONG");
    const reasons = [
      ["a1", "used_up", usedUp.id],
      ["a2", "expired", expired.id],
      ["a3", "revoked", revoked.id],
      ["a4", "unknown", null],
      ["a5", "clock", good.id],
    ];
    const asReasons = (told: Record<string, unknown>[]) => told.map((data) => [data.name, data.reason, data.token]);
    await expect.poll(async () => asReasons(await changesOf(tenant, "refusal"))).toEqual(reasons);
    const refusals = async () => (await toldOf(tenant)).filter(({ outcome }) => outcome === "refused");
    await expect.poll(async () => asReasons(await refusals())).toEqual(reasons);
  });

  it("refuses a token from the moment on that its revocation names, which can come earlier but not later", async () => {
    const tenant = await stoppedTenant();
    const token = await newToken(tenant);
    const revoke = (at?: string) =>
      answered<{ state: string; revoked_at: string }>(
        call("DELETE", `/v1/tenants/${tenant}/tokens/${token.id}`, { epoch: 1, ...(at && { at }) }),
        200,
      );
    const inAnHour = iso(3_600_000);
    expect(await revoke(inAnHour)).toMatchObject({ state: "active", revoked_at: inAnHour });
    expect((await revoke(iso(7_200_000))).revoked_at).toBe(inAnHour);
    await answered(enroll(token.text, "web-1"), 201);
    await revoke(iso(50));
    await expect.poll(async () => (await enroll(token.text, "web-1")).json()).toMatchObject({ code: "TOKEN_REVOKED" });
    expect((await revoke()).state).toBe("revoked");
  });

  it("puts the enrollment and the token's new count into the changes feed", async () => {
    const tenant = await stoppedTenant();
    const token = await newToken(tenant, { groups: ["linux"] });
    await answered(enroll(token.text, "web-1"), 201);
    await expect.poll(() => changesOf(tenant, "enrollment")).toHaveLength(1);
    const agent = { id: "001", name: "web-1", groups: ["linux"] };
    expect((await changesOf(tenant, "enrollment"))[0]).toMatchObject({ token: token.id, uses: 1, max_uses: 10, agent });
    expect((await changesOf(tenant, "token"))[0]).toMatchObject({ id: token.id, uses: 1, state: "active" });
  });

  it("is told in the tenant's event stream, as is its refusal", async () => {
    const tenant = await stoppedTenant();
    const token = await newToken(tenant, { max_uses: 1 });
    await answered(enroll(token.text, "web-1"), 201);
    await codeOf(enroll(token.text, "web-2"), 403);
    await expect
      .poll(() => toldOf(tenant))
      .toMatchObject([
        { outcome: "enrolled", token: token.id, agent: { id: "001", name: "web-1" } },
        { outcome: "refused", reason: "used_up", name: "web-2" },
      ]);
    expect(JSON.stringify(await toldOf(tenant))).not.toContain(token.text);
  });

  it("makes no object for a malformed token or an invented tenant", async () => {
    const before = (await listDurableObjectIds(env.TENANT)).length;
    const real = newTenantId();
    const invented = `${real.slice(0, 25)}${real.endsWith("a") ? "b" : "a"}`;
    const misspelled = mistyped(makeToken("enr", real, "abcdefghij"));
    for (const text of [misspelled, makeToken("enr", invented, "abcdefghij"), "enr_", "é", "x".repeat(256)]) {
      expect(await codeOf(enroll(text, "web-1"), 403)).toBe("TOKEN_UNKNOWN");
    }
    expect(await listDurableObjectIds(env.TENANT)).toHaveLength(before);
  });

  it.each([{ name: "web\u0000" }, { version: "\ud800" }, { token: "\u0000" }])(
    "refuses %j as no text at all",
    async (wrong) => {
      const token = await newToken(await stoppedTenant());
      expect(await codeOf(enroll(token.text, "web-1", wrong), 400)).toBe("BAD_REQUEST");
    },
  );

  it.each([
    ["name", { name: "a" }],
    ["name", { name: "web 1" }],
    ["enrollment_id", { enrollment_id: "1" }],
    ["version", { version: "a b" }],
    ["token", { token: 7 }],
  ])("names the field that is wrong: %s %j", async (field, wrong) => {
    const token = await newToken(await stoppedTenant());
    const body = await answered<{ code: string; details: { path: string }[] }>(enroll(token.text, "web-1", wrong), 422);
    expect(body.code).toBe("INVALID_REQUEST");
    expect(body.details.map((fault) => fault.path)).toContain(field);
  });
});

describe("tokens", () => {
  it("are stored once, and the same definition again, under whatever name, changes nothing", async () => {
    const tenant = await stoppedTenant();
    const path = `/v1/tenants/${tenant}/tokens/abcdefghij`;
    const body = { epoch: 1, name: "n", secret_sha256: "0".repeat(64), expires_at: iso(1000), max_uses: 3 };
    const first = await answered(call("PUT", path, body), 200);
    expect(await answered(call("PUT", path, { ...body, name: "m" }), 200)).toEqual(first);
    for (const other of [{ max_uses: 4 }, { labels: { site: "Bonn" } }, { groups: ["linux"] }]) {
      expect(await codeOf(call("PUT", path, { ...body, ...other }), 409)).toBe("TOKEN_CONFLICT");
    }
  });

  it.each([".", "..", "all", "a/b", ""])("may not name the group %j, which no manager could have", async (group) => {
    const tenant = await stoppedTenant();
    const body = { epoch: 1, name: "n", secret_sha256: "0".repeat(64), expires_at: iso(1000), max_uses: 3 };
    const path = `/v1/tenants/${tenant}/tokens/abcdefghij`;
    expect(await codeOf(call("PUT", path, { ...body, groups: [group] }), 422)).toBe("INVALID_REQUEST");
  });

  it.each([
    { "a b": "x" },
    { site: "" },
    { site: "<x>" },
    { site: "a\\b" },
    { site: "a\nb" },
    { site: "x".repeat(129) },
  ])("may not carry the labels %j, which an agent would read as something else", async (labels) => {
    const tenant = await stoppedTenant();
    const body = { epoch: 1, name: "n", secret_sha256: "0".repeat(64), expires_at: iso(1000), max_uses: 3, labels };
    const path = `/v1/tenants/${tenant}/tokens/abcdefghij`;
    expect(await codeOf(call("PUT", path, body), 422)).toBe("INVALID_REQUEST");
  });

  it("of one tenant are not there for another", async () => {
    const [one, two] = [await stoppedTenant(), await stoppedTenant()];
    const { id } = await newToken(one);
    const path = `/v1/tenants/${two}/tokens/${id}`;
    expect(await codeOf(call("GET", path), 404)).toBe("TOKEN_NOT_FOUND");
    expect(await codeOf(call("DELETE", path, { epoch: 1 }), 404)).toBe("TOKEN_NOT_FOUND");
    expect(await answered(call("GET", `/v1/tenants/${one}/tokens/${id}`), 200)).toMatchObject({ state: "active" });
  });

  it("can be made before the tenant's first spec arrived", async () => {
    expect(await newToken(newTenantId())).toBeTruthy();
  });

  it("stay withdrawn, while the agents they enrolled stay", async () => {
    const tenant = await stoppedTenant();
    const token = await newToken(tenant);
    await answered(enroll(token.text, "web-1"), 201);
    const path = `/v1/tenants/${tenant}/tokens/${token.id}`;
    expect(await answered(call("DELETE", path, { epoch: 1 }), 200)).toMatchObject({ state: "revoked", uses: 1 });
    expect(await answered(call("DELETE", path, { epoch: 1 }), 200)).toMatchObject({ state: "revoked", uses: 1 });
    const { agents } = await answered<{ agents: { id: string }[] }>(call("GET", `/v1/tenants/${tenant}/agents`), 200);
    expect(agents.map((agent) => agent.id)).toEqual(["001"]);
  });

  it("are refused from before the cell's epoch was raised", async () => {
    const tenant = await stoppedTenant();
    const token = await newToken(tenant);
    const raised = { epoch: 2, generation: 1, operation_id: `op_${"b".repeat(20)}`, requested: "stopped", plan: PLAN };
    await answered(call("PUT", `/v1/tenants/${tenant}`, raised), 202);
    const path = `/v1/tenants/${tenant}/tokens/${token.id}`;
    expect(await codeOf(call("DELETE", path, { epoch: 1 }), 409)).toBe("STALE_EPOCH");
    expect(await answered(call("DELETE", path, { epoch: 2 }), 200)).toMatchObject({ state: "revoked" });
  });

  it("are refused from before an epoch that only another write brought", async () => {
    const tenant = await stoppedTenant();
    const token = await newToken(tenant);
    const path = `/v1/tenants/${tenant}/tokens/${token.id}`;
    await answered(call("DELETE", path, { epoch: 2 }), 200);
    expect(await codeOf(call("DELETE", path, { epoch: 1 }), 409)).toBe("STALE_EPOCH");
  });
});
