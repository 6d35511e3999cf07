/** The tunnel of 4.x agents: a connector's WebSocket in, the manager's agent port out. */
import { clientAddress } from "../auth/address";
import { connectorCredential } from "../auth/connector";
import { type EdgeApp, type EdgeContext, isUpgrade } from "../edge_app";
import { EdgeError, type ErrorCode } from "../errors";
import { countSource } from "../sources";
import type { ConnectorVerdict } from "../tenant/agents";
import { nodeStub } from "../tenant/nodes/names";
import { tenantStub } from "../tenants";
import { Bridge, ofAgent } from "../tunnel/bridge";
import { isTaken } from "../tunnel/carrying";
import { channelAddress } from "../tunnel/channels";
import { roomOf } from "../tunnel/room";

const REFUSALS: Record<Exclude<ConnectorVerdict, "open">, [ErrorCode, string]> = {
  unknown: ["CONNECTOR_REFUSED", "This connector credential is not known."],
  quarantined: ["AGENT_QUARANTINED", "This agent is quarantined."],
};

export function mount(app: EdgeApp): void {
  app.get("/agents/:tenant/1514", async (c) => {
    const tenant = c.req.param("tenant");
    const stub = tenantStub(c, tenant);
    if (!isUpgrade(c)) {
      throw new EdgeError("UPGRADE_REQUIRED", "This path carries agent connections over WebSocket.");
    }
    const credential = connectorCredential(c.req.raw.headers);
    if (credential?.tenant !== tenant) throw new EdgeError(...REFUSALS.unknown);
    await countSource(c, "tunnel");
    const address = clientAddress(c.req.raw.headers);
    const verdict = await stub.connector(credential.agent, credential.digest, address);
    if (verdict !== "open") throw new EdgeError(...REFUSALS[verdict]);
    return carry(c, tenant, credential.agent);
  });
}

async function carry(c: EdgeContext, tenant: string, agent: string): Promise<Response> {
  const { nodes, moves_after_ms } = await c.env.TENANT.getByName(tenant).agentRoute(agent);
  const upstream = await dialFirst(c, tenant, agent, nodes);
  const { 0: client, 1: server } = new WebSocketPair();
  server.accept();
  const bridge = new Bridge(server, upstream, ofAgent(agent, roomOf(tenant)));
  bridge.start();
  if (moves_after_ms !== null)
    bridge.endAfter(moves_after_ms, "the agent's own manager knows it by now; connect again");
  return new Response(null, { status: 101, webSocket: client });
}

/** The first manager that takes the agent: one that went away a moment ago is passed over. */
async function dialFirst(c: EdgeContext, tenant: string, agent: string, nodes: number[]): Promise<Socket> {
  for (const n of nodes) {
    const upstream = nodeStub(c.env, tenant, "manager", n).connect(channelAddress(agent));
    if (await isTaken(upstream)) return upstream;
  }
  throw new EdgeError("NODE_NOT_RUNNING", "The tenant's manager takes no connections at the moment.");
}
