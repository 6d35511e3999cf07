import { carriedAndCounted, type DialedPort, dialed, mostOf, refuse, type Way } from "./carrying";
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

/** One agent's connection: what was dialled here, and, once that is there, the manager's side. */
class Channel {
  readonly #sides: Socket[];
  #ended = false;

  constructor(socket: Socket) {
    this.#sides = [socket];
  }

  /** Takes the manager's side in; false where the channel was closed meanwhile, and with it now that side. */
  join(upstream: Socket): boolean {
    this.#sides.push(upstream);
    if (this.#ended) this.close();
    return !this.#ended;
  }

  close(): void {
    this.#ended = true;
    for (const side of this.#sides) side.close().catch(ignoreClosed);
  }
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
    if (!agent || this.#isFull(agent)) return refuse(socket);
    // Listed before it is dialled: many that come at once for one agent are one, and quarantine finds it from here on.
    const channel = this.#enter(agent, socket);
    try {
      await this.#carry(agent, socket, channel);
    } catch {
      // Either side went away; both are closed below.
    } finally {
      channel.close();
      if (this.#open.get(agent) === channel) this.#open.delete(agent);
    }
  }

  async #carry(agent: string, socket: Socket, channel: Channel): Promise<void> {
    // Asked again now that it is listed: between the Worker's check and here a quarantine could slip past.
    const upstream = (await this.host.mayConnect(agent)) ? await dialed(this.host.agentPort(), "manager:1514") : null;
    if (!upstream || !channel.join(upstream)) return refuse(socket);
    const most = () => mostOf(this.#open.size);
    await carriedAndCounted(socket, upstream, { count: (way, bytes) => this.host.count(way, bytes), most });
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

  #isFull(agent: string): boolean {
    return this.#open.size >= MAX_CHANNELS && !this.#open.has(agent);
  }

  /** An agent has one connection: a second one means that the first is dead, though nobody noticed yet. */
  #enter(agent: string, socket: Socket): Channel {
    this.close(agent);
    const channel = new Channel(socket);
    this.#open.set(agent, channel);
    return channel;
  }
}
