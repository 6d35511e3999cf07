import { env, runInDurableObject } from "cloudflare:test";
import { afterEach, describe, expect, it } from "vitest";
import { SESSION_HEADER, SessionSockets, sessionHeader } from "../src/tunnel/session_sockets";
import { dashboardAnswers, echo, noDashboards, open, originOf, signIn, socketOf } from "./support/dashboard";
import { newTenantId, PORTAL, stoppedTenant } from "./support/edge";

afterEach(noDashboards);

describe("a dashboard's sockets", () => {
  it("opens sockets only from the tenant's own origin", async () => {
    const tenant = await stoppedTenant();
    dashboardAnswers(() => echo());
    const cookie = await signIn(tenant);
    const upgrade = (origin: string) =>
      open(tenant, "/dashboard/ws", cookie, { headers: { upgrade: "websocket", origin } });
    expect((await upgrade(PORTAL)).status).toBe(403);
    expect((await upgrade(originOf(tenant))).status).toBe(101);
  });

  it("carry binary frames as they are", async () => {
    const tenant = await stoppedTenant();
    dashboardAnswers(() => echo());
    const { say } = await socketOf(tenant, await signIn(tenant));
    const heard = await say(new Uint8Array([0, 255, 1]));
    expect(Array.from(new Uint8Array(heard as ArrayBuffer))).toEqual([0, 255, 1]);
  });

  it("open for a person whose address no header could hold", async () => {
    const tenant = await stoppedTenant();
    dashboardAnswers(() => echo());
    const { say } = await socketOf(tenant, await signIn(tenant, { email: "józef@例え.jp" }));
    expect(await say("hi")).toBe("hi");
  });

  it("close on both sides when it can't be told whether access stands", async () => {
    await runInDurableObject(env.TENANT.getByName(newTenantId()), async () => {
      const { 0: client, 1: node } = new WebSocketPair();
      const closed = new Promise<number>((resolve) => node.addEventListener("close", (event) => resolve(event.code)));
      node.accept();
      const sockets = new SessionSockets({
        entered: () => () => undefined,
        upgrade: async () => new Response(null, { status: 101, webSocket: client }),
        accessStands: () => Promise.reject(new Error("the tenant's object is away")),
      });
      const now = Date.now();
      const names = { subject: "usr_alice", organization: "org_acme", grant: null, connection: null, session: "s" };
      const claims = { ...names, role: "admin", issuedAt: now, endsAt: now + 60_000 };
      const request = new Request("http://node/ws", { headers: { [SESSION_HEADER]: sessionHeader(claims) } });
      await expect(sockets.serve(request)).rejects.toThrow("away");
      expect(await closed).toBe(1011);
      expect(sockets.close({ subject: "usr_alice", before: now + 1 })).toBe(0);
    });
  });
});
