/** An agent that enrolls, and its connector at the tunnel's door. */
import { SELF } from "cloudflare:test";
import { API, answered, type Enrolled, enroll, newToken } from "./edge";

export async function enrolledAgent(tenant: string, name = "web-1", more = {}): Promise<Enrolled> {
  const { text } = await newToken(tenant);
  return answered<Enrolled>(enroll(text, name, more), 201);
}

/** The credential as two headers. */
export const pair = (connector: Enrolled["connector"]) => ({
  "cf-access-client-id": connector.id,
  "cf-access-client-secret": connector.secret,
});

/** Asks to be connected to a port of the tenant's manager. */
export function knock(tenant: string, headers: Record<string, string>, port = 1514, cf = {}): Promise<Response> {
  return SELF.fetch(`${API}/agents/${tenant}/${port}`, {
    headers: { upgrade: "websocket", host: "edge.test", ...headers },
    cf,
  });
}

/** What the platform says of a certificate that a client showed, with what a test wants to be different. */
export const shown = (sha256: string, more = {}) => ({
  tlsClientAuth: {
    ...{ certPresented: "1", certVerified: "SUCCESS", certRevoked: "0", certFingerprintSHA256: sha256 },
    ...more,
  },
});

export async function connect(tenant: string, agent: Enrolled): Promise<WebSocket | null> {
  const { webSocket } = await knock(tenant, pair(agent.connector));
  webSocket?.accept();
  return webSocket;
}

/** A connected agent: what it heard, and how its connection ended. */
export async function attach(tenant: string, headers: Record<string, string>) {
  const answer = await knock(tenant, headers);
  const socket = answer.webSocket;
  if (!socket) throw new Error(`${answer.status}: ${await answer.text()}`);
  const heard: string[] = [];
  const closed = new Promise<number>((resolve) => socket.addEventListener("close", (event) => resolve(event.code)));
  socket.binaryType = "arraybuffer";
  socket.addEventListener("message", (event) => {
    heard.push(new TextDecoder().decode(event.data as ArrayBuffer));
  });
  socket.accept();
  return { socket, heard, closed };
}

/** A frame of the agent channel. */
export function frame(payload: string): Uint8Array<ArrayBuffer> {
  const body = new TextEncoder().encode(payload);
  const framed = new Uint8Array(4 + body.length);
  new DataView(framed.buffer).setUint32(0, body.length, true);
  framed.set(body, 4);
  return framed;
}
