import { abortAllDurableObjects } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import type { TrailEnds } from "../src/schemas/audit";
import { brokenAt, recordsOf } from "./support/audit";
import { tellTrail, trailBody } from "./support/calls";
import { deletion } from "./support/causes";
import { answered, call, stoppedTenant } from "./support/edge";
import { replayAll } from "./support/stream";
import { getTenant, until } from "./support/tenants";

const { epoch: _, ...TOLD } = trailBody();
const tell = (tenant: string, more = {}) => answered<TrailEnds>(tellTrail(tenant, trailBody(more)), 200);

/** The ends of the portal's trail that stand in the tenant's own. */
async function noted(tenant: string) {
  const { audit } = await getTenant(tenant);
  await expect.poll(async () => recordsOf(await replayAll(tenant)).length).toBe(audit.position);
  const records = recordsOf(await replayAll(tenant));
  expect(brokenAt(tenant, records, audit)).toBeNull();
  return records.filter(({ action }) => action === "trail.noted");
}

describe("the end of the portal's trail", () => {
  it("is kept, recorded in the tenant's own trail, and answered with the end of that one", async () => {
    const tenant = await stoppedTenant();
    expect((await getTenant(tenant)).portal_trail).toBeNull();
    const ends = await tell(tenant);
    const view = await getTenant(tenant);
    expect(ends).toEqual({ portal_trail: TOLD, audit: view.audit });
    expect(view.portal_trail).toEqual(TOLD);
    expect(await noted(tenant)).toMatchObject([
      { by: "portal", organization: TOLD.organization, portal_position: TOLD.position, portal_hash: TOLD.hash },
    ]);
  });

  it("changes nothing where it is told again, also by callers that race and after the object was gone", async () => {
    const tenant = await stoppedTenant();
    const first = await tell(tenant);
    await Promise.all(Array.from({ length: 5 }, () => tell(tenant)));
    await abortAllDurableObjects();
    expect(await tell(tenant)).toEqual(first);
    expect(await noted(tenant)).toHaveLength(1);
  });

  it("goes forwards alone: an earlier one is answered with the later", async () => {
    const tenant = await stoppedTenant();
    const last = await tell(tenant, { position: 9 });
    expect(await tell(tenant, { position: 8, hash: "3".repeat(64) })).toEqual(last);
    expect((await tell(tenant, { position: 10, hash: "4".repeat(64) })).portal_trail.position).toBe(10);
    expect((await noted(tenant)).map(({ portal_position }) => portal_position)).toEqual([9, 10]);
  });

  it("is refused where the same entry has another hash, or the trail is another organization's", async () => {
    const tenant = await stoppedTenant();
    await tell(tenant);
    for (const other of [{ hash: "2".repeat(64) }, { organization: `org_${"b".repeat(20)}`, position: 99 }]) {
      const { code } = await answered<{ code: string }>(tellTrail(tenant, trailBody(other)), 409);
      expect(code).toBe("TRAIL_FORKED");
    }
    expect((await getTenant(tenant)).portal_trail).toEqual(TOLD);
    expect(await noted(tenant)).toHaveLength(1);
  });

  it("moves no view: the feed tells nothing of it", async () => {
    const tenant = await stoppedTenant();
    const before = await getTenant(tenant);
    await tell(tenant);
    expect((await getTenant(tenant)).seq).toBe(before.seq);
  });

  it("outlives the tenant", async () => {
    const tenant = await stoppedTenant();
    await tell(tenant);
    await answered(call("DELETE", `/v1/tenants/${tenant}`, deletion(2)), 202);
    const gone = await until(tenant, ({ observed }) => observed === "absent");
    expect(gone.portal_trail).toEqual(TOLD);
  });
});
