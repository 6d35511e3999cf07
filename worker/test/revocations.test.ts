import { env, runInDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import type { AccessClaims } from "../src/auth/claims";
import { answered, call, newTenantId, stoppedTenant } from "./support/edge";
import { newOperation, until } from "./support/tenants";

const revoke = (tenant: string, before: string) =>
  answered(
    call("POST", `/v1/tenants/${tenant}/revocations`, {
      ...{ epoch: 1, idempotency_key: crypto.randomUUID(), before, subject: "usr_alice" },
    }),
    200,
  );

const claims = (issuedAt: number): AccessClaims => ({
  ...{ subject: "usr_alice", role: "admin", organization: "org_acme", grant: null, connection: null },
  ...{ session: "ses_1", issuedAt, endsAt: issuedAt + 3600_000 },
});

describe("a revocation", () => {
  it("of the far future shuts out nobody who gets access after it", async () => {
    const tenant = await stoppedTenant();
    await revoke(tenant, "9999-12-31T23:59:59Z");
    const stub = env.TENANT.getByName(tenant);
    expect(await stub.accessStands(claims(Date.now()))).toBe(false);
    expect(await stub.accessStands(claims(Date.now() + 90_000))).toBe(true);
  });

  it("of a deleted tenant finds nothing to end, and writes nothing beside its tombstone", async () => {
    const tenant = newTenantId();
    const deletion = { epoch: 1, generation: 1, operation_id: newOperation() };
    await answered(call("DELETE", `/v1/tenants/${tenant}`, deletion), 202);
    await until(tenant, (view) => view.observed === "absent");
    expect(await revoke(tenant, new Date().toISOString())).toEqual({ closed: 0 });
    const rows = await runInDurableObject(env.TENANT.getByName(tenant), (_object, { storage }) =>
      ["data_keys", "answers", "revocations"].map(
        (table) => storage.sql.exec(`SELECT count(*) AS n FROM ${table}`).one().n,
      ),
    );
    expect(rows).toEqual([0, 0, 0]);
  });
});
