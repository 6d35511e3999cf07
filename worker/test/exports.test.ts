import { env, runInDurableObject } from "cloudflare:test";
import { createHash } from "node:crypto";
import { afterEach, describe, expect, it } from "vitest";
import type { StreamEvent } from "../src/events/events";
import type { ExportView } from "../src/schemas/exports";
import { nodeStub } from "../src/tenant/nodes/names";
import { recordsOf as auditRecords, brokenAt } from "./support/audit";
import { contentBody, digestOf, putContent } from "./support/calls";
import { deletion } from "./support/causes";
import { containerNamed, world } from "./support/containers";
import { answered, call, enroll, iso, newToken, stoppedTenant } from "./support/edge";
import {
  EXPORT,
  exportAt,
  exportBody,
  made,
  manifestOf,
  orderExport,
  otherExport,
  recordsOf,
} from "./support/export_calls";
import { keepAlerts } from "./support/journal";
import { newOperation, putTenant, runningTenant, specOf, until } from "./support/tenants";

const TODAY = iso(0).slice(0, 10);
const EARLIER = iso(-40 * 86_400_000).slice(0, 10);
interface Alert {
  _index: string;
  _id: string;
  _source: { id: string };
}

const indexerOf = (tenant: string) => containerNamed(`${tenant}:indexer:0`, "indexer");
const idsOf = (alerts: Alert[]) => alerts.map(({ _source }) => _source.id);
const indexed = (tenant: string, count: number) =>
  expect.poll(async () => (await nodeStub(env, tenant, "indexer", 0).journalState()).applied).toBe(count);
const objectsOf = async (tenant: string) =>
  (await env.ARCHIVE.list({ prefix: `${tenant}/exports/` })).objects.map(({ key }) => key);

afterEach(() => world.silent.clear());

describe("an export", () => {
  it("holds what the edge knows of a tenant, each file as its manifest says, and no secret", async () => {
    const id = await runningTenant();
    const token = await newToken(id, { max_uses: 3 });
    const agent = await answered<{ agent_id: string; key: string }>(enroll(token.text, "web-1"), 201);
    await answered(putContent(id), 201);
    await answered<ExportView>(orderExport(id), 202);
    const manifest = await made(id);
    expect(manifest).toMatchObject({ state: "succeeded", tenant: id, left_out: [], error: null });
    expect(manifest.steps.map(({ state }) => state)).toEqual(Array(5).fill("succeeded"));
    const texts = [];
    for (const { number, bytes, sha256, records } of manifest.listed) {
      const body = new Uint8Array(await (await exportAt(id, `/${EXPORT}/files/${number}`)).arrayBuffer());
      expect([body.byteLength, createHash("sha256").update(body).digest("hex")]).toEqual([bytes, sha256]);
      texts.push(new TextDecoder().decode(body));
      expect(texts.at(-1)?.split("\n").length).toBe(records + 1);
    }
    expect(await recordsOf(id, manifest, "agents")).toMatchObject([
      { id: agent.agent_id, name: "web-1", token: token.id },
    ]);
    expect(await recordsOf(id, manifest, "tokens")).toMatchObject([{ id: token.id, max_uses: 3, uses: 1 }]);
    expect(await recordsOf(id, manifest, "tenant")).toMatchObject([
      { tenant: { id }, plan: { retention_days: expect.any(Number) } },
    ]);
    expect(await recordsOf(id, manifest, "content")).toEqual(
      contentBody().files.map((file) => ({ digest: digestOf(contentBody()), ...file })),
    );
    for (const secret of [agent.key, token.text, createHash("sha256").update(token.text).digest("hex")])
      expect(texts.join("")).not.toContain(secret);
  });

  it("holds every event once and in order, the audit trail's records among them", async () => {
    const id = await runningTenant();
    const latest = (await env.WAZUH_EVENTS.getByName(id).position()).seq;
    await answered(orderExport(id), 202);
    const events = await recordsOf<StreamEvent>(id, await made(id), "events");
    expect(events.map(({ seq }) => seq).slice(0, latest)).toEqual(Array.from({ length: latest }, (_, at) => at + 1));
    const trail = auditRecords(events);
    expect(trail.length).toBeGreaterThan(0);
    expect(brokenAt(id, trail, trail.at(-1)?.chain ?? { position: 0, hash: "" })).toBeNull();
  });

  it("takes alerts from the indexer, and from the journal those that it never took or lost with their day", async () => {
    const id = await runningTenant();
    await keepAlerts(id, EARLIER, "0.1", "0.2");
    await keepAlerts(id, TODAY, ...Array.from({ length: 120 }, (_, at) => `1.${String(at).padStart(3, "0")}`));
    await indexed(id, 122);
    const { documents, indices } = indexerOf(id);
    for (const [one, source] of documents)
      if (["0.1", "0.2", "1.005"].includes((source as { id: string }).id)) documents.delete(one) && indices.delete(one);
    await answered(orderExport(id), 202);
    const manifest = await made(id);
    const fromIndexer = idsOf(await recordsOf<Alert>(id, manifest, "alerts"));
    expect(fromIndexer).toEqual([...fromIndexer].sort());
    expect(idsOf(await recordsOf<Alert>(id, manifest, "archived-alerts"))).toEqual(["0.1", "0.2", "1.005"]);
    expect(new Set(fromIndexer).size + 3).toBe(122);
    expect(manifest.left_out).toEqual([]);
  });

  it("of a tenant that rests holds its journal, each alert once, and says what only a running indexer has", async () => {
    const id = await runningTenant();
    await keepAlerts(id, TODAY, "1.1", "1.2");
    await keepAlerts(id, TODAY, "1.2", "1.3");
    await putTenant(id, specOf(2, { requested: "stopped", bin: { erases_at: iso(86_400_000) } }));
    await until(id, ({ observed }) => observed === "stopped");
    await answered(orderExport(id), 202);
    const manifest = await made(id);
    expect(manifest.state).toBe("succeeded");
    expect(idsOf(await recordsOf<Alert>(id, manifest, "archived-alerts"))).toEqual(["1.1", "1.2", "1.3"]);
    expect(await recordsOf(id, manifest, "alerts")).toEqual([]);
    expect(manifest.left_out).toMatchObject([{ why: expect.stringContaining("did not run") }]);
  });

  it("goes on without an indexer that answers no more, and still has each alert once", async () => {
    const id = await runningTenant();
    await keepAlerts(id, TODAY, "1.1", "1.2");
    await indexed(id, 2);
    const failing = `:indexer:0/wazuh-alerts-4.x-${TODAY.replaceAll("-", ".")}/_search`;
    world.says.set(`${id}${failing}`, { timed_out: true, hits: { hits: [] } });
    await answered(orderExport(id), 202);
    const manifest = await made(id);
    world.says.delete(`${id}${failing}`);
    expect(manifest.state).toBe("succeeded");
    expect(idsOf(await recordsOf<Alert>(id, manifest, "archived-alerts"))).toEqual(["1.1", "1.2"]);
    expect(manifest.left_out).toMatchObject([{ why: expect.stringContaining("stopped while it was read") }]);
  });

  it("is made once, however often it is ordered; another one waits for it", async () => {
    const [id, body] = [await stoppedTenant(), exportBody()];
    await answered(orderExport(id, EXPORT, body), 202);
    await answered(orderExport(id, EXPORT, body), 202);
    expect(await answered(orderExport(id, otherExport()), 409)).toMatchObject({ code: "EXPORT_IN_PROGRESS" });
    const { listed } = await made(id);
    await answered(orderExport(id, EXPORT, body), 202);
    expect((await manifestOf(id)).listed).toEqual(listed);
  });

  it("is its own tenant's: nobody else lists, reads or is given it", async () => {
    const [id, other] = [await runningTenant(), await stoppedTenant()];
    await answered(orderExport(id), 202);
    await made(id);
    expect(await answered(exportAt(other, ""), 200)).toEqual({ exports: [] });
    for (const path of [`/${EXPORT}`, `/${EXPORT}/files/1`])
      expect(await answered(exportAt(other, path), 404)).toMatchObject({ code: "EXPORT_NOT_FOUND" });
    await answered(orderExport(other), 202);
    expect(await recordsOf(other, await made(other), "tenant")).toMatchObject([{ tenant: { id: other } }]);
  });

  it("lies sealed: who moves one file to another's place opens nothing", async () => {
    const id = await stoppedTenant();
    await answered(orderExport(id), 202);
    const [{ number = 0 } = {}] = (await made(id)).listed;
    const stored = await env.ARCHIVE.get(`${id}/exports/${EXPORT}/${number}`);
    const bytes = await stored?.arrayBuffer();
    expect(Buffer.from(bytes ?? new ArrayBuffer(0)).toString("latin1")).not.toContain(id);
    await env.ARCHIVE.put(`${id}/exports/${EXPORT}/2`, bytes ?? "");
    expect(await answered(exportAt(id, `/${EXPORT}/files/2`), 404)).toMatchObject({ code: "EXPORT_NOT_FOUND" });
  });

  it("expires with its files after a week", async () => {
    const id = await stoppedTenant();
    await answered(orderExport(id), 202);
    await made(id);
    await runInDurableObject(env.TENANT.getByName(id), async (tenant, { storage }) => {
      storage.sql.exec("UPDATE due SET at = 0 WHERE kind = 'expire_export'");
      await tenant.alarm();
    });
    expect(await objectsOf(id)).toEqual([]);
    expect(await answered(exportAt(id, ""), 200)).toEqual({ exports: [] });
  });

  it("is gone with the tenant, also one that is being made", async () => {
    const id = await runningTenant();
    await answered(orderExport(id), 202);
    await made(id);
    await answered(orderExport(id, otherExport()), 202);
    await answered(call("DELETE", `/v1/tenants/${id}`, { ...deletion(2), operation_id: newOperation() }), 202);
    await until(id, ({ observed }) => observed === "absent");
    expect(await objectsOf(id)).toEqual([]);
    expect((await exportAt(id)).status).toBe(410);
  });
});
