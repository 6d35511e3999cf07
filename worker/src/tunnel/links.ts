/** Connections to one port of a node that are no agent's: of its peers, and of machines that enroll by Wazuh's own protocol. */
import type { Role } from "../schemas/plan";
import { carried, type DialedPort, dialed, refuse } from "./carrying";
import { ignoreClosed } from "./closing";

/** Where nodes of a role reach each other: Wazuh's cluster daemon, OpenSearch's transport. No other port can be reached. */
export const MESH_PORTS = { manager: 1516, indexer: 9300 } as const;
export type MeshedRole = keyof typeof MESH_PORTS;

/** The port at which a role's nodes reach each other; null where they have nothing to say to each other. */
export const meshPort = (role: Role): number | null => (role in MESH_PORTS ? MESH_PORTS[role as MeshedRole] : null);

/**
 * Connections that one peer may hold open to a node. A Wazuh worker needs one, a node of OpenSearch 13 (2 for recovery, 3
 * for bulk, 6 for requests, 1 for the cluster's state, 1 for pings).
 */
export const MAX_LINKS_A_PEER = 32;

/** Who dials, by the address under which it does: the first group says for whom. */
interface LinkKind {
  address: RegExp;
  /** How many may be open for the same. */
  most: number;
}

export const PEERS: LinkKind = { address: /^node-(\d)\.mesh:1$/, most: MAX_LINKS_A_PEER };

/** Machines that enroll at once: a line each, and less than a second. */
export const MAX_ENROLLING = 64;
export const ENROLLING: LinkKind = { address: /^(enroll)\.manager:1515$/, most: MAX_ENROLLING };
export const ENROLLING_ADDRESS = "enroll.manager:1515";

/** The address under which the gate dials a node's object for the peer with this number. */
export const linkAddress = (from: number) => `node-${from}.mesh:1`;

interface Link {
  from: string;
  close(): void;
}

/**
 * The open connections of one kind.
 *
 * The Worker or a gate ends the WebSocket and dials this object with `stub.connect()`; both hops are streams with
 * backpressure. Whose they are was settled there: what is dialled here belongs to the same tenant.
 */
export class Links {
  readonly #open = new Set<Link>();

  /** @param port the port of the running container, or null; asked at each connection, and starts nothing */
  constructor(
    private readonly kind: LinkKind,
    private readonly port: () => DialedPort | null,
  ) {}

  /** Whether a connection that was dialled under this address is one of them. */
  takes(address: string | undefined): boolean {
    return this.kind.address.test(address ?? "");
  }

  /** Handles one dialled connection until it ends. */
  async serve(socket: Socket): Promise<void> {
    const { localAddress } = await socket.opened;
    const from = this.kind.address.exec(localAddress ?? "")?.[1];
    if (from === undefined || this.#countOf(from) >= this.kind.most) return refuse(socket);
    // Listed before it is dialled: many that come at once are many.
    const link: Link = { from, close: () => void socket.close().catch(ignoreClosed) };
    this.#open.add(link);
    try {
      const upstream = await dialed(this.port(), "node:1");
      if (!upstream) return await refuse(socket);
      link.close = () => {
        for (const side of [socket, upstream]) side.close().catch(ignoreClosed);
      };
      await carried(socket, upstream);
    } catch {
      // Either side went away; both are closed below.
    } finally {
      link.close();
      this.#open.delete(link);
    }
  }

  /** Ends all connections: the container is gone. */
  closeAll(): void {
    for (const link of this.#open) link.close();
    this.#open.clear();
  }

  #countOf(from: string): number {
    return [...this.#open].filter((link) => link.from === from).length;
  }
}
