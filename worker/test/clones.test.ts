import { env } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import { alerts, backedUp, documents, managerOf } from "./support/backups";
import { contentBody, putContent } from "./support/calls";
import { answered, call, newTenantId, PLAN } from "./support/edge";
import { putTenant, runningTenant, specOf, until } from "./support/tenants";

describe("a clone", () => {
  it("gets a backup's data, and secrets, certificates and agents of its own", async () => {
    const source = await runningTenant();
    managerOf(source).files = { "identity/keys": "001 web-1", "configuration/rules": "<rule/>" };
    await alerts(source, "a", "b");
    const backup = await backedUp(source);
    const clone = newTenantId();
    await putTenant(clone, specOf(1, { from: { tenant: source, backup: backup.id } }));
    const view = await until(clone, (seen) => seen.observed === "running");
    expect(view.run).toMatchObject({ kind: "clone", state: "succeeded" });
    expect(documents(clone)).toEqual(documents(source));
    expect(managerOf(clone).files).toEqual({ "configuration/rules": "<rule/>" });
    expect(managerOf(clone).env.API_PASSWORD).not.toBe(managerOf(source).env.API_PASSWORD);
    expect(view.agents).toEqual({ enrolled: 0, active: 0 });
  });

  it("takes the place of no tenant that is there", async () => {
    const source = await runningTenant();
    const backup = await backedUp(source);
    const other = await runningTenant();
    const from = { tenant: source, backup: backup.id };
    const refusal = answered<{ code: string }>(call("PUT", `/v1/tenants/${other}`, specOf(2, { from })), 409);
    expect((await refusal).code).toBe("CLONE_REFUSED");
  });

  it("of a source that was invented makes no object, and of a backup that is not there fails with why", async () => {
    const guess = { tenant: "a".repeat(26), backup: `bak_${"a".repeat(20)}` };
    expect((await call("PUT", `/v1/tenants/${newTenantId()}`, specOf(1, { from: guess }))).status).toBe(404);
    const clone = newTenantId();
    await putTenant(clone, specOf(1, { from: { ...guess, tenant: await runningTenant() } }));
    const view = await until(clone, (seen) => seen.observed === "failed");
    expect(view.run?.steps[0]).toMatchObject({ name: "copy", state: "failed", error: { code: "BACKUP_NOT_FOUND" } });
  });

  it("takes the content that its plan names along, under its own key, and fails with why where there is none", async () => {
    const source = await runningTenant();
    const { digest: content } = await answered<{ digest: string }>(putContent(source), 201);
    const from = { tenant: source, backup: (await backedUp(source)).id };
    const [clone, other] = [newTenantId(), newTenantId()];
    await putTenant(clone, specOf(1, { from, plan: { ...PLAN, content } }));
    await until(clone, (seen) => seen.run?.steps.find(({ name }) => name === "copy")?.state === "succeeded");
    expect(await env.TENANT.getByName(clone).contentFiles(content)).toEqual(contentBody().files);
    await putTenant(other, specOf(1, { from, plan: { ...PLAN, content: "0".repeat(64) } }));
    const { run } = await until(other, (seen) => seen.observed === "failed");
    expect(run?.steps[0]).toMatchObject({ name: "copy", state: "failed", error: { code: "CONTENT_MISSING" } });
  });

  it("of a newer minor version than its own fails with why, and works once it asks for that version", async () => {
    const [source, clone] = [newTenantId(), newTenantId()];
    const plan = { ...PLAN, version: "4.20.0" };
    await putTenant(source, specOf(1, { plan }));
    await until(source, ({ observed }) => observed === "running");
    const from = { tenant: source, backup: (await backedUp(source)).id };
    await putTenant(clone, specOf(1, { from }));
    const view = await until(clone, (seen) => seen.observed === "failed");
    expect(view.run?.steps[0]).toMatchObject({ name: "copy", state: "failed", error: { code: "BACKUP_NEWER" } });
    await putTenant(clone, specOf(2, { plan, from }));
    await until(clone, ({ observed }) => observed === "running");
  });
});
