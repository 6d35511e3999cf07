/** The tunnel of 4.x agents: a connector's WebSocket in, the manager's agent port out. */
import { clientAddress } from "../auth/address";
import { clientCertificate } from "../auth/client_certificate";
import { connectorCredential } from "../auth/connector";
import { type EdgeApp, type EdgeContext, isUpgrade } from "../edge_app";
import { EdgeError, type ErrorCode } from "../errors";
import { countSource } from "../sources";
import type { Verdict } from "../tenant/admission";
import { nodeStub } from "../tenant/nodes/names";
import { tenantStub } from "../tenants";
import { Bridge, ofAgent } from "../tunnel/bridge";
import { isTaken } from "../tunnel/carrying";
import { channelAddress } from "../tunnel/channels";
import { roomOf } from "../tunnel/room";

const UNKNOWN: [ErrorCode, string] = ["CONNECTOR_REFUSED", "This connector credential is not known."];
const UNPINNED: [ErrorCode, string] = ["CERTIFICATE_REFUSED", "This certificate is pinned to no agent of the tenant."];

export function mount(app: EdgeApp): void {
  app.get("/agents/:tenant/1514", async (c) => {
    const tenant = c.req.param("tenant");
    const stub = tenantStub(c, tenant);
    if (!isUpgrade(c)) {
      throw new EdgeError("UPGRADE_REQUIRED", "This path carries agent connections over WebSocket.");
    }
    return carry(c, tenant, await agentOf(c, tenant, stub));
  });
}

type Tenant = ReturnType<typeof tenantStub>;

/**
 * The agent that asks to connect. A connector's credential counts where one is sent, whatever certificate comes along.
 * @throws EdgeError for one that is not let in
 */
async function agentOf(c: EdgeContext, tenant: string, stub: Tenant): Promise<string> {
  const credential = connectorCredential(c.req.raw.headers);
  const address = clientAddress(c.req.raw.headers);
  if (credential?.tenant === tenant) {
    await countSource(c, "tunnel");
    return admitted(credential.agent, await stub.connector(credential.agent, credential.digest, address), UNKNOWN);
  }
  const certificate = credential ? null : clientCertificate(c.req.raw);
  if (certificate === null) throw new EdgeError(...UNKNOWN);
  await countSource(c, "tunnel");
  const { agent, verdict } = await stub.certificate(certificate, address);
  return admitted(agent, verdict, UNPINNED);
}

function admitted(agent: string, verdict: Verdict, unknown: [ErrorCode, string]): string {
  if (verdict === "open") return agent;
  if (verdict === "unknown") throw new EdgeError(...unknown);
  throw new EdgeError("AGENT_QUARANTINED", "This agent is quarantined.");
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
