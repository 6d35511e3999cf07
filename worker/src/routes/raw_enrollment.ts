/** Wazuh's own enrollment, where a plan turns it on: a connector's WebSocket in, the manager's port for enrollment out. */
import { clientAddress } from "../auth/address";
import { enrollmentCredential } from "../auth/connector";
import { type EdgeApp, type EdgeContext, isUpgrade } from "../edge_app";
import { EdgeError } from "../errors";
import { countSource } from "../sources";
import { MASTER } from "../tenant/manager";
import { nodeStub } from "../tenant/nodes/names";
import { tenantStub } from "../tenants";
import { Bridge, ofEnrolling } from "../tunnel/bridge";
import { isTaken } from "../tunnel/carrying";
import { ENROLLING_ADDRESS } from "../tunnel/links";
import { roomOf } from "../tunnel/room";

/** A line takes a moment; who holds a connection for longer holds a place of another machine. */
const LONGEST_MS = 60_000;

export function mount(app: EdgeApp): void {
  app.get("/agents/:tenant/1515", async (c) => {
    const tenant = c.req.param("tenant");
    const stub = tenantStub(c, tenant);
    if (!isUpgrade(c)) throw new EdgeError("UPGRADE_REQUIRED", "This path carries enrollment over WebSocket.");
    const shown = enrollmentCredential(c.req.raw.headers);
    if (shown?.tenant !== tenant) throw new EdgeError("TOKEN_UNKNOWN", "This enrollment token is not known.");
    await countSource(c, "enroll");
    const address = clientAddress(c.req.raw.headers);
    const ticket = await stub.admitRaw({ token: shown.token, token_sha256: shown.digest, address });
    return carry(c, tenant, ticket);
  });
}

async function carry(c: EdgeContext, tenant: string, ticket: string): Promise<Response> {
  const upstream = nodeStub(c.env, tenant, "manager", MASTER).connect(ENROLLING_ADDRESS);
  if (!(await isTaken(upstream))) {
    throw new EdgeError("NODE_NOT_RUNNING", "The tenant's manager takes no enrollment at the moment.");
  }
  const before = upstream.writable.getWriter();
  await before.write(new TextEncoder().encode(`${ticket}\n`));
  before.releaseLock();
  const { 0: client, 1: server } = new WebSocketPair();
  server.accept();
  const bridge = new Bridge(server, upstream, ofEnrolling(roomOf(tenant)));
  bridge.start();
  bridge.endAfter(LONGEST_MS, "an enrollment takes less than a minute");
  return new Response(null, { status: 101, webSocket: client });
}
