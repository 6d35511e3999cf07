import { env, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { beforeEach, describe, expect, it } from "vitest";
import { FeedBell } from "../src/feed_bell";
import type { Change, ChangePage } from "../src/schemas/feed";
import type { PutTenant } from "../src/schemas/orders";
import type { TenantView } from "../src/schemas/tenant";
import { sweep } from "../src/sweep";
import { LiveContext } from "../src/tenant/live_context";
import { Outbox, type OutboxRow } from "../src/tenant/outbox";
import { acceptSpec } from "../src/tenant/spec";
import { answered, call, newTenantId } from "./support/edge";
import { newOperation, putTenant, specOf, until } from "./support/tenants";

const page = (query: string) => answered<ChangePage>(call("GET", `/v1/changes?${query}`), 200);
const stopped = (generation = 1) => specOf(generation, { requested: "stopped" });

/** Every change of a tenant, read in pages. */
async function changesOf(tenant: string, limit = 500): Promise<Change[]> {
  const found: Change[] = [];
  for (let after = 0; ; ) {
    const { changes } = await page(`after=${after}&limit=${limit}`);
    if (changes.length === 0) return found.filter((change) => change.tenant === tenant);
    found.push(...changes);
    after = changes.at(-1)?.seq ?? after;
  }
}

async function outboxOf(tenant: string): Promise<{ target: string }[]> {
  return runInDurableObject(env.TENANT.getByName(tenant), (_object, { storage }) =>
    storage.sql.exec<{ target: string }>("SELECT target FROM outbox ORDER BY seq").toArray(),
  );
}

async function delivered(tenant: string): Promise<void> {
  for (let round = 0; round < 200; round++) {
    if ((await outboxOf(tenant)).length === 0) return;
    await runInDurableObject(env.TENANT.getByName(tenant), (_object, { storage }) => {
      storage.sql.exec("UPDATE due SET at = 1 WHERE kind = 'outbox'");
    });
    await runDurableObjectAlarm(env.TENANT.getByName(tenant));
    await scheduler.wait(5);
  }
  throw new Error(`not delivered: ${JSON.stringify(await outboxOf(tenant))}`);
}

beforeEach(async () => {
  await env.WAZUH_META.exec("DELETE FROM changes");
});

describe("the changes feed", () => {
  it("tells a tenant's views in the order in which they came, ending with what it is", async () => {
    const id = newTenantId();
    await putTenant(id, stopped());
    const last = await until(id, (view) => view.observed === "stopped");
    await delivered(id);
    const changes = (await changesOf(id)).filter(({ kind }) => kind === "tenant");
    const views = changes.map(({ data }) => data as unknown as TenantView);
    expect(views.map(({ seq }) => seq)).toEqual(views.map((_, index) => index + 1));
    const { stream: _now, ...content } = last;
    expect(views.at(-1)).toMatchObject(content);
  });

  it("can be read in pages of any size without a gap", async () => {
    const id = newTenantId();
    for (let generation = 1; generation <= 5; generation++) await putTenant(id, stopped(generation));
    await delivered(id);
    const whole = await changesOf(id);
    expect(whole.length).toBeGreaterThanOrEqual(5);
    for (const limit of [1, 2, 3]) expect(await changesOf(id, limit)).toEqual(whole);
  });

  it("answers a poll as soon as something happens", async () => {
    const { latest_seq } = await page("after=0");
    const poll = page(`after=${latest_seq}&wait=10`);
    const started = Date.now();
    const id = newTenantId();
    await putTenant(id, stopped());
    expect((await poll).changes.length).toBeGreaterThan(0);
    expect(Date.now() - started).toBeLessThan(5000);
    await until(id, (view) => view.observed === "stopped");
    await delivered(id);
  });

  it("answers an empty page when nothing happens in time", async () => {
    const { latest_seq } = await page("after=0");
    expect((await page(`after=${latest_seq}&wait=1`)).changes).toEqual([]);
  });

  it("says where it begins and what it is called, so that a reader can tell when to start over", async () => {
    await putTenant(newTenantId(), stopped());
    const first = await page("after=0");
    expect(first.feed_epoch).toMatch(/^[0-9a-f]{16}$/);
    expect(first.oldest_seq).toBeLessThanOrEqual(first.latest_seq + 1);
    expect((await page("after=0")).feed_epoch).toBe(first.feed_epoch);
  });

  it("moves its beginning when old changes are dropped", async () => {
    await putTenant(newTenantId(), stopped());
    const { latest_seq } = await page("after=0&wait=5");
    await env.WAZUH_META.exec("UPDATE changes SET at = 0");
    await sweep(env, "* * * * *", Date.now());
    const after = await page("after=0");
    expect(after.changes).toEqual([]);
    expect(after.oldest_seq).toBeGreaterThan(latest_seq - 1);
  });

  it.each([
    "after=-1",
    "after=x",
    "after=0&wait=26",
    "after=0&limit=0",
    "after=0&limit=501",
    "",
    "after=9007199254740993",
  ])("refuses the query %s", async (query) => {
    const error = await answered<{ code: string }>(call("GET", `/v1/changes?${query}`), 422);
    expect(error.code).toBe("INVALID_REQUEST");
  });
});

describe("delivery to D1", () => {
  it("fails without holding the tenant up, and catches up once D1 is back", async () => {
    const id = newTenantId();
    await env.WAZUH_META.exec("ALTER TABLE changes RENAME TO changes_away");
    try {
      await putTenant(id, stopped());
      await until(id, (view) => view.observed === "stopped");
      expect((await outboxOf(id)).filter(({ target }) => target === "changes").length).toBeGreaterThan(0);
    } finally {
      await env.WAZUH_META.exec("ALTER TABLE changes_away RENAME TO changes");
    }
    await delivered(id);
    const views = (await changesOf(id)).map(({ data }) => data as unknown as TenantView);
    expect(views.at(-1)?.observed).toBe("stopped");
  });

  it("puts a row that was delivered twice into the feed once", async () => {
    const id = newTenantId();
    await putTenant(id, stopped());
    await until(id, (view) => view.observed === "stopped");
    await delivered(id);
    const before = await changesOf(id);
    const [first] = before;
    await runInDurableObject(env.TENANT.getByName(id), (_object, { storage }) => {
      const at = Date.now();
      storage.sql.exec(
        "INSERT INTO outbox (seq, target, kind, at, data) VALUES (?, 'changes', 'tenant', ?, ?)",
        first?.object_seq ?? 0,
        at,
        JSON.stringify(first?.data),
      );
      storage.sql.exec("INSERT OR REPLACE INTO due (kind, key, at, attempts) VALUES ('outbox', '', 1, 0)");
    });
    await env.TENANT.getByName(id).wake();
    await delivered(id);
    expect(await changesOf(id)).toEqual(before);
  });

  it("writes the plan's copy to KV and removes it with the tenant", async () => {
    const id = newTenantId();
    await putTenant(id, stopped());
    await delivered(id);
    const copy = await env.WAZUH_CLUSTER_CONFIG.get<Record<string, unknown>>(`clusters/${id}.json`, "json");
    expect(copy).toMatchObject({ tenant: id, generation: 1, plan: { version: "4.14.7" } });
    await answered(call("DELETE", `/v1/tenants/${id}`, { epoch: 1, generation: 2, operation_id: newOperation() }), 202);
    await until(id, (view) => view.observed === "absent");
    await delivered(id);
    expect(await env.WAZUH_CLUSTER_CONFIG.get(`clusters/${id}.json`)).toBeNull();
  });
});

describe("the outbox", () => {
  it("goes on without a target that never answers, and offers it its rows again", async () => {
    await runInDurableObject(env.TENANT.getByName(newTenantId()), async (_object, state) => {
      const ctx = new LiveContext(state, env);
      const taken: number[] = [];
      let hangs = true;
      const take = async (rows: OutboxRow[]) => void taken.push(...rows.map(({ seq }) => seq));
      const hung = () => new Promise<void>(() => {});
      const outbox = new Outbox(ctx, { well: take, ill: (rows) => (hangs ? hung() : take(rows)) }, 20);
      const put = () => ctx.transaction(() => [outbox.put("ill", "tenant", {}), outbox.put("well", "tenant", {})]);
      const [ill, well] = put();
      await expect(outbox.flush()).rejects.toThrow();
      expect(taken).toEqual([well]);
      hangs = false;
      await outbox.flush();
      expect(taken).toEqual([well, ill]);
    });
  });

  it("empties although the bell of the feed is broken", async () => {
    const original = FeedBell.prototype.ring;
    FeedBell.prototype.ring = () => {
      throw new Error("the bell is broken");
    };
    try {
      const id = newTenantId();
      await putTenant(id, stopped());
      await delivered(id);
    } finally {
      FeedBell.prototype.ring = original;
    }
  });
});

describe("the list of tenants", () => {
  it("pages by id and holds tombstones", async () => {
    const ids = [newTenantId(), newTenantId(), newTenantId()].sort();
    for (const id of ids) {
      await putTenant(id, stopped());
      await delivered(id);
    }
    const [gone = ""] = ids;
    await answered(
      call("DELETE", `/v1/tenants/${gone}`, { epoch: 1, generation: 2, operation_id: newOperation() }),
      202,
    );
    await until(gone, (view) => view.observed === "absent");
    await delivered(gone);
    const found: TenantView[] = [];
    for (let after = ""; ; ) {
      const answer = await answered<{ tenants: TenantView[]; next: string | null }>(
        call("GET", `/v1/tenants?after=${after}&limit=2`),
        200,
      );
      found.push(...answer.tenants);
      if (answer.next === null) break;
      after = answer.next;
    }
    const listed = found.map(({ id }) => id);
    expect(listed).toEqual([...listed].sort());
    expect(listed).toEqual(expect.arrayContaining(ids));
    expect(found.find(({ id }) => id === gone)).toMatchObject({ requested: "deleted", observed: "absent" });
  });
});

describe("the sweep", () => {
  it("wakes a tenant whose alarm was lost", async () => {
    const id = newTenantId();
    await putTenant(id, specOf());
    await delivered(id);
    await runInDurableObject(env.TENANT.getByName(id), async (_object, { storage }) => {
      storage.sql.exec("DELETE FROM due");
      await storage.deleteAlarm();
    });
    await sweep(env, "* * * * *", Date.now());
    const alarm = await runInDurableObject(env.TENANT.getByName(id), (_object, { storage }) => storage.getAlarm());
    expect(alarm).not.toBeNull();
  });

  it("wakes a tenant that was at rest when it was asked to run and its alarm was lost", async () => {
    const id = newTenantId();
    await putTenant(id, stopped());
    await until(id, (view) => view.observed === "stopped");
    await runInDurableObject(env.TENANT.getByName(id), async (_object, state) => {
      const ctx = new LiveContext(state, env);
      acceptSpec(ctx, specOf(2) as PutTenant);
      ctx.viewChanged();
      await ctx.outbox.flush();
      state.storage.sql.exec("DELETE FROM due");
      await state.storage.deleteAlarm();
    });
    await sweep(env, "* * * * *", Date.now());
    const alarm = await runInDurableObject(env.TENANT.getByName(id), (_object, { storage }) => storage.getAlarm());
    expect(alarm).not.toBeNull();
  });

  const register = (id: string, resting: number, requested: string, observed: string) =>
    env.WAZUH_META.prepare("INSERT INTO tenants (id, object_seq, resting, view) VALUES (?, 1, ?, ?)").bind(
      ...[id, resting, JSON.stringify({ requested, observed })],
    );

  it("wakes every tenant after a reboot, however many there are", async () => {
    const rows = Array.from({ length: 230 }, () => register(newTenantId(), 0, "running", "running"));
    await env.WAZUH_META.batch(rows);
    const now = Date.now();
    await sweep(env, "@reboot", now);
    const left = env.WAZUH_META.prepare("SELECT count(*) AS n FROM tenants WHERE resting = 0 AND swept_at < ?");
    expect(await left.bind(now).first("n")).toBe(0);
  });

  it("finds those again that an earlier registry took to be at rest", async () => {
    const [starting, gone] = [newTenantId(), newTenantId()];
    await env.WAZUH_META.batch([register(starting, 1, "running", "stopped"), register(gone, 1, "deleted", "absent")]);
    const migrations = (env as unknown as { TEST_MIGRATIONS: { name: string; queries: string[] }[] }).TEST_MIGRATIONS;
    const rest = migrations.find(({ name }) => name.startsWith("0002"));
    for (const query of rest?.queries ?? []) await env.WAZUH_META.prepare(query).run();
    const resting = (id: string) =>
      env.WAZUH_META.prepare("SELECT resting FROM tenants WHERE id = ?").bind(id).first("resting");
    expect([await resting(starting), await resting(gone)]).toEqual([0, 1]);
    await env.WAZUH_META.exec("DELETE FROM tenants");
  });
});
