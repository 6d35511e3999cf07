import { env, evictDurableObject, runInDurableObject } from "cloudflare:test";
import { afterEach, describe, expect, it } from "vitest";
import { readBulk } from "../src/gates/bulk";
import type { BackupView } from "../src/schemas/backups";
import type { TenantView } from "../src/schemas/tenant";
import { nodeStub } from "../src/tenant/nodes/names";
import { containerNamed, world } from "./support/containers";
import { answered, call, PLAN } from "./support/edge";
import { getTenant, hurry, newOperation, putTenant, runningTenant, specOf, until } from "./support/tenants";

const SERVING = ["indexer", "manager", "dashboard"] as const;
const [OLD, NEW] = ["4.14.7", "4.14.8"];
const planOf = (version: string, more: object = {}) => ({ ...PLAN, version, ...more });
const change = (id: string, generation: number, version: string, more: object = {}) =>
  putTenant(id, specOf(generation, { plan: planOf(version), ...more }));
const container = (id: string, role: (typeof SERVING)[number]) => containerNamed(`${id}:${role}:0`, role);
const images = (id: string) => SERVING.map((role) => container(id, role).image);
const starts = (id: string) => SERVING.map((role) => container(id, role).starts);
const steps = (view: TenantView) => Object.fromEntries((view.run?.steps ?? []).map(({ name, state }) => [name, state]));
const ended = ({ run }: TenantView) => run?.kind === "upgrade" && run.state !== "running";
const all = (version: string) => SERVING.map(() => `wazuh:${version}`);
const documents = (id: string) => [...container(id, "indexer").documents.keys()];

async function backups(id: string): Promise<BackupView[]> {
  return (await answered<{ backups: BackupView[] }>(call("GET", `/v1/tenants/${id}/backups`), 200)).backups;
}

/** Puts an alert into the tenant's journal, as its manager does. */
async function alert(id: string, name: string): Promise<void> {
  const body = `{"index":{"_index":"wazuh-alerts-4.x-2026.11.26"}}\n{"id":"${name}"}\n`;
  await nodeStub(env, id, "indexer", 0).keep(readBulk(id, 0, body).filter((entry) => "lines" in entry));
}

afterEach(() => {
  world.exits.clear();
  world.silent.clear();
});

describe("a change of version", () => {
  it("keeps a backup, brings each role to the new image in turn, and verifies", async () => {
    const id = await runningTenant();
    await alert(id, "a");
    await change(id, 2, NEW);
    const view = await until(id, ended);
    expect(view.run).toMatchObject({ kind: "upgrade", state: "succeeded" });
    expect(view.run?.steps.map(({ name, state }) => `${name} ${state}`)).toEqual(
      ["backup", "indexer", "manager", "dashboard", "verify"].map((name) => `${name} succeeded`),
    );
    expect(view).toMatchObject({ version: NEW, observed: "running", observed_generation: 2, reason: null });
    expect([images(id), starts(id)]).toEqual([all(NEW), [2, 2, 2]]);
    expect((await backups(id)).map(({ kind, state }) => [kind, state])).toEqual([["before-change", "succeeded"]]);
    await expect.poll(() => documents(id).length).toBe(1);
  });

  it.each(SERVING)("goes back to the version before where the %s does not come up with the new one", async (role) => {
    const id = await runningTenant();
    await alert(id, "a");
    container(id, "manager").files = { "counters/db": "written by the old version" };
    world.exits.set(`${id}:${role}:0@wazuh:${NEW}`, 1);
    await change(id, 2, NEW);
    await until(id, (view) => steps(view).rollback !== undefined || ended(view));
    await alert(id, "b");
    const view = await until(id, ended);
    expect(steps(view)).toMatchObject({ backup: "succeeded", [role]: "failed", rollback: "succeeded" });
    expect(view).toMatchObject({ observed: "running", version: OLD, run: { state: "failed" } });
    expect(view.reason).toMatchObject({ code: "UPGRADE_ROLLED_BACK", message: expect.stringContaining(`${role}: `) });
    expect(view.observed_generation).toBe(1);
    expect(images(id)).toEqual(all(OLD));
    await expect.poll(() => documents(id).length).toBe(2);
    expect(container(id, "manager").files["counters/db"]).toBe("written by the old version");
    // Nothing begins it again but a new intent.
    const before = starts(id);
    for (let visits = 0; visits < 3; visits++) {
      await hurry(id);
      await until(id, ({ observed }) => observed === "running");
    }
    expect([starts(id), (await getTenant(id)).reason?.code]).toEqual([before, "UPGRADE_ROLLED_BACK"]);
    world.exits.clear();
    await change(id, 3, NEW);
    expect(await until(id, ({ version }) => version === NEW)).toMatchObject({
      run: { state: "succeeded" },
      reason: null,
    });
  });

  it("gives a role its state from before on the way back, not what the new version left", async () => {
    const id = await runningTenant();
    container(id, "manager").files = { "counters/db": "old" };
    world.exits.set(`${id}:dashboard:0@wazuh:${NEW}`, 1);
    await change(id, 2, NEW);
    await until(id, (view) => steps(view).manager === "succeeded");
    container(id, "manager").files = { "counters/db": "migrated" };
    await nodeStub(env, id, "manager", 0).saveState();
    await until(id, ended);
    expect(container(id, "manager").files).toMatchObject({ "counters/db": "old" });
  });

  it("whose backup can't be kept moves no role, and says so", async () => {
    const id = await runningTenant();
    const put = env.ARCHIVE.put;
    env.ARCHIVE.put = () => Promise.reject(new Error("R2 is away"));
    try {
      await change(id, 2, NEW);
      const view = await until(id, ended);
      expect(steps(view)).toMatchObject({ backup: "failed", indexer: "pending" });
      expect(view).toMatchObject({ version: OLD, reason: { code: "UPGRADE_FAILED" } });
      expect(starts(id)).toEqual([1, 1, 1]);
    } finally {
      env.ARCHIVE.put = put;
    }
  });

  it("goes on where it was after its object was evicted", async () => {
    const id = await runningTenant();
    world.silent.add(`${id}:manager:0@wazuh:${NEW}`);
    await change(id, 2, NEW);
    await until(id, () => container(id, "manager").starts === 2);
    await evictDurableObject(env.TENANT.getByName(id));
    expect((await getTenant(id)).version).toBe(OLD);
    world.silent.clear();
    expect((await until(id, ended)).run?.state).toBe("succeeded");
    expect(starts(id)).toEqual([2, 2, 2]);
  });

  it("goes back at once where a new intent asks for the version before, with the state from before", async () => {
    const id = await runningTenant();
    container(id, "manager").files = { "counters/db": "old" };
    world.silent.add(`${id}:dashboard:0@wazuh:${NEW}`);
    await change(id, 2, NEW);
    await until(id, () => container(id, "dashboard").starts === 2);
    container(id, "manager").files = { "counters/db": "migrated" };
    world.silent.clear();
    await change(id, 3, OLD);
    const view = await until(id, (now) => ended(now) && now.generation === 3);
    expect(view).toMatchObject({ version: OLD, observed: "running", observed_generation: 3, reason: null });
    expect([images(id), view.run?.state]).toEqual([all(OLD), "succeeded"]);
    expect(container(id, "manager").files).toMatchObject({ "counters/db": "old" });
  });

  it("that a stop interrupts is gone on with at the next start", async () => {
    const id = await runningTenant();
    world.silent.add(`${id}:manager:0@wazuh:${NEW}`);
    await change(id, 2, NEW);
    await until(id, () => container(id, "manager").starts === 2);
    await change(id, 3, NEW, { requested: "stopped" });
    await until(id, ({ observed }) => observed === "stopped");
    world.silent.clear();
    await change(id, 4, NEW);
    const view = await until(id, (now) => now.observed_generation === 4);
    expect(view).toMatchObject({ version: NEW, run: { kind: "upgrade", state: "succeeded" } });
    expect(await backups(id)).toHaveLength(1);
    expect((await getTenant(id)).run?.steps.map(({ name }) => name)).toContain("backup");
  });

  it("that a stop interrupts still goes back to where it came from where the rest does not serve", async () => {
    const id = await runningTenant();
    world.silent.add(`${id}:manager:0@wazuh:${NEW}`);
    await change(id, 2, NEW);
    await until(id, () => container(id, "manager").starts === 2);
    await change(id, 3, NEW, { requested: "stopped" });
    await until(id, ({ observed }) => observed === "stopped");
    world.silent.clear();
    world.exits.set(`${id}:manager:0@wazuh:${NEW}`, 1);
    await change(id, 4, NEW);
    const view = await until(id, (now) => ended(now) && now.generation === 4);
    expect([view.version, images(id), view.reason?.code]).toEqual([OLD, all(OLD), "UPGRADE_ROLLED_BACK"]);
  });

  it("of a stopped tenant keeps what it saved last, and starts it with the new version", async () => {
    const id = await runningTenant();
    await alert(id, "a");
    for (const role of ["indexer", "manager"] as const) await nodeStub(env, id, role, 0).saveState();
    await change(id, 2, OLD, { requested: "stopped" });
    await until(id, ({ observed }) => observed === "stopped");
    await change(id, 3, NEW);
    expect(await until(id, ended)).toMatchObject({ version: NEW, run: { state: "succeeded" } });
    expect(starts(id)).toEqual([2, 2, 2]);
  });

  it("takes new sizes along, role by role, and keeps them on the way back", async () => {
    const id = await runningTenant();
    world.exits.set(`${id}:manager:0@wazuh:${NEW}`, 1);
    const roles = { ...PLAN.roles, indexer: { count: 1, instance: "standard-3" } };
    await change(id, 2, NEW, { plan: planOf(NEW, { roles }) });
    await until(id, ended);
    const view = await until(id, ({ observed }) => observed === "running");
    expect(view.nodes.find(({ role }) => role === "indexer")).toMatchObject({
      ...{ instance: "standard-3", image: `wazuh:${OLD}` },
    });
  });

  it("lets neither a rotation nor a restore begin meanwhile", async () => {
    const id = await runningTenant();
    world.silent.add(`${id}:indexer:0@wazuh:${NEW}`);
    await change(id, 2, NEW);
    await until(id, () => container(id, "indexer").starts === 2);
    const [backup] = await backups(id);
    const body = { epoch: 1, operation_id: newOperation() };
    const refused = { code: "OPERATION_IN_PROGRESS" };
    expect(await answered(call("POST", `/v1/tenants/${id}/certs/rotate`, body), 409)).toMatchObject(refused);
    const restore = { ...body, idempotency_key: "k", backup: backup?.id };
    expect(await answered(call("POST", `/v1/tenants/${id}/restore`, restore), 409)).toMatchObject(refused);
  });

  it("is refused to a version that can't read the data, naming the field", async () => {
    const id = await runningTenant();
    await change(id, 2, "4.20.0");
    await until(id, ({ version, observed }) => version === "4.20.0" && observed === "running");
    const refusal = await answered(call("PUT", `/v1/tenants/${id}`, specOf(3, { plan: planOf(OLD) })), 409);
    expect(refusal).toMatchObject({ code: "DOWNGRADE_REFUSED", details: [{ path: "plan.version" }] });
    expect((await getTenant(id)).generation).toBe(2);
  });
});

describe("a rollback that somebody asks for", () => {
  it("gives an older version the backup from before it was left", async () => {
    const id = await runningTenant();
    await alert(id, "a");
    container(id, "manager").files = { "counters/db": "old" };
    await change(id, 2, "4.20.0");
    await until(id, ({ version, observed }) => version === "4.20.0" && observed === "running");
    container(id, "manager").files = { "counters/db": "migrated" };
    await alert(id, "b");
    await change(id, 3, OLD, { rollback: true });
    const view = await until(id, (now) => now.observed_generation === 3);
    expect(view).toMatchObject({ version: OLD, run: { kind: "upgrade", state: "succeeded" } });
    expect(container(id, "manager").files).toMatchObject({ "counters/db": "old" });
    await expect.poll(() => documents(id).length).toBe(2);
    expect(await backups(id)).toHaveLength(2);
  });

  it("is refused where no backup from before is kept", async () => {
    const id = await runningTenant();
    const spec = specOf(2, { plan: planOf("4.14.6"), rollback: true });
    expect(await answered(call("PUT", `/v1/tenants/${id}`, spec), 404)).toMatchObject({ code: "BACKUP_NOT_FOUND" });
  });
});

describe("a node that was given an archive", () => {
  it("and started from an older one does not pass for restored", async () => {
    const id = await runningTenant();
    // Whatever it starts from is an older one.
    await runInDurableObject(nodeStub(env, id, "manager", 0), (_, { storage }) => {
      const older = "BEGIN UPDATE state_restored SET number = 0; END";
      storage.sql.exec(`CREATE TRIGGER older AFTER INSERT ON state_restored ${older}`);
    });
    world.exits.set(`${id}:dashboard:0@wazuh:${NEW}`, 1);
    await change(id, 2, NEW);
    const view = await until(id, ended);
    const error = expect.objectContaining({ code: "STATE_UNREADABLE" });
    expect(view.run?.steps).toContainEqual(expect.objectContaining({ name: "rollback", state: "failed", error }));
  });
});

describe("a change of sizes", () => {
  it("replaces one role after the other, degraded meanwhile, in a run of its own", async () => {
    const id = await runningTenant();
    world.silent.add(`${id}:indexer:0`);
    const roles = {
      manager: { count: 1, instance: "standard-2" },
      indexer: { count: 1, instance: "standard-3" },
      dashboard: { count: 1, instance: "standard-2" },
    };
    const spec = specOf(2, { plan: planOf(OLD, { roles }) });
    await putTenant(id, spec);
    const during = await until(id, () => container(id, "indexer").starts === 2);
    expect([during.observed, starts(id)]).toEqual(["degraded", [2, 1, 1]]);
    world.silent.clear();
    const view = await until(id, (now) => now.observed_generation === 2);
    expect(view.run).toMatchObject({ kind: "resize", state: "succeeded" });
    expect(view.nodes.filter(({ role }) => role !== "certs").map(({ instance }) => instance)).toEqual([
      "standard-3",
      "standard-2",
      "standard-2",
    ]);
    expect(starts(id)).toEqual([2, 2, 2]);
    // A Retry of it stays what it was.
    await putTenant(id, { ...spec, generation: 3 });
    expect((await until(id, (now) => now.observed_generation === 3)).run?.kind).toBe("resize");
  });

  it("adds dashboards with certificates of their own, and takes down those that the plan has no longer", async () => {
    const id = await runningTenant();
    const dashboards = (count: number) => ({ ...PLAN.roles, dashboard: { count, instance: "standard-1" } });
    await change(id, 2, OLD, { plan: planOf(OLD, { roles: dashboards(2) }) });
    const wider = await until(id, (now) => now.observed_generation === 2);
    expect(wider).toMatchObject({ run: { kind: "resize", state: "succeeded" }, certificate: { generation: 2 } });
    const second = containerNamed(`${id}:dashboard:1`, "dashboard");
    expect(Object.keys(JSON.parse(second.env.NODE_CERTIFICATES ?? "{}"))).toContain("dashboard-1.pem");
    await change(id, 3, OLD, { plan: planOf(OLD, { roles: dashboards(1) }) });
    const narrower = await until(id, (now) => now.observed_generation === 3 && !second.running);
    expect(narrower.nodes.filter(({ role }) => role === "dashboard")).toHaveLength(1);
    expect(narrower).toMatchObject({ observed: "running", run: { kind: "resize", state: "succeeded" } });
  });
});
