/** Enrollment by an unchanged agent of Wazuh 5, which proves its token by a signature. */
import { env, runInDurableObject } from "cloudflare:test";
import { SignJWT } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { answered, call, iso, newTenantId, newToken } from "./support/edge";
import { type Agent5, ask, type Managers5, managersTakeAgents, say, tenant5 } from "./support/wazuh5";

const KEY = "5da72b786a15757caa8d825a74a3474c3f15b048fd1064b49863ffc715a95860";

let managers: Managers5;
beforeAll(() => {
  managers = managersTakeAgents();
});
afterAll(() => managers.stop());

const kidOf = (token: string) => Buffer.from(token.padEnd(16, "\0"), "latin1").toString("base64url");

/** The bearer that an agent makes of a token's id and key. */
function proof(token: string, { key = KEY, kid = kidOf(token), at = Date.now(), typ = "wazuh-enroll+jwt" } = {}) {
  const iat = Math.floor(at / 1000);
  const jti = Buffer.from(crypto.getRandomValues(new Uint8Array(16))).toString("base64url");
  const claims = { exp: iat + 60, iat, jti, nbf: iat };
  return new SignJWT(claims).setProtectedHeader({ alg: "HS256", kid, typ }).sign(Buffer.from(key, "hex"));
}

const enroll = async (tenant: string, bearer: Promise<string>, name: string) =>
  ask(tenant, "/enroll", {
    body: JSON.stringify({ name, version: "5.0.0" }),
    headers: { authorization: `Bearer ${await bearer}` },
  });

interface Refusal {
  code: string;
  error: { code: number; message: string };
}

describe("an unchanged agent of Wazuh 5", () => {
  it("enrolls by proving its token, is answered alike when it asks again, and reports", async () => {
    const tenant = await tenant5();
    const { id } = await newToken(tenant, { wazuh5_key: KEY, max_uses: 3 });
    const agent = await answered<Agent5>(enroll(tenant, proof(id), "web-1"), 200);
    expect(agent).toEqual({ id: "001", name: "web-1", ip: "any", key: expect.stringMatching(/^[0-9a-f]{64}$/) });
    expect(await answered(enroll(tenant, proof(id), "web-1"), 200)).toEqual(agent);
    expect(await answered(call("GET", `/v1/tenants/${tenant}/tokens/${id}`), 200)).toMatchObject({ uses: 1 });
    expect((await say(tenant, agent, "/control", "{}")).status).toBe(202);
  });

  it("is one of exactly as many as the token has uses, by whatever way they come", async () => {
    const tenant = await tenant5();
    const { id, text } = await newToken(tenant, { wazuh5_key: KEY, max_uses: 5 });
    const racers = Array.from({ length: 16 }, (_, n) =>
      enroll(tenant, n % 2 ? proof(id) : Promise.resolve(text), `racer-${n}`),
    );
    const statuses = (await Promise.all(racers)).map(({ status }) => status);
    expect(statuses.sort()).toEqual([...Array(5).fill(200), ...Array(11).fill(403)]);
  });

  it("hears why it is refused in the words of its manager, and stops where trying again can't help", async () => {
    const tenant = await tenant5();
    const good = await newToken(tenant, { wazuh5_key: KEY });
    const without = await newToken(tenant);
    const expired = await newToken(tenant, { wazuh5_key: KEY, expires_at: iso(-1000) });
    const revoked = await newToken(tenant, { wazuh5_key: KEY });
    await answered(call("DELETE", `/v1/tenants/${tenant}/tokens/${revoked.id}`, { epoch: 1 }), 200);
    const spent = await newToken(tenant, { wazuh5_key: KEY, max_uses: 1 });
    await answered(enroll(tenant, proof(spent.id), "first"), 200);
    const foreign = await newToken(await tenant5(), { wazuh5_key: KEY });
    const cases: [Promise<string>, string, number][] = [
      [proof(good.id, { key: "ab".repeat(32) }), "TOKEN_UNKNOWN", 9022],
      [proof(good.id, { kid: Buffer.alloc(16, 1).toString("base64url") }), "TOKEN_UNKNOWN", 9022],
      [proof(good.id, { typ: "wazuh-agent+jwt" }), "TOKEN_UNKNOWN", 9022],
      [proof(without.id), "TOKEN_UNKNOWN", 9022],
      [proof(foreign.id), "TOKEN_UNKNOWN", 9022],
      [proof(revoked.id), "TOKEN_REVOKED", 9022],
      [proof(expired.id), "TOKEN_EXPIRED", 9023],
      [proof(spent.id), "TOKEN_USED_UP", 9024],
      [proof(good.id, { at: Date.now() - 95_000 }), "CLOCK_WRONG", 0],
    ];
    for (const [bearer, code, number] of cases) {
      const body = await answered<Refusal>(enroll(tenant, bearer, "web-1"), 403);
      expect([body.code, body.error.code]).toEqual([code, number]);
    }
    const seen = await answered(call("GET", `/v1/tenants/${tenant}/tokens/${good.id}`), 200);
    expect(seen).toMatchObject({ uses: 0 });
    type Page = { changes: { tenant: string; kind: string; data: { reason: string; token: string } }[] };
    const told = async () =>
      (await answered<Page>(call("GET", "/v1/changes?after=0&wait=0&limit=500"), 200)).changes
        .filter((change) => change.tenant === tenant && change.kind === "refusal")
        .map(({ data }) => `${data.reason} ${data.token}`);
    await expect.poll(told).toContain(`clock ${good.id}`);
  });

  it("leaves the key of its token nowhere but sealed, also where the token comes before the tenant", async () => {
    const tenant = newTenantId();
    const { id } = await newToken(tenant, { wazuh5_key: KEY });
    const kept = await runInDurableObject(env.TENANT.getByName(tenant), (_, state) =>
      state.storage.sql.exec("SELECT wazuh5_key FROM tokens WHERE id = ?", id).one(),
    );
    expect(kept.wazuh5_key).toBeTruthy();
    expect(String(kept.wazuh5_key)).not.toContain(KEY);
  });
});
