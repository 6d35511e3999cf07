import { SELF } from "cloudflare:test";
import { afterEach, describe, expect, it } from "vitest";
import { askForCode, codeFor, cookieOf, dashboardAnswers, noDashboards, open } from "./support/dashboard";
import { API, answered, PORTAL, scopedToken, stoppedTenant } from "./support/edge";
import { asHeader } from "./support/stream";

const INSIDE = "192.0.2.7";
const NETWORKS = [["192.0.2.0/24", "2001:db8::/32"]];
const from = (address: string) => ({ "cf-connecting-ip": address });

describe("what may be used from some networks only", () => {
  afterEach(() => noDashboards());

  it.each([
    ["an address of the list", NETWORKS, INSIDE, 200],
    ["one of IPv6", NETWORKS, "2001:db8::7", 200],
    ["IPv4 in the form of IPv6", NETWORKS, "::ffff:192.0.2.7", 200],
    ["one outside", NETWORKS, "192.0.3.7", 403],
    ["one that can't be told", NETWORKS, "unknown", 403],
    ["one that only the first of two lists holds", [...NETWORKS, ["198.51.100.0/24"]], INSIDE, 403],
    ["one that both hold", [...NETWORKS, ["192.0.2.0/28"]], INSIDE, 200],
    ["anywhere, where there is no list", [], "203.0.113.9", 200],
  ])("a dashboard's cookie: %s", async (_, networks, address, status) => {
    const tenant = await stoppedTenant();
    dashboardAnswers(() => new Response("shown"));
    const { code, post_to } = await codeFor(tenant, { networks });
    const opened = await postFrom(INSIDE, post_to, code);
    if (opened.status !== 303) return expect([opened.status, status]).toEqual([403, 403]);
    const answer = await open(tenant, "/dashboard/app", cookieOf(opened), { headers: from(address) });
    expect(answer.status).toBe(status);
    if (status === 403) expect(await answer.text()).toContain("Not from this network");
  });

  it("a code is turned in from elsewhere in vain, and stays good inside", async () => {
    const tenant = await stoppedTenant();
    const { code, post_to } = await codeFor(tenant, { networks: NETWORKS });
    expect((await postFrom("192.0.3.7", post_to, code)).status).toBe(403);
    expect((await postFrom(INSIDE, post_to, code)).status).toBe(303);
  });

  it("a stolen cookie wakes no tenant and learns nothing of one that waits", async () => {
    const tenant = await stoppedTenant();
    const { code, post_to } = await codeFor(tenant, { networks: NETWORKS });
    const cookie = cookieOf(await postFrom(INSIDE, post_to, code));
    const asked = await open(tenant, "/waking", cookie, {
      headers: { accept: "application/json", ...from("192.0.3.7") },
    });
    expect(asked.status).toBe(403);
  });

  it("a credential for events", async () => {
    const tenant = await stoppedTenant();
    const headers = asHeader(await scopedToken(tenant, { networks: NETWORKS }));
    const ask = (address: string) =>
      SELF.fetch(`${API}/api/events?after=0`, { headers: { ...headers, ...from(address) } });
    await answered(ask(INSIDE), 200);
    expect(await answered(ask("192.0.3.7"), 403)).toMatchObject({ code: "ADDRESS_REFUSED" });
  });

  it.each([[["192.0.2.0"]], [["a/24"]], [[]]])("is refused where a list can't be read: %j", async (...list) => {
    await answered(askForCode(await stoppedTenant(), { networks: list as string[][] }), 422);
  });
});

function postFrom(address: string, to: string, code: string): Promise<Response> {
  const headers = { "content-type": "application/x-www-form-urlencoded", accept: "text/html", origin: PORTAL };
  const body = new URLSearchParams({ code });
  return SELF.fetch(to, { method: "POST", headers: { ...headers, ...from(address) }, body, redirect: "manual" });
}
