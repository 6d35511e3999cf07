import { env, runInDurableObject, SELF } from "cloudflare:test";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Env, settingsOf } from "../src/bindings";
import { isTenantId, makeToken, parseToken, tenantIdFrom } from "../src/ids";
import { pauseAfter } from "../src/tenant/backoff";
import { DueTable } from "../src/tenant/due";
import { NotYet } from "../src/tenant/not_yet";
import { migrate } from "../src/tenant/schema";
import { SECRET_RULES, Vault } from "../src/tenant/secrets";
import deployment from "../wrangler.jsonc?raw";
import { API, answered, call, newTenantId } from "./support/edge";
import { putTenant, specOf } from "./support/tenants";

const settings = settingsOf(env);
const production = {
  ...env,
  ENVIRONMENT: "production",
  RUNTIME: "cloudflare",
  PORTAL_ORIGIN: "https://portal.example.com",
  PUBLIC_URL: "https://edge.example.com",
  API_HOSTS: "edge.example.com",
  DASHBOARD_ZONE: "dashboards.example.net",
} as Env;

describe("the Worker's environment", () => {
  it("is usable in production when nothing local is in it", () => {
    expect(settingsOf({ ...production }).environment).toBe("production");
  });

  it.each([
    ["RUNTIME", "stand-in"],
    ["RUNTIME", "docker"],
    ["PORTAL_ORIGIN", "http://portal.example.com"],
    ["PUBLIC_URL", "http://edge.example.com"],
    ["API_HOSTS", "edge.example.com,localhost:8787"],
    ["DASHBOARD_ZONE", "localhost:8787"],
    ["SOURCE_LIMIT", undefined],
    ["ACCESS_ISSUER", "http://localhost:9000"],
    ["ACCESS_ISSUER", "https://team.cloudflareaccess.com.mallory.test"],
    ["ACCESS_AUDIENCE", ""],
    ["DATA_KEYS", { current: "local", keys: { local: Buffer.alloc(32).toString("base64") } }],
  ])("refuses %s of a developer's machine in production", (name, value) => {
    expect(() => settingsOf({ ...production, [name]: value } as Env)).toThrow(name);
  });

  it.each([
    ["CONTROL_KEYS", []],
    ["CONTROL_KEYS", (env.CONTROL_KEYS as { door: string }[]).filter(({ door }) => door !== "access")],
    ["DASHBOARD_ZONE", "example.com"],
    ["DASHBOARD_ZONE", "edge.example.com"],
    ["DASHBOARD_ZONE", "Portal.example.com"],
  ])(
    "refuses a production without a key of each door, or whose dashboards share a site with portal or API: %s %j",
    (name, value) => {
      expect(() => settingsOf({ ...production, [name]: value } as Env)).toThrow(name);
    },
  );

  it("is deployed without the addresses that would stand beside the host allow list", () => {
    const lines = deployment.split("\n").map((line) => line.trim());
    expect(lines).toContain('"workers_dev": false,');
    expect(lines).toContain('"preview_urls": false,');
  });

  it.each(["CELL_ID", "CELL_ID_KEY", "DATA_KEYS", "CONTROL_KEYS", "ENVIRONMENT", "VERSIONS"])(
    "names a missing %s without showing any value",
    (name) => {
      const broken = { ...production, [name]: undefined } as unknown as Env;
      expect(() => settingsOf(broken)).toThrow(new RegExp(`^(?!.*${production.CELL_ID_KEY}).*${name}`));
    },
  );

  it("keeps 16 MiB of a log in its object unless it is told otherwise, and refuses what is too little", () => {
    const told = (bytes: string) => settingsOf({ ...production, HOT_LOG_BYTES: bytes }).hotLogBytes;
    expect(settingsOf({ ...production }).hotLogBytes).toBe(16 * 1024 * 1024);
    expect(told("65536")).toBe(64 * 1024);
    expect(() => told("1024")).toThrow("HOT_LOG_BYTES");
  });

  it("needs nothing that only a deployment has on a developer's machine", () => {
    const absent = {
      SOURCE_LIMIT: undefined,
      RATE_LIMITS: undefined,
      ACCESS_ISSUER: undefined,
      ACCESS_AUDIENCE: undefined,
    };
    const local = Object.fromEntries(Object.entries(env).filter(([name]) => !(name in absent)));
    expect(settingsOf(local as unknown as Env)).toMatchObject({ environment: "test", rateLimits: {}, access: null });
  });

  it("takes no rate that its table does not have, and none that lets nobody in", () => {
    const settingsWith = (rates: object) => settingsOf({ ...production, RATE_LIMITS: rates } as Env);
    expect(settingsWith({ enroll_per_token: 7 }).rateLimits).toEqual({ enroll_per_token: 7 });
    expect(() => settingsWith({ enroll_per_moon: 7 })).toThrow("RATE_LIMITS");
    expect(() => settingsWith({ enroll_per_token: 0 })).toThrow("RATE_LIMITS.enroll_per_token");
  });

  it("takes JSON variables as text, as secrets arrive", () => {
    const text = { ...production, DATA_KEYS: JSON.stringify(production.DATA_KEYS), VERSIONS: '{"4.14.7":"v4147"}' };
    expect(settingsOf(text).versions.get("4.14.7")).toBe("v4147");
  });
});

const base32 = fc.stringMatching(/^[a-z2-7]{16}$/);

describe("ids and tokens", () => {
  it("accept what was made and refuse every changed character", () => {
    fc.assert(
      fc.property(
        base32,
        fc.nat(25),
        fc.constantFrom(..."abcdefghijklmnopqrstuvwxyz234567"),
        (random, position, letter) => {
          const id = tenantIdFrom(settings, random);
          expect(isTenantId(settings, id)).toBe(true);
          const changed = id.slice(0, position) + letter + id.slice(position + 1);
          expect(isTenantId(settings, changed)).toBe(changed === id);
        },
      ),
    );
  });

  it("never accept arbitrary text", () => {
    fc.assert(fc.property(fc.string(), (text) => !isTenantId(settings, text)));
  });

  it("read back the parts of a token and refuse a misspelled one", () => {
    fc.assert(
      fc.property(base32, fc.nat(), (random, where) => {
        const owner = tenantIdFrom(settings, random);
        const token = makeToken("enr", owner, random.slice(0, 10));
        expect(parseToken(token)).toEqual({ prefix: "enr", owner, id: random.slice(0, 10) });
        const position = where % token.length;
        const changed = `${token.slice(0, position)}${token[position] === "Z" ? "Y" : "Z"}${token.slice(position + 1)}`;
        expect(parseToken(changed)).toBeNull();
      }),
    );
  });
});

describe("bodies", () => {
  const headers = { host: "edge.test", "content-type": "application/json" };
  const send = (body: BodyInit) => SELF.fetch(`${API}/api/agents/enroll`, { method: "POST", headers, body });
  it.each<[string, BodyInit]>([
    ["that are cut off", '{"token":'],
    ["with NUL characters", '{"token":"a\\u0000b"}'],
    ["with NUL in a name", '{"to\\u0000ken":"a"}'],
    ["with lone surrogates", '{"token":"\\ud800"}'],
    ["that are no UTF-8", new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x7d])],
  ])("%s are refused", async (_what, body) => {
    expect(await answered(send(body), 400)).toMatchObject({ code: "BAD_REQUEST" });
  });
});

/** Runs against the storage of an object that nothing else uses. */
function withStorage<T>(work: (storage: DurableObjectStorage) => T | Promise<T>): Promise<T> {
  return runInDurableObject(env.TENANT.getByName(newTenantId()), (_object, { storage }) => work(storage));
}

describe("a tenant's vault", () => {
  const other = Buffer.alloc(32, 7);
  const rotated = {
    ...settings,
    dataKeys: { current: "next", keys: new Map([...settings.dataKeys.keys, ["next", other]]) },
  };

  it("opens only for the tenant and purpose that sealed", async () => {
    await withStorage(async ({ sql }) => {
      const vault = new Vault("tenant-a", sql, settings);
      const sealed = await vault.seal("certificates", "secret");
      expect(await vault.open("certificates", sealed)).toBe("secret");
      await expect(vault.open("other", sealed)).rejects.toThrow();
      await expect(new Vault("tenant-b", sql, settings).open("certificates", sealed)).rejects.toThrow();
    });
  });

  it("wraps its data key anew under the current key, so that the old one can retire", async () => {
    await withStorage(async ({ sql }) => {
      const sealed = await new Vault("t", sql, settings).seal("p", "kept");
      const vault = new Vault("t", sql, rotated);
      await vault.rewrap();
      expect(await vault.open("p", sealed)).toBe("kept");
      expect(sql.exec("SELECT kek FROM data_keys").one()).toEqual({ kek: "next" });
      const onlyNew = { ...rotated, dataKeys: { current: "next", keys: new Map([["next", other]]) } };
      expect(await new Vault("t", sql, onlyNew).open("p", sealed)).toBe("kept");
    });
  });

  it("does not come back by a rewrap or a use that was under way when its keys were erased", async () => {
    await withStorage(async ({ sql }) => {
      await new Vault("t", sql, settings).seal("p", "gone");
      const late = new Vault("t", sql, rotated);
      const rewrapped = late.rewrap();
      sql.exec("DELETE FROM data_keys");
      await rewrapped;
      expect(sql.exec("SELECT * FROM data_keys").toArray()).toEqual([]);
    });
  });

  it("gives racing callers the same credential", async () => {
    await withStorage(async ({ sql }) => {
      const vaults = [new Vault("t", sql, settings), new Vault("t", sql, settings)];
      const made = await Promise.all(vaults.map((vault) => vault.secret("manager_api", 1)));
      expect(new Set(made).size).toBe(1);
    });
  });

  it("can open nothing once its keys are erased", async () => {
    await withStorage(async ({ sql }) => {
      const vault = new Vault("t", sql, settings);
      const sealed = await vault.seal("p", "gone");
      sql.exec("DELETE FROM data_keys");
      vault.forget();
      await expect(vault.open("p", sealed)).rejects.toThrow();
    });
  });

  it("makes passwords that the manager's API takes", () => {
    for (let tries = 0; tries < 200; tries++) {
      expect(SECRET_RULES.manager_api?.()).toMatch(/^(?=.*[a-z])(?=.*[A-Z])(?=.*\d)(?=.*[.+-])[A-Za-z0-9.+-]{8,64}$/);
      expect(SECRET_RULES.manager_cluster?.()).toMatch(/^[A-Za-z0-9]{32}$/);
    }
  });
});

describe("the due table", () => {
  it("keeps a row whose handler fails, further away each time, and never throws", async () => {
    await withStorage(async (storage) => {
      let now = Date.now();
      const due = new DueTable(storage, () => now);
      due.set("work", now);
      const pauses: number[] = [];
      for (let attempt = 0; attempt < 4; attempt++) {
        await due.run({ work: () => Promise.reject(new Error("not yet")) });
        pauses.push((due.at("work") ?? 0) - now);
        now = due.at("work") ?? 0;
      }
      expect(pauses).toEqual([...pauses].sort((a, b) => a - b));
      await due.run({ work: async () => undefined });
      expect(due.at("work")).toBeNull();
      await storage.deleteAlarm();
    });
  });

  it("arms the alarm before it works, so that a crash in the middle means again", async () => {
    await withStorage(async (storage) => {
      const due = new DueTable(storage, Date.now);
      due.set("work", Date.now());
      let alarm: number | null = null;
      await due.run({
        work: async () => {
          alarm = await storage.getAlarm();
        },
      });
      expect(alarm).toBeGreaterThan(0);
    });
  });

  it("keeps what a handler scheduled anew, and holds no other kind up", async () => {
    await withStorage(async (storage) => {
      const now = Date.now();
      const due = new DueTable(storage, () => now);
      const done: string[] = [];
      for (const kind of ["again", "slow", "quick"]) due.set(kind, now);
      await due.run({
        again: async () => due.set("again", now + 60_000),
        slow: () => scheduler.wait(30).then(() => void done.push("slow")),
        quick: async () => void done.push("quick"),
      });
      expect(done).toEqual(["quick", "slow"]);
      expect(due.at("again")).toBe(now + 60_000);
      due.clear("again");
      due.arm();
      expect(await storage.getAlarm()).toBeNull();
    });
  });

  it("goes on without a handler that never ends, and tries that one again", async () => {
    await withStorage(async (storage) => {
      const now = Date.now();
      const due = new DueTable(storage, () => now);
      for (const kind of ["hung", "quick"]) due.set(kind, now);
      await due.run({ hung: () => new Promise(() => {}), quick: async () => undefined }, { hung: 20 });
      expect(due.at("quick")).toBeNull();
      expect(due.at("hung")).toBeGreaterThan(now);
      due.clear("hung");
      await storage.deleteAlarm();
    });
  });

  it("takes up what has to wait when it said, without counting it as failed", async () => {
    await withStorage(async (storage) => {
      const now = Date.now();
      const due = new DueTable(storage, () => now);
      due.set("work", now);
      await due.run({ work: () => Promise.reject(new NotYet("MANAGER_BUSY", "later", 60_000)) });
      expect(storage.sql.exec("SELECT at, attempts FROM due").toArray()).toEqual([{ at: now + 60_000, attempts: 0 }]);
      due.clear("work");
      await storage.deleteAlarm();
    });
  });

  it("keeps a row that only another version of the code can handle", async () => {
    await withStorage(async (storage) => {
      const now = Date.now();
      const due = new DueTable(storage, () => now);
      due.set("of_tomorrow", now);
      await due.run({});
      expect(due.at("of_tomorrow")).toBeGreaterThan(now);
      due.clear("of_tomorrow");
      await storage.deleteAlarm();
    });
  });

  it("pauses within a fifth of its step, up to a minute", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1000 }), fc.double({ min: 0, max: 1, noNaN: true }), (failures, chance) => {
        const pause = pauseAfter(failures, chance);
        expect(pause).toBeGreaterThanOrEqual(400);
        expect(pause).toBeLessThanOrEqual(72_000);
      }),
    );
  });
});

describe("an object's tables", () => {
  it("are migrated step by step, each once", async () => {
    await withStorage((storage) => {
      const first = ["CREATE TABLE things (id INTEGER)"];
      migrate(storage, "things", first);
      migrate(storage, "things", first);
      migrate(storage, "things", [...first, "ALTER TABLE things ADD COLUMN name TEXT"]);
      expect(storage.sql.exec("SELECT name FROM pragma_table_info('things')").toArray()).toHaveLength(2);
    });
  });
});

describe("a body that is not called JSON", () => {
  it("is refused, not misread", async () => {
    const id = newTenantId();
    await putTenant(id, specOf(1, { requested: "stopped" }));
    const answer = await call("PUT", `/v1/tenants/${id}`, specOf(2), "control", "text/plain");
    expect([400, 422]).toContain(answer.status);
  });
});
