import { type AccessClaims, type AccessRule, covers } from "../auth/claims";

/** Carries the session's claims from the Worker to the dashboard's object; never goes on to the container. */
export const SESSION_HEADER = "x-edge-session";

/** The header's value: what decides about access. A person's address may hold characters that no header takes. */
export function sessionHeader(claims: AccessClaims): string {
  const { subject, organization, grant, connection, session, role, issuedAt, endsAt } = claims;
  return JSON.stringify({ subject, organization, grant, connection, session, role, issuedAt, endsAt });
}

export interface SocketHost {
  /** Called as a socket opens; what it returns is called once that has closed. */
  entered(): () => void;
  /** Sends the upgrade to the container; null when none runs. */
  upgrade(request: Request): Promise<Response> | null;
  /** Asks the tenant object whether this access stands. */
  accessStands(claims: AccessClaims): Promise<boolean>;
}

interface OpenSocket {
  claims: AccessClaims;
  close(code: number, reason: string): void;
}

const MAX_UNSENT_BYTES = 1024 * 1024;
const CLOSE_GOING_AWAY = 1001;
const CLOSE_SLOW = 1013;
const CLOSE_FAILED = 1011;
const CLOSE_ENDED = 4401;
/** The longest delay a timer takes. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** The WebSockets of one dashboard node, listed by session so that they can be ended. */
export class SessionSockets {
  readonly #open = new Set<OpenSocket>();

  constructor(private readonly host: SocketHost) {}

  /** Opens a socket to the container for the session named in {@link SESSION_HEADER}. */
  async serve(request: Request): Promise<Response> {
    const claims = JSON.parse(request.headers.get(SESSION_HEADER) ?? "null") as AccessClaims | null;
    if (!claims) return new Response("no session", { status: 400 });
    const headers = new Headers(request.headers);
    headers.delete(SESSION_HEADER);
    const answer = await this.host.upgrade(new Request(request, { headers }));
    const upstream = answer?.webSocket;
    if (!answer || !upstream) return answer ?? new Response("the dashboard is not running", { status: 503 });
    const { 0: client, 1: server } = new WebSocketPair();
    const socket = this.#join(claims, server, upstream);
    await this.#closeUnlessAllowed(socket);
    const protocol = answer.headers.get("sec-websocket-protocol");
    return new Response(null, {
      status: 101,
      webSocket: client,
      ...(protocol ? { headers: { "sec-websocket-protocol": protocol } } : {}),
    });
  }

  /** Ends the sockets that the rule covers; returns how many. */
  close(rule: AccessRule): number {
    const covered = [...this.#open].filter((socket) => covers(rule, socket.claims));
    for (const socket of covered) socket.close(CLOSE_ENDED, "access ended; open the dashboard from the portal again");
    return covered.length;
  }

  /** Ends all sockets: the dashboard is being stopped. */
  goAway(): void {
    for (const socket of [...this.#open]) socket.close(CLOSE_GOING_AWAY, "the dashboard restarts or stops");
  }

  /** Asked now that the socket is listed: a revocation in between would have found nothing to close. */
  async #closeUnlessAllowed(socket: OpenSocket): Promise<void> {
    try {
      if (!(await this.host.accessStands(socket.claims))) socket.close(CLOSE_ENDED, "access ended");
    } catch (reason) {
      socket.close(CLOSE_FAILED, "access could not be checked");
      throw reason;
    }
  }

  #join(claims: AccessClaims, browser: WebSocket, node: WebSocket): OpenSocket {
    for (const side of [browser, node]) {
      // The default hands binary frames over as blobs, which would be sent on as their name.
      side.binaryType = "arraybuffer";
      side.accept();
    }
    const remaining = Math.min(Math.max(0, claims.endsAt - Date.now()), MAX_TIMER_MS);
    const hardEnd = setTimeout(() => socket.close(CLOSE_ENDED, "the session has ended"), remaining);
    const left = this.host.entered();
    const socket: OpenSocket = {
      claims,
      close: (code, reason) => {
        clearTimeout(hardEnd);
        if (!this.#open.delete(socket)) return;
        left();
        closeQuietly(browser, code, reason);
        closeQuietly(node, code, reason);
      },
    };
    this.#open.add(socket);
    carry(browser, node, socket);
    carry(node, browser, socket);
    return socket;
  }
}

function carry(from: WebSocket, to: WebSocket, socket: OpenSocket): void {
  from.addEventListener("message", (event) => {
    if (to.readyState !== WebSocket.OPEN) return;
    if (to.bufferedAmount > MAX_UNSENT_BYTES) socket.close(CLOSE_SLOW, "the other side does not keep up");
    else to.send(event.data as string | ArrayBuffer);
  });
  from.addEventListener("close", () => socket.close(1000, ""));
  from.addEventListener("error", () => socket.close(1011, ""));
}

function closeQuietly(socket: WebSocket, code: number, reason: string): void {
  if (socket.readyState === WebSocket.OPEN || socket.readyState === WebSocket.CLOSING) socket.close(code, reason);
}
