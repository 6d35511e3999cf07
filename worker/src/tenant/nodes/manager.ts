import { AgentChannels } from "../../tunnel/channels";
import { isLink } from "../../tunnel/links";
import { nodeStub } from "./names";
import { StatefulContainer } from "./stateful";
import { Usage, type Use } from "./use";

const API_PORT = 55000;
const AGENT_PORT = 1514;
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
  readonly #channels = new AgentChannels({
    agentPort: () => (this.stopping ? null : this.port(AGENT_PORT)),
    mayConnect: (agent) => this.env.TENANT.getByName(this.tenant).mayConnect(agent),
  });

  /** Takes an agent's connection that the Worker dialled, or a peer's. Peers are no use of the tenant. */
  override async connect(socket: Socket): Promise<void> {
    const { localAddress } = await socket.opened;
    if (isLink(localAddress)) return super.connect(socket);
    return this.#usage.during(this.#channels.serve(socket));
  }

  /** The agents' connections, for the tenant object before it lets the tenant sleep. */
  use(): Use {
    return this.#usage.told;
  }

  protected override onStart(): void {
    super.onStart();
    this.#usage.touch();
  }

  /** Ends the agent's open connection; returns how many were closed. */
  closeAgent(agent: string): number {
    return this.#channels.close(agent);
  }

  /**
   * Agents go first: a manager that ends with an agent's connection open refuses the same agent for a minute. What they had
   * sent is on its way to the indexer; once its journal takes nothing more, the manager has nothing left to hand over.
   */
  protected override async drain(): Promise<void> {
    if (this.#channels.closeAll() === 0) return;
    const indexer = nodeStub(this.env, this.tenant, "indexer", 0);
    for (let before = -1, last = 0; before !== last; ) {
      before = last;
      await scheduler.wait(QUIET_MS);
      ({ last } = await indexer.journalState());
    }
  }

  protected override onStop(): void {
    this.#channels.closeAll();
  }
}
