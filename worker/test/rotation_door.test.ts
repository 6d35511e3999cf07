import { SELF } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import type { TenantView } from "../src/schemas/tenant";
import { API, answered, askRotation, call, iso, newTenantId, scopedToken } from "./support/edge";
import { getTenant, runningTenant, until } from "./support/tenants";

interface Begun {
  operation_id: string;
}

async function readEvents(id: string): Promise<Response> {
  const headers = { authorization: `Bearer ${await scopedToken(id)}`, host: "edge.test" };
  return SELF.fetch(`${API}/api/events?after=0`, { headers });
}

const rotated = (view: TenantView) => view.run?.kind === "rotate" && view.run.state === "succeeded";

describe("the door for people and integrations", () => {
  it("rotates no other tenant than the one it is asked for", async () => {
    const [own, other] = [await runningTenant(), await runningTenant()];
    const { operation_id } = await answered<Begun>(askRotation(own), 202);
    const view = await until(own, rotated);
    expect(view).toMatchObject({ run: { operation_id }, certificate: { generation: 2 } });
    expect(await getTenant(other)).toMatchObject({ run: { kind: "start" }, certificate: { generation: 1 } });
  });

  it("makes one operation of a key, and another one of another key", async () => {
    const id = await runningTenant();
    const first = await answered<Begun>(askRotation(id), 202);
    expect(first.operation_id).toMatch(/^op_[a-z2-7]{20}$/);
    await until(id, rotated);
    expect(await answered<Begun>(askRotation(id), 202)).toEqual(first);
    expect((await getTenant(id)).certificate?.generation).toBe(2);
    const second = await answered<Begun>(askRotation(id, { idempotency_key: "another" }), 202);
    expect(second.operation_id).not.toBe(first.operation_id);
    await answered(askRotation(id, { idempotency_key: "a third" }), 409);
  });

  it("takes no credential that is for something else, of another key, or withdrawn", async () => {
    const id = await runningTenant();
    const scope = "certs:rotate";
    const revoked = await scopedToken(id, { scope, sub: "usr_bob" });
    const rule = { epoch: 1, idempotency_key: "r", before: iso(1000), subject: "usr_bob" };
    await answered(call("POST", `/v1/tenants/${id}/revocations`, rule, "access"), 200);
    const refused = [
      await scopedToken(id),
      await scopedToken(id, { scope: "everything" }),
      await scopedToken(id, { scope }, "control"),
      await scopedToken(id, { scope }, "stranger"),
      await scopedToken("lo".padEnd(26, "a"), { scope }),
      await scopedToken(newTenantId(), { scope }),
      revoked,
    ];
    for (const token of refused) await answered(askRotation(id, { idempotency_key: "k" }, token), 401);
    expect((await getTenant(id)).run?.kind).toBe("start");
  });

  it("tells the tenant's stream who asked", async () => {
    const id = await runningTenant();
    const { operation_id } = await answered<Begun>(askRotation(id), 202);
    await until(id, rotated);
    const { events } = await answered<{ events: { kind: string; data: Record<string, unknown> }[] }>(
      readEvents(id),
      200,
    );
    const audits = events.filter(({ data }) => data.operation === operation_id).map(({ data }) => data);
    expect(audits).toMatchObject([
      { action: "certificates.rotation_asked", operation: operation_id, subject: "usr_alice" },
      { action: "certificates.rotated", operation: operation_id, before: 1, generation: 2 },
    ]);
  });
});
