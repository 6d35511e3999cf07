/** An agent that enrolls, and its connector at the tunnel's door. */
import { SELF } from "cloudflare:test";
import { API, answered, type Enrolled, enroll, newToken } from "./edge";

export async function enrolledAgent(tenant: string, name = "web-1"): Promise<Enrolled> {
  const { text } = await newToken(tenant);
  return answered<Enrolled>(enroll(text, name), 201);
}

/** The credential as two headers. */
export const pair = (connector: Enrolled["connector"]) => ({
  "cf-access-client-id": connector.id,
  "cf-access-client-secret": connector.secret,
});

/** Asks to be connected to a port of the tenant's manager. */
export function knock(tenant: string, headers: Record<string, string>, port = 1514): Promise<Response> {
  return SELF.fetch(`${API}/agents/${tenant}/${port}`, {
    headers: { upgrade: "websocket", host: "edge.test", ...headers },
  });
}

export async function connect(tenant: string, agent: Enrolled): Promise<WebSocket | null> {
  const { webSocket } = await knock(tenant, pair(agent.connector));
  webSocket?.accept();
  return webSocket;
}
