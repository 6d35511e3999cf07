import type { AccessRule } from "../../auth/claims";
import { SESSION_HEADER, SessionSockets } from "../../tunnel/session_sockets";
import { BaseWazuhContainer } from "./base";
import { notRunning } from "./carry";
import { Usage, type Use } from "./use";

const PORT = 5601;

/** The node that serves a tenant's dashboard. */
export class DashboardContainer extends BaseWazuhContainer {
  /** A dashboard that still starts answers 503; one that serves answers 401 without proxy headers. */
  protected override async probe(signal: AbortSignal): Promise<boolean> {
    const answer = await this.port(PORT)?.fetch("http://node/dashboard/", { signal, redirect: "manual" });
    await answer?.body?.cancel();
    return answer !== undefined && answer.status < 500;
  }

  readonly #usage = new Usage();
  readonly #sockets = new SessionSockets({
    entered: () => this.#usage.enter(),
    upgrade: (request) => this.#upgrade(request),
    accessStands: (claims) => this.env.TENANT.getByName(this.tenant).accessStands(claims),
  });

  /** Requests of a session's WebSocket carry its claims; all others go straight to the container. */
  override async fetch(request: Request): Promise<Response> {
    if (this.stopping) return notRunning(this.role);
    const answer = request.headers.has(SESSION_HEADER) ? this.#sockets.serve(request) : super.fetch(request);
    return this.#usage.during(answer);
  }

  /** Requests and open WebSockets, for the tenant object before it lets the tenant sleep. */
  use(): Use {
    return this.#usage.told;
  }

  protected override onStart(start: number): void {
    super.onStart(start);
    this.#usage.touch();
  }

  /** Pages are told that it goes away, so that they connect again; requests under way get their answers. */
  protected override async drain(): Promise<void> {
    this.#sockets.goAway();
  }

  /** Ends the open WebSockets that a revocation covers; returns how many. */
  closeSessions(rule: AccessRule): number {
    return this.#sockets.close(rule);
  }

  #upgrade(request: Request): Promise<Response> | null {
    const { pathname, search } = new URL(request.url);
    return this.port(PORT)?.fetch(`http://node${pathname}${search}`, request) ?? null;
  }
}
