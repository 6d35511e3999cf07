/** `mesh.internal`: a node's way to another node of its tenant and role, as one WebSocket a connection. */
import type { Env } from "../bindings";
import { nodeStub } from "../tenant/nodes/names";
import { BETWEEN_NODES, Bridge } from "../tunnel/bridge";
import { isTaken } from "../tunnel/carrying";
import { linkAddress, type MeshedRole } from "../tunnel/links";
import { refusal } from "./refusal";
import type { NodeProps } from "./table";

/**
 * Joins the caller to the peer whose number it names. Tenant and role are the caller's own, from its props, and the port
 * is the role's: a hostile node can name nothing but a peer of its own. Nothing is started or woken for it.
 *
 * @returns 101 with the WebSocket; 426 without an upgrade, 404 for a peer that the plan does not have, 503 for one that
 *   does not run, does not listen, or has enough connections of this caller
 */
export async function openLink(env: Env, props: NodeProps, request: Request): Promise<Response> {
  if (request.headers.get("upgrade")?.toLowerCase() !== "websocket")
    return refusal(426, "mesh.internal carries WebSockets alone");
  const { tenant, n } = props;
  const role = props.role as MeshedRole;
  const peer = Number(new URL(request.url).pathname.slice(1));
  // Asked before any object of the peer is touched, so that numbers that are guessed make none.
  if (peer === n || !(await env.TENANT.getByName(tenant).hasNode(role, peer)))
    return refusal(404, `there is no other ${role} ${peer}`);
  const upstream = nodeStub(env, tenant, role, peer).connect(linkAddress(n));
  if (!(await isTaken(upstream))) return refusal(503, `the ${role} ${peer} takes no connection at the moment`);
  const { 0: client, 1: server } = new WebSocketPair();
  server.accept();
  new Bridge(server, upstream, BETWEEN_NODES).start();
  return new Response(null, { status: 101, webSocket: client });
}
