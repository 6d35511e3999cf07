import { env, runInDurableObject, SELF } from "cloudflare:test";
import { compactVerify, createLocalJWKSet, type JSONWebKeySet } from "jose";
import { describe, expect, it } from "vitest";
import { SealedArchive } from "../src/events/archive";
import { importSealingKey, openBytes, sealBytes } from "../src/sealing";
import { described } from "../src/tenant/isolation";
import { enrolledAgent } from "./support/connector";
import { answered, call } from "./support/edge";
import { keepAlerts } from "./support/journal";
import { newOperation, runningTenant, until } from "./support/tenants";

/** A certificate of nobody's, as openssl makes it. */
const CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBODCB66ADAgECAhR89xgjS2q8fS3HtUTEICm7iyhIzDAFBgMrZXAwEjEQMA4G
A1UEAwwHcm9vdC1jYTAeFw0yNjExMjcxNTM1MTNaFw0zNjExMjQxNTM1MTNaMBIx
EDAOBgNVBAMMB3Jvb3QtY2EwKjAFBgMrZXADIQCckPEcq743GvVzrkI3M3z7vXll
RydYBDi1WqACRqIV3KNTMFEwHQYDVR0OBBYEFGnTmG5tV2Ye3/BmHdz3Wh8pi3cN
MB8GA1UdIwQYMBaAFGnTmG5tV2Ye3/BmHdz3Wh8pi3cNMA8GA1UdEwEB/wQFMAMB
Af8wBQYDK2VwA0EAcG8/pwO0jBYNJjVtxvEufjdze06gI7nqFtnnk+OsTydGGm9g
cDrygfUgXpA+LYhL+ZEgQ4EfLaNTsmEpCxZjBg==
-----END CERTIFICATE-----`;
const NOT_AFTER = "2036-11-24T15:35:13.000Z";

const jwks = () =>
  SELF.fetch("http://edge.test/.well-known/jwks.json", { headers: { host: "edge.test" } }).then((answer) =>
    answered<JSONWebKeySet>(answer, 200),
  );

/** What a receipt says, if this deployment signed it. */
async function verified(receipt: string) {
  const { payload, protectedHeader } = await compactVerify(receipt, createLocalJWKSet(await jwks()));
  expect(protectedHeader).toMatchObject({ alg: "EdDSA", typ: "edge-receipt+jwt" });
  return JSON.parse(new TextDecoder().decode(payload));
}

const certificateOf = (id: string) => call("GET", `/v1/tenants/${id}/erasure-certificate`);
const isolationOf = async (id: string) => {
  const { receipt } = await answered<{ receipt: string }>(call("GET", `/v1/tenants/${id}/isolation-receipt`), 200);
  return verified(receipt);
};

async function erase(id: string): Promise<string> {
  const operation_id = newOperation();
  await answered(call("DELETE", `/v1/tenants/${id}`, { epoch: 1, generation: 2, operation_id }), 202);
  await until(id, ({ observed }) => observed === "absent");
  return operation_id;
}

describe("the certificate of an erasure", () => {
  it("says what was destroyed, when, by whose order, and what remains until when", async () => {
    const id = await runningTenant();
    await enrolledAgent(id);
    await keepAlerts(id, "2026-11-26", "1.1");
    await env.ARCHIVE.put(`${id}/state/manager-0/1/1/0`, "sealed");
    const before = await isolationOf(id);
    const operation = await erase(id);
    const { receipt } = await answered<{ receipt: string }>(certificateOf(id), 200);
    const told = await verified(receipt);
    expect(told).toMatchObject({ kind: "erasure", tenant: id, ordered_by: { operation }, left_in_archive: 0 });
    expect(told.destroyed).toMatchObject({ agents: 1, enrollment_tokens: 1, objects: before.objects });
    expect(told.destroyed.data_keys).toEqual(before.data_keys);
    expect(told.destroyed.archive.objects).toBeGreaterThan(0);
    expect(told.destroyed.certificates).toHaveLength(1);
    expect(told.remains.map(({ until }: { until: string | null }) => until !== null)).toContain(true);
    expect(Date.parse(told.erased_at)).toBeLessThanOrEqual(Date.now());
    expect(await answered(certificateOf(id), 200)).toEqual({ receipt });
  });

  it("is there for its own tenant alone, once that is erased", async () => {
    const [one, other] = [await runningTenant(), await runningTenant()];
    await erase(one);
    const { receipt } = await answered<{ receipt: string }>(certificateOf(one), 200);
    expect(receipt).not.toContain(other);
    expect(await answered(certificateOf(other), 409)).toMatchObject({ code: "NOT_ERASED" });
  });

  it("counts what there was before a try that broke off in the middle", async () => {
    const id = await runningTenant();
    await env.ARCHIVE.put(`${id}/journal/indexer-0/1`, "sealed");
    const { archive, stub } = { archive: `${id}/stuck`, stub: env.TENANT.getByName(id) };
    await env.ARCHIVE.put(archive, "what no object removes");
    const order = { epoch: 1, generation: 2, operation_id: newOperation() };
    await answered(call("DELETE", `/v1/tenants/${id}`, order), 202);
    await until(id, ({ run }) => (run?.steps.find(({ name }) => name === "erase")?.error ?? null) !== null);
    await env.ARCHIVE.delete(archive);
    await until(id, ({ observed }) => observed === "absent");
    const { receipt } = await answered<{ receipt: string }>(certificateOf(id), 200);
    expect((await verified(receipt)).destroyed.archive.objects).toBe(2);
    await runInDurableObject(stub, (_, { storage }) => {
      expect(storage.sql.exec("SELECT * FROM data_keys").toArray()).toEqual([]);
    });
  });
});

describe("what lay under a destroyed data key", () => {
  it("is opened by no other key, though somebody kept a copy of it", async () => {
    const id = await runningTenant();
    const sealing = (key: CryptoKey) => ({
      seal: (context: string, bytes: Uint8Array<ArrayBuffer>) => sealBytes(key, context, bytes),
      open: (context: string, bytes: Uint8Array<ArrayBuffer>) => openBytes(key, context, bytes),
    });
    const own = await importSealingKey(await env.TENANT.getByName(id).archiveKey());
    await new SealedArchive(env.ARCHIVE, `${id}/copy/`, sealing(own)).put(
      "1",
      new TextEncoder().encode("an alert") as Uint8Array<ArrayBuffer>,
    );
    const copy = (await (await env.ARCHIVE.get(`${id}/copy/1`))?.arrayBuffer()) ?? new ArrayBuffer();
    await env.ARCHIVE.delete(`${id}/copy/1`);
    await erase(id);
    await runInDurableObject(env.TENANT.getByName(id), (tenant) => {
      expect(() => tenant.archiveKey()).toThrow("deleted");
    });
    await env.ARCHIVE.put(`${id}/copy/1`, copy);
    const next = await importSealingKey(await env.TENANT.getByName(await runningTenant()).archiveKey());
    await expect(new SealedArchive(env.ARCHIVE, `${id}/copy/`, sealing(next)).get("1")).rejects.toThrow();
    expect((await env.ARCHIVE.list({ prefix: `${id}/` })).objects.map(({ key }) => key)).toEqual([`${id}/copy/1`]);
  });
});

describe("an isolation receipt", () => {
  it("names objects, keys and places that are this tenant's, and whether it is in step", async () => {
    const id = await runningTenant();
    const told = await isolationOf(id);
    expect(told).toMatchObject({ kind: "isolation", tenant: id, cell: "lo", archive: { r2: `${id}/` } });
    expect(told.objects.tenant).toBe(env.TENANT.idFromName(id).toString());
    expect(told.nodes.map(({ role }: { role: string }) => role)).toEqual(["certs", "indexer", "manager", "dashboard"]);
    expect(told.certificates).toMatchObject({ generation: 1 });
    expect(told.data_keys).toEqual([{ version: 1, wrapped_by: "test", wrapped_sha256: expect.any(String) }]);
    expect(told.drift).toMatchObject({ in_step: true, next: null, observed: "running" });
  });

  it("names nothing of another tenant's", async () => {
    const [one, other] = [await isolationOf(await runningTenant()), await isolationOf(await runningTenant())];
    const ids = ({ objects }: { objects: { tenant: string; events: string; nodes: { id: string }[] } }) => [
      ...[objects.tenant, objects.events],
      ...objects.nodes.map(({ id }) => id),
    ];
    expect(ids(one).filter((id) => ids(other).includes(id))).toEqual([]);
    expect(one.data_keys[0].wrapped_sha256).not.toBe(other.data_keys[0].wrapped_sha256);
    expect(JSON.stringify(one)).not.toContain(other.tenant);
  });

  it("tells of a certificate its serial and end, and of a key nothing", () => {
    const files = { "root-ca.pem": CERTIFICATE, "manager-key.pem": "-----BEGIN PRIVATE KEY-----" };
    expect(described(files)).toEqual([
      {
        file: "root-ca.pem",
        serial: expect.stringMatching(/^[0-9A-F]+$/),
        not_after: NOT_AFTER,
        fingerprint: expect.any(String),
      },
    ]);
  });
});

describe("the keys of receipts", () => {
  it("are shown to everybody, without what signs", async () => {
    const { keys } = await jwks();
    expect(keys).toHaveLength(2);
    for (const key of keys) expect(Object.keys(key).sort()).toEqual(["alg", "crv", "kid", "kty", "use", "x"]);
    expect(new Set(keys.map(({ x }) => x)).size).toBe(2);
  });
});
