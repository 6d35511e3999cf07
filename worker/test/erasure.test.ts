/** Everything that is stored of a tenant, wherever it lies, read as whoever gets hold of it would. */
import { env, runInDurableObject } from "cloudflare:test";
import { afterEach, describe, expect, it } from "vitest";
import { nodeStub } from "../src/tenant/nodes/names";
import { backUp } from "./support/backup_calls";
import { code, rotateCredentials } from "./support/calls";
import { world } from "./support/containers";
import { answered, call, enroll, newToken } from "./support/edge";
import { keepAlerts } from "./support/journal";
import { newOperation, runningTenant, until } from "./support/tenants";

const ROLES = ["certs", "indexer", "manager", "dashboard"] as const;
/** What the tenant's data key sealed, as rows hold it. */
const SEALED = /"\d+\.[A-Za-z0-9+/]{38,}={0,2}"/;

/** Where something lies, and what it says. */
type Stored = [where: string, text: string];

const bytesAsText = (_: string, value: unknown) =>
  value instanceof ArrayBuffer || ArrayBuffer.isView(value)
    ? Buffer.from(value instanceof ArrayBuffer ? value : value.buffer).toString("latin1")
    : value;
const textOf = (value: unknown) => JSON.stringify(value, bytesAsText);

async function ofObject(name: string, storage: DurableObjectStorage): Promise<Stored[]> {
  const tables = storage.sql
    .exec<{ name: string }>(
      "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_cf\\_%' ESCAPE '\\'",
    )
    .toArray();
  const rows = tables.flatMap(({ name: table }) =>
    storage.sql
      .exec(`SELECT * FROM "${table}"`)
      .toArray()
      .map((row): Stored => [`${name} ${table}`, textOf(row)]),
  );
  const values = [...(await storage.list())].map(([key, value]): Stored => [`${name} key ${key}`, textOf(value)]);
  return [...rows, ...values];
}

async function ofObjects(id: string): Promise<Stored[]> {
  const tenant = runInDurableObject(env.TENANT.getByName(id), (_, { storage }) => ofObject("tenant", storage));
  const stream = runInDurableObject(env.WAZUH_EVENTS.getByName(id), (_, { storage }) => ofObject("stream", storage));
  const nodes = ROLES.map((role) =>
    runInDurableObject(nodeStub(env, id, role, 0), (_, { storage }) => ofObject(role, storage)),
  );
  return (await Promise.all([tenant, stream, ...nodes])).flat();
}

async function ofD1(id: string): Promise<Stored[]> {
  const tables = await env.WAZUH_META.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all<{
    name: string;
  }>();
  const named = tables.results.map(({ name }) => name).filter((name) => !name.startsWith("_cf_"));
  const rows = await Promise.all(
    named.map(async (name) => {
      const { results } = await env.WAZUH_META.prepare(`SELECT * FROM "${name}"`).all();
      return results.map((row): Stored => [`D1 ${name}`, textOf(row)]);
    }),
  );
  return rows.flat().filter(([, text]) => text.includes(id));
}

async function ofBuckets(id: string): Promise<Stored[]> {
  const archived = (await env.ARCHIVE.list()).objects.filter(({ key }) => key.includes(id));
  const copied = (await env.WAZUH_CLUSTER_CONFIG.list()).keys.filter(({ name }) => name.includes(id));
  return Promise.all([
    ...archived.map(async ({ key }): Promise<Stored> => {
      const bytes = await (await env.ARCHIVE.get(key))?.arrayBuffer();
      return [`R2 ${key}`, textOf(bytes)];
    }),
    ...copied.map(
      async ({ name }): Promise<Stored> => [`KV ${name}`, (await env.WAZUH_CLUSTER_CONFIG.get(name)) ?? ""],
    ),
  ]);
}

const everything = async (id: string) => [...(await ofObjects(id)), ...(await ofD1(id)), ...(await ofBuckets(id))];
const places = (stored: Stored[]) => new Set(stored.map(([where]) => where.split(" ")[0]));

/** Every password and private key that the tenant's nodes were given, in both generations where two exist. */
function givenToNodes(id: string): string[] {
  return ROLES.flatMap((role) => {
    const { env: given = {}, passwords = {} } = world.containers.get(`${id}:${role}:0`) ?? {};
    const files = Object.entries(JSON.parse(given.NODE_CERTIFICATES ?? "{}") as Record<string, string>);
    const keys = files.filter(([name]) => name.endsWith("-key.pem")).map(([, pem]) => pem);
    const named = [given, passwords]
      .flatMap(Object.entries)
      .filter(([name, value]) => /PASSWORD|CLUSTER_KEY/.test(name) && value !== "");
    return [...keys, ...named.map(([, value]) => String(value))];
  });
}

/** A tenant that has everything a tenant can have, in the middle of a rotation of its credentials, and its secrets. */
async function fullTenant(): Promise<{ id: string; secrets: string[] }> {
  const id = await runningTenant();
  const token = await newToken(id);
  const agent = await answered<{ key: string; connector: { secret: string } }>(enroll(token.text, "web-1"), 201);
  const opened = await answered<{ code: string }>(code(id), 201);
  await keepAlerts(id, "2026-11-26", "1.1");
  await answered(backUp(id), 202);
  await runInDurableObject(env.TENANT.getByName(id), async (tenant, { storage }) => {
    storage.sql.exec("UPDATE due SET at = 0 WHERE kind = 'take_backup'");
    await tenant.alarm?.();
  });
  const before = givenToNodes(id);
  world.silent.add(`${id}:manager:0`);
  await answered(rotateCredentials(id), 202);
  await until(
    id,
    ({ run }) => run?.steps.some(({ name, state }) => name === "indexer" && state === "succeeded") ?? false,
  );
  const dataKey = await runInDurableObject(env.TENANT.getByName(id), (tenant) => tenant.archiveKey());
  const raw = Buffer.from(dataKey);
  const own = [
    token.text,
    agent.key,
    agent.connector.secret,
    opened.code,
    raw.toString("base64"),
    raw.toString("latin1"),
  ];
  return { id, secrets: [...new Set([...before, ...givenToNodes(id), ...own])] };
}

/** Places at which one of the secrets stands as it is. */
const inClear = (stored: Stored[], secrets: string[]) =>
  stored
    .filter(([, text]) => secrets.some((secret) => text.includes(JSON.stringify(secret).slice(1, -1))))
    .map(([where]) => where);

afterEach(() => {
  world.silent.clear();
});

describe("what is stored of a tenant", () => {
  it("shows no secret while it lives, and nothing that any key opens once it is erased", async () => {
    const { id, secrets } = await fullTenant();
    const living = await everything(id);
    expect([...places(living)].sort()).toEqual(["D1", "KV", "R2", ...ROLES, "stream", "tenant"].sort());
    expect(secrets.length).toBeGreaterThan(15);
    expect(inClear(living, secrets)).toEqual([]);
    expect(living.filter(([, text]) => SEALED.test(text)).length).toBeGreaterThan(10);

    await answered(call("DELETE", `/v1/tenants/${id}`, { epoch: 1, generation: 2, operation_id: newOperation() }), 202);
    await until(id, ({ observed }) => observed === "absent");
    await runInDurableObject(env.TENANT.getByName(id), (tenant) => tenant.alarm?.());
    const left = await everything(id);
    expect(left.filter(([where]) => /^(R2|KV) /.test(where))).toEqual([]);
    expect(inClear(left, [...secrets, "log of 1.1"])).toEqual([]);
    expect(left.filter(([, text]) => SEALED.test(text))).toEqual([]);
    expect(left.filter(([where]) => /(data_keys|secrets|credentials|certificates)$/.test(where))).toEqual([
      ["D1 certificates", expect.stringContaining("destroyed")],
      ["D1 data_keys", expect.stringContaining('"kek":""')],
    ]);
  });

  it("gets no key again from whoever asks late", async () => {
    const id = await runningTenant();
    await answered(call("DELETE", `/v1/tenants/${id}`, { epoch: 1, generation: 2, operation_id: newOperation() }), 202);
    await until(id, ({ observed }) => observed === "absent");
    await runInDurableObject(env.TENANT.getByName(id), (tenant) => {
      expect(() => tenant.archiveKey()).toThrow("deleted");
      tenant.lookAfterKey();
    });
    const rows = (await ofObjects(id)).filter(([where]) => /tenant (data_keys|secrets|credentials)$/.test(where));
    expect(rows).toEqual([]);
  });
});
