import { type CountBatch, Counts } from "../../counts";
import { AGENTS_PORT } from "../../gates/agent_headers";
import { CarriedBytes } from "../../tunnel/carried_bytes";
import { AgentChannels } from "../../tunnel/channels";
import { ENROLLING, Links } from "../../tunnel/links";
import { notRunning } from "./carry";
import { nodeStub } from "./names";
import { StatefulContainer } from "./stateful";
import { Usage, type Use } from "./use";

const API_PORT = 55000;
const AGENT_PORT = 1514;
/** Where the image's hop ends the TLS of machines that enroll by Wazuh's own protocol. */
const ENROLLMENT_PORT = 1515;
/** A manager hands its alerts over within this time. */
const QUIET_MS = 1000;

/** The node that receives a tenant's agents and analyses their events. */
export class ManagerContainer extends StatefulContainer {
  /** A manager saves whenever it likes: on a schedule, after an enrollment, at its end. */
  protected override positionOfArchive(): number {
    return 0;
  }

  /** Without credentials the API answers 401 as soon as it serves. */
  protected override async probe(signal: AbortSignal): Promise<boolean> {
    const answer = await this.port(API_PORT)?.fetch("http://node/", { signal });
    await answer?.body?.cancel();
    return answer !== undefined && answer.status < 500;
  }

  readonly #usage = new Usage();
  readonly #counts = new Counts(this.ctx.storage.sql);
  readonly #carried = new CarriedBytes((sums) =>
    this.ctx.storage.transactionSync(() => {
      for (const [way, bytes] of sums) this.#counts.add(`tunnel_bytes_${way}`, bytes, Date.now());
    }),
  );
  readonly #channels = new AgentChannels({
    agentPort: () => (this.stopping ? null : this.port(AGENT_PORT)),
    mayConnect: (agent) => this.env.TENANT.getByName(this.tenant).mayConnect(agent),
    count: (way, bytes) => this.#carried.add(way, bytes),
  });

  readonly #enrolling = new Links(ENROLLING, () => (this.stopping ? null : this.port(ENROLLMENT_PORT)));

  /** Whether Wazuh 5 agents sent events to this container: they hold no connection open that would tell. */
  #gotEvents = false;

  /** Requests of Wazuh 5 agents are no use of the node: their signs of life would keep the tenant awake for ever. */
  override async fetch(request: Request): Promise<Response> {
    const { port, pathname } = new URL(request.url);
    if (Number(port) !== AGENTS_PORT) return super.fetch(request);
    if (this.stopping) return notRunning(this.role);
    this.#gotEvents ||= pathname.endsWith("/stateless");
    const answer = await super.fetch(request);
    this.#carried.add("up", lengthOf(request.headers));
    this.#carried.add("down", lengthOf(answer.headers));
    return answer;
  }

  /** Takes an agent's connection that the Worker dialled, an enrolling machine's, or a peer's. Peers are no use of the tenant. */
  override async connect(socket: Socket): Promise<void> {
    const { localAddress } = await socket.opened;
    if (this.peers.takes(localAddress)) return super.connect(socket);
    const visitors = this.#enrolling.takes(localAddress) ? this.#enrolling : this.#channels;
    try {
      await this.#usage.during(visitors.serve(socket));
    } finally {
      // An object that nobody speaks to any more may be put away.
      if (this.#usage.told.open === 0) this.#carried.keep();
    }
  }

  /** What was counted here since the tenant took the batch `taken`, up to this moment. */
  handOverCounts(taken: number): CountBatch {
    this.#carried.keep();
    return this.ctx.storage.transactionSync(() => this.#counts.handOver(taken));
  }

  /** The agents' connections, for the tenant object before it lets the tenant sleep. */
  use(): Use {
    return this.#usage.told;
  }

  protected override onStart(): void {
    super.onStart();
    this.#gotEvents = false;
    this.#usage.touch();
  }

  /** Ends the agents' open connections; returns how many were closed. */
  closeAgents(agents: string[]): number {
    return agents.reduce((closed, agent) => closed + this.#channels.close(agent), 0);
  }

  /**
   * Agents go first: a manager that ends with an agent's connection open refuses the same agent for a minute. What they had
   * sent is on its way to the indexer; once its journal takes nothing more, the manager has nothing left to hand over.
   */
  protected override async drain(goesOn: boolean): Promise<void> {
    if (this.#channels.closeAll() === 0 && !this.#gotEvents && !goesOn) return;
    const indexer = nodeStub(this.env, this.tenant, "indexer", 0);
    for (let before = -1, last = 0; before !== last; ) {
      before = last;
      await scheduler.wait(QUIET_MS);
      ({ last } = await indexer.journalState());
    }
  }

  protected override onStop(): void {
    this.#channels.closeAll();
    this.#enrolling.closeAll();
  }

  /** The tenant took what was counted before it has its objects forget. */
  protected override async onErase(): Promise<void> {
    this.#carried.end();
    await super.onErase();
  }
}

const lengthOf = (headers: Headers) => Number(headers.get("content-length") ?? "0");
