import { carriedAndCounted, type DialedPort, dialed, refuse, type Way } from "./carrying";
import { ignoreClosed } from "./closing";

/** What the node's object knows that a channel needs. */
export interface ChannelHost {
  /** The agent port of the running container, or null. */
  agentPort(): DialedPort | null;
  /** Asks the tenant object whether the agent may be connected now. */
  mayConnect(agent: string): Promise<boolean>;
  /** Called with the length of every piece that was carried. */
  count(way: Way, bytes: number): void;
}

const ADDRESS = /^agent-(\d{3,8})\.manager:1514$/;
/** All channels of one manager; a plan's agents stay far below. */
export const MAX_CHANNELS = 4000;

interface Channel {
  agent: string;
  close(): void;
}

/** The address under which the Worker dials a manager's object for an agent. */
export function channelAddress(agent: string): string {
  return `agent-${agent}.manager:1514`;
}

/**
 * The agents' open connections of one manager node.
 *
 * The Worker ends the WebSocket and dials this object with `stub.connect()`; both hops are streams with backpressure, so
 * a channel holds no more than a chunk each way. The list is what quarantine closes.
 */
export class AgentChannels {
  readonly #open = new Map<string, Channel>();

  constructor(private readonly host: ChannelHost) {}

  /** Handles one dialled connection until it ends. */
  async serve(socket: Socket): Promise<void> {
    const { localAddress } = await socket.opened;
    const agent = ADDRESS.exec(localAddress ?? "")?.[1];
    const upstream = agent && this.#open.size < MAX_CHANNELS ? await this.#dial() : null;
    if (!agent || !upstream) return refuse(socket);
    const channel = this.#enter(agent, socket, upstream);
    try {
      // Asked again now that quarantine would find the channel: between the Worker's check and here it could slip past.
      if (!(await this.host.mayConnect(agent))) return await refuse(socket);
      await carriedAndCounted(socket, upstream, (way, bytes) => this.host.count(way, bytes));
    } catch {
      // Either side went away; both are closed below.
    } finally {
      channel.close();
      if (this.#open.get(agent) === channel) this.#open.delete(agent);
    }
  }

  /** Ends the agent's connection, if it has one; returns how many were closed. */
  close(agent: string): number {
    const channel = this.#open.get(agent);
    channel?.close();
    this.#open.delete(agent);
    return channel ? 1 : 0;
  }

  /** Ends all connections: the container is gone, or about to go. Returns how many there were. */
  closeAll(): number {
    const agents = [...this.#open.keys()];
    for (const agent of agents) this.close(agent);
    return agents.length;
  }

  /** An agent has one connection: a second one means that the first is dead, though nobody noticed yet. */
  #enter(agent: string, socket: Socket, upstream: Socket): Channel {
    this.close(agent);
    const close = () => {
      socket.close().catch(ignoreClosed);
      upstream.close().catch(ignoreClosed);
    };
    const channel = { agent, close };
    this.#open.set(agent, channel);
    return channel;
  }

  #dial(): Promise<Socket | null> {
    return dialed(this.host.agentPort(), "manager:1514");
  }
}
