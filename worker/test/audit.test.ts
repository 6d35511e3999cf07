import { abortAllDurableObjects, env, runInDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import { makeToken } from "../src/ids";
import { AuditAction, AuditRecord } from "../src/schemas/audit";
import { hashOfRecord } from "../src/tenant/audit";
import type { TenantObject } from "../src/tenant/tenant_object";
import { brokenAt, type Recorded, recordsOf } from "./support/audit";
import { backUp } from "./support/backup_calls";
import { isolate, putToken, revoke, rotate, tokenBody } from "./support/calls";
import { deletion, stopped } from "./support/causes";
import { signIn } from "./support/dashboard";
import { answered, call, enroll, newTenantId, newToken, stoppedTenant } from "./support/edge";
import { quietStream, readWhole, replayAll, streamOf } from "./support/stream";
import { getTenant, runningTenant, until } from "./support/tenants";

/** The records of a tenant, once as many are there as its trail has. */
async function trailOf(tenant: string): Promise<{ records: Recorded[]; broken: number | null }> {
  const { audit } = await getTenant(tenant);
  await expect.poll(async () => recordsOf(await replayAll(tenant)).length).toBe(audit.position);
  const records = recordsOf(await replayAll(tenant));
  return { records, broken: brokenAt(tenant, records, audit) };
}

const acts = (records: Recorded[]) => records.map(({ action, by }) => `${action} by ${by}`);

describe("the audit trail of a tenant", () => {
  it("tells what the portal and people did, each record chained to the one before", async () => {
    const tenant = await stoppedTenant();
    const { id, text } = await newToken(tenant);
    const { agent_id } = await answered<{ agent_id: string }>(enroll(text, "web-1"), 201);
    await answered(isolate(tenant, agent_id), 200);
    await answered(call("DELETE", `/v1/tenants/${tenant}/tokens/${id}`, { epoch: 1 }), 200);
    await signIn(tenant);
    await answered(revoke(tenant), 200);
    await answered(backUp(tenant), 202);
    await answered(call("PUT", `/v1/tenants/${tenant}`, stopped(2)), 202);
    const { records, broken } = await trailOf(tenant);
    expect(acts(records)).toEqual([
      "tenant.specified by portal",
      "token.registered by portal",
      "agent.quarantined by portal",
      "token.revoked by portal",
      "dashboard.opening_asked by portal",
      "dashboard.opened by person",
      "access.revoked by portal",
      "backup.ordered by portal",
      "tenant.specified by portal",
    ]);
    expect(broken).toBeNull();
    for (const record of records) expect(AuditRecord.safeParse(record).error).toBeUndefined();
  });

  it("tells of a change that takes its time who asked for it and how it ended", async () => {
    const tenant = await runningTenant();
    await answered(rotate(tenant), 202);
    await until(tenant, ({ run }) => run?.kind === "rotate" && run.state === "succeeded");
    const { records, broken } = await trailOf(tenant);
    expect(acts(records).slice(-2)).toEqual(["certificates.rotation_asked by portal", "certificates.rotated by edge"]);
    expect(records.at(-1)?.operation).toBe(records.at(-2)?.operation);
    expect(broken).toBeNull();
  });

  it("has one record for each change: none for what was repeated, and none for what was refused", async () => {
    const tenant = await stoppedTenant();
    const body = tokenBody();
    for (let time = 0; time < 3; time++) await answered(putToken(tenant, "a".repeat(10), body), 200);
    await answered(putToken(tenant, "a".repeat(10), tokenBody({ max_uses: 7 })), 409);
    await answered(rotate(tenant), 409);
    expect(acts((await trailOf(tenant)).records)).toEqual(["tenant.specified by portal", "token.registered by portal"]);
  });

  it("is one chain also where writers race and the object is killed between them", async () => {
    const tenant = await stoppedTenant();
    for (let round = 0; round < 3; round++) {
      await Promise.all(Array.from({ length: 10 }, () => answered(putToken(tenant), 200)));
      await abortAllDurableObjects();
    }
    const { records, broken } = await trailOf(tenant);
    expect(records).toHaveLength(31);
    expect(broken).toBeNull();
  });

  it("has no link for a change that was rolled back", async () => {
    const tenant = await stoppedTenant();
    const { audit } = await getTenant(tenant);
    await runInDurableObject(env.TENANT.getByName(tenant), async (object: TenantObject, { storage }) => {
      storage.sql.exec("CREATE TRIGGER full BEFORE INSERT ON outbox BEGIN SELECT RAISE(ABORT, 'disk full'); END");
      const refused = object.putToken("b".repeat(10), 1, { ...tokenBody(), expires_at: new Date().toISOString() });
      storage.sql.exec("DROP TRIGGER full");
      await expect(refused).rejects.toThrow("disk full");
    });
    expect((await getTenant(tenant)).audit).toEqual(audit);
    await answered(putToken(tenant), 200);
    expect((await trailOf(tenant)).broken).toBeNull();
  });

  it("shows what was changed, left out, put in or cut off", async () => {
    const tenant = await stoppedTenant();
    for (let n = 0; n < 4; n++) await answered(putToken(tenant), 200);
    const { records } = await trailOf(tenant);
    const { audit } = await getTenant(tenant);
    const broken = (change: (copy: Recorded[]) => void) => {
      const copy = structuredClone(records);
      change(copy);
      return brokenAt(tenant, copy, audit);
    };
    expect(broken((all) => void Object.assign(all[2] as Recorded, { name: "another" }))).toBe(3);
    expect(broken((all) => void all.splice(1, 1))).toBe(2);
    expect(broken((all) => void all.splice(2, 0, all[1] as Recorded))).toBe(3);
    expect(broken((all) => void all.pop())).toBe(5);
    expect(broken((all) => void all.reverse())).toBe(1);
    expect(brokenAt(newTenantId(), records, audit)).toBe(1);
  });

  it("holds no secret", async () => {
    const tenant = await stoppedTenant();
    const { text } = await newToken(tenant);
    const cookie = await signIn(tenant);
    const code = makeToken("code", tenant, "a".repeat(10)).slice(0, 5);
    const { records } = await trailOf(tenant);
    const written = JSON.stringify(records);
    for (const secret of [text, text.split("_")[3] ?? "", cookie.split("=")[1] ?? "", "secret_sha256", code])
      expect(written).not.toContain(secret);
  });

  it("ends with the tenant: what stays of it is where the chain ended", async () => {
    const tenant = await stoppedTenant();
    const { audit } = await getTenant(tenant);
    await answered(call("DELETE", `/v1/tenants/${tenant}`, deletion(2)), 202);
    const gone = await until(tenant, ({ observed }) => observed === "absent");
    expect(gone.audit.position).toBe(audit.position + 1);
    await answered(call("DELETE", `/v1/tenants/${tenant}`, deletion(3)), 202);
    expect((await getTenant(tenant)).audit).toEqual(gone.audit);
    expect((await streamOf(tenant).position()).seq).toBe(0);
  });

  it("has no record of a deletion where there was nothing to delete", async () => {
    const tenant = newTenantId();
    await answered(call("DELETE", `/v1/tenants/${tenant}`, deletion(1)), 202);
    expect((await getTenant(tenant)).audit).toEqual({ position: 0, hash: "" });
    expect((await readWhole(quietStream())).events).toEqual([]);
  });

  it("hashes its records as whoever checks them does", () => {
    // The same record and hash stand in `tests/tenants/test_edge_trail.py`.
    const link = { position: 2, at: "2026-11-20T10:00:00.000Z", previous: "0".repeat(64) };
    const record = { name: "Büro „2“\n", max_uses: 3, groups: ["b", "a"], grant: null };
    const said = { action: "token.registered", by: "portal", token: "a".repeat(10), ...record };
    expect(hashOfRecord(`lo${"a".repeat(24)}`, link, said)).toBe(
      "3c7402b23e9919ae59964a3e2d8fc9d33e7393c7188f0afeec3f27ba9d1bfb4c",
    );
  });

  it("knows each of its actions by a name that says the object and what became of it", () => {
    for (const action of AuditAction.options) expect(action).toMatch(/^[a-z]+\.[a-z_]+$/);
  });
});
