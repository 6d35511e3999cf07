import { env, runInDurableObject } from "cloudflare:test";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { contentHash } from "../src/canonical";
import type { ErrorBody } from "../src/errors";
import type { PutTenant } from "../src/schemas/orders";
import type { TenantView } from "../src/schemas/tenant";
import { LiveContext } from "../src/tenant/live_context";
import { acceptSpec, standingOf } from "../src/tenant/spec";
import { answered, call, newTenantId, PLAN } from "./support/edge";
import { getTenant, newOperation, putTenant, specOf, until } from "./support/tenants";

const stopped = (generation = 1, more = {}) => specOf(generation, { requested: "stopped", ...more });
const refusal = (id: string, spec: unknown, status: number) =>
  answered<ErrorBody>(call("PUT", `/v1/tenants/${id}`, spec), status);
const deletion = (generation: number) => ({ epoch: 1, generation, operation_id: newOperation() });
const remove = (id: string, body: unknown) => call("DELETE", `/v1/tenants/${id}`, body);

describe("the fence of a tenant's spec", () => {
  it("takes the same spec again and changes nothing", async () => {
    const id = newTenantId();
    const spec = stopped();
    await putTenant(id, spec);
    const first = await until(id, (view) => view.observed === "stopped");
    expect(await putTenant(id, spec)).toEqual(first);
  });

  it("takes a repeat whose keys come in another order", async () => {
    const id = newTenantId();
    const spec = stopped();
    await putTenant(id, spec);
    await putTenant(id, Object.fromEntries(Object.entries(spec).reverse()));
  });

  it("has the tenant looked at again for a repeat, should its alarm have been lost", async () => {
    const id = newTenantId();
    const spec = stopped();
    await putTenant(id, spec);
    await until(id, (view) => view.observed === "stopped");
    const alarm = () => runInDurableObject(env.TENANT.getByName(id), (_object, { storage }) => storage.getAlarm());
    expect(await alarm()).toBeNull();
    await putTenant(id, spec);
    expect(await alarm()).not.toBeNull();
  });

  it("asks for a version only where a start is new, not for what is stored or stale", async () => {
    await runInDurableObject(env.TENANT.getByName(newTenantId()), async (_object, state) => {
      const spec = specOf(2) as PutTenant;
      acceptSpec(new LiveContext(state, env), spec);
      const withdrawn = new LiveContext(state, { ...env, VERSIONS: {} });
      acceptSpec(withdrawn, spec);
      expect(() => acceptSpec(withdrawn, { ...spec, generation: 1 })).toThrow("older");
      expect(() => acceptSpec(withdrawn, specOf(3) as PutTenant)).toThrow("not offered");
      acceptSpec(withdrawn, stopped(3) as PutTenant);
    });
  });

  it("refuses an older generation and keeps what it has", async () => {
    const id = newTenantId();
    await putTenant(id, stopped(5));
    expect((await refusal(id, stopped(4), 409)).code).toBe("STALE_GENERATION");
    expect((await getTenant(id)).generation).toBe(5);
  });

  it("refuses another body under the same generation", async () => {
    const id = newTenantId();
    const spec = stopped(2);
    await putTenant(id, spec);
    expect((await refusal(id, { ...spec, plan: { ...PLAN, max_agents: 7 } }, 409)).code).toBe("GENERATION_CONFLICT");
  });

  it("refuses to turn an operation into one of another kind", async () => {
    const id = newTenantId();
    const spec = stopped(1);
    await putTenant(id, spec);
    expect((await refusal(id, { ...spec, generation: 2, requested: "running" }, 409)).code).toBe("GENERATION_CONFLICT");
    expect((await getTenant(id)).generation).toBe(1);
  });

  it("puts a higher epoch above any generation", async () => {
    const id = newTenantId();
    await putTenant(id, stopped(9));
    await putTenant(id, stopped(1, { epoch: 2 }));
    expect((await refusal(id, stopped(10), 409)).code).toBe("STALE_GENERATION");
  });

  it("decides by order alone: exactly one of newer, same, older, conflicting", () => {
    const fence = fc.record({
      epoch: fc.integer({ min: 1, max: 3 }),
      generation: fc.integer({ min: 1, max: 3 }),
      bodyHash: fc.constantFrom("a", "b"),
    });
    fc.assert(
      fc.property(fence, fence, (stored, intent) => {
        const standing = standingOf(stored, intent);
        const mirrored = standingOf(intent, stored);
        const pair = { newer: "older", older: "newer", same: "same", conflicting: "conflicting" }[standing];
        expect(mirrored).toBe(pair);
      }),
    );
  });

  it("hashes content, not the order of keys", () => {
    const value = fc.dictionary(fc.string(), fc.oneof(fc.integer(), fc.dictionary(fc.string(), fc.integer())));
    fc.assert(
      fc.property(value, (some) => {
        expect(contentHash(Object.fromEntries(Object.entries(some).reverse()))).toBe(contentHash(some));
      }),
    );
  });
});

describe("a spec that does not fit", () => {
  it.each<[string, Record<string, unknown>, string]>([
    ["a certificate for no day", { certificate_days: 0 }, "plan.certificate_days"],
    ["an unknown field", { sidecar: true }, "plan.sidecar"],
    [
      "an indexer that OpenSearch does not fit into",
      { roles: { ...PLAN.roles, indexer: { count: 1, instance: "basic" } } },
      "plan.roles.indexer.instance",
    ],
    [
      "several indexers",
      { roles: { ...PLAN.roles, indexer: { count: 2, instance: "standard-2" } } },
      "plan.roles.indexer.count",
    ],
    ["a negative number of agents", { max_agents: -1 }, "plan.max_agents"],
  ])("with %s is refused by path", async (_what, change, path) => {
    const error = await refusal(newTenantId(), specOf(1, { plan: { ...PLAN, ...change } }), 422);
    expect(error.code).toBe("INVALID_PLAN");
    expect(error.details?.map((fault) => fault.path)).toContain(path);
  });

  it("with an unknown version names those that are offered", async () => {
    const error = await refusal(newTenantId(), specOf(1, { plan: { ...PLAN, version: "9.9.9" } }), 422);
    expect(error).toMatchObject({
      code: "UNKNOWN_VERSION",
      details: [{ path: "plan.version", message: expect.stringContaining("4.14.7") }],
    });
  });

  it("outside its plan is an invalid request", async () => {
    expect((await refusal(newTenantId(), specOf(0), 422)).code).toBe("INVALID_REQUEST");
    expect((await refusal(newTenantId(), specOf(1, { operation_id: "op_1" }), 422)).code).toBe("INVALID_REQUEST");
  });

  it("leaves a tenant that exists as it was", async () => {
    const id = newTenantId();
    await putTenant(id, stopped());
    await refusal(id, stopped(2, { plan: { ...PLAN, retention_days: "long" } }), 422);
    expect((await getTenant(id)).generation).toBe(1);
  });
});

describe("a deletion", () => {
  it("leaves a tombstone that refuses every later spec", async () => {
    const id = newTenantId();
    await putTenant(id, stopped());
    await answered(remove(id, deletion(2)), 202);
    const view = await until(id, ({ observed }) => observed === "absent");
    expect(view).toMatchObject({
      requested: "deleted",
      nodes: [],
      certificate: null,
      version: null,
      observed_generation: 2,
    });
    expect((await refusal(id, stopped(3), 410)).code).toBe("TENANT_DELETED");
  });

  it("answers a repeat as before, and refuses an older one", async () => {
    const id = newTenantId();
    const body = deletion(3);
    const first = await answered<TenantView>(remove(id, body), 202);
    expect(first.requested).toBe("deleted");
    await answered(remove(id, body), 202);
    expect((await answered<ErrorBody>(remove(id, deletion(2)), 409)).code).toBe("STALE_GENERATION");
  });

  it("of a tenant never seen keeps a delayed creation from coming to life", async () => {
    const id = newTenantId();
    await answered(remove(id, deletion(1)), 202);
    await refusal(id, specOf(1), 410);
  });

  it("supersedes a run under way, which is then cancelled", async () => {
    const id = newTenantId();
    const spec = specOf();
    await putTenant(id, spec);
    const view = await answered<TenantView>(remove(id, deletion(2)), 202);
    expect(view.run).toMatchObject({ kind: "delete", state: "running" });
    const states = await runInDurableObject(env.TENANT.getByName(id), (_object, { storage }) =>
      storage.sql.exec("SELECT state FROM runs WHERE operation_id = ?", spec.operation_id).toArray(),
    );
    expect(states).toEqual([{ state: "cancelled" }]);
  });
});
