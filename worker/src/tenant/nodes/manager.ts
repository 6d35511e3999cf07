import { AgentChannels } from "../../tunnel/channels";
import { StatefulContainer } from "./stateful";
import { Usage, type Use } from "./use";

const API_PORT = 55000;
const AGENT_PORT = 1514;

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
    agentPort: () => this.port(AGENT_PORT),
    mayConnect: (agent) => this.env.TENANT.getByName(this.tenant).mayConnect(agent),
  });

  /** Takes an agent's connection that the Worker dialled. */
  override connect(socket: Socket): Promise<void> {
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

  protected override onStop(): void {
    this.#channels.closeAll();
  }
}
