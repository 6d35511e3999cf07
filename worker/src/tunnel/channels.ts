import { ignoreClosed } from "./closing";

/** A node's byte-stream port, as the container runtime gives it. */
export interface DialedPort {
  connect(address: string): Socket;
}

/** What the node's object knows that a channel needs. */
export interface ChannelHost {
  /** The agent port of the running container, or null. */
  agentPort(): DialedPort | null;
  /** Asks the tenant object whether the agent may be connected now. */
  mayConnect(agent: string): Promise<boolean>;
}

/** First byte of a channel: the manager took the connection. */
export const CHANNEL_OPEN = 1;
/** First byte of a channel: it did not; the channel ends. */
export const CHANNEL_REFUSED = 0;

const ADDRESS = /^agent-(\d{3,8})\.manager:1514$/;
const OPEN_PATIENCE_MS = 10_000;
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
    const upstream = agent ? await this.#dial() : null;
    if (!agent || !upstream) return refuse(socket);
    const channel = this.#enter(agent, socket, upstream);
    try {
      // Asked again now that quarantine would find the channel: between the Worker's check and here it could slip past.
      if (!(await this.host.mayConnect(agent))) return await refuse(socket);
      await announce(socket, CHANNEL_OPEN);
      await carried(socket, upstream);
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

  async #dial(): Promise<Socket | null> {
    if (this.#open.size >= MAX_CHANNELS) return null;
    const upstream = this.host.agentPort()?.connect("manager:1514");
    if (!upstream) return null;
    const patience = setTimeout(() => upstream.close().catch(ignoreClosed), OPEN_PATIENCE_MS);
    const opened = await upstream.opened.then(
      () => true,
      () => false,
    );
    clearTimeout(patience);
    return opened ? upstream : null;
  }
}

/** Carries bytes both ways until either side ends. */
async function carried(socket: Socket, upstream: Socket): Promise<void> {
  const up = socket.readable.pipeTo(upstream.writable);
  // Closing a socket whose writable was closed before it fails inside the runtime; `close` flushes by itself.
  const down = upstream.readable.pipeTo(socket.writable, { preventClose: true });
  // `closed` notices an agent that leaves while the manager takes nothing and a write to it is stuck.
  const ends = [up, down, socket.closed];
  for (const end of ends) end.catch(ignoreClosed);
  await Promise.race(ends);
}

async function announce(socket: Socket, byte: number): Promise<void> {
  const writer = socket.writable.getWriter();
  await writer.write(new Uint8Array([byte]));
  writer.releaseLock();
}

async function refuse(socket: Socket): Promise<void> {
  await announce(socket, CHANNEL_REFUSED);
  await socket.close();
}
