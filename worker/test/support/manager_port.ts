/** A node's port that the test holds the other end of. */
import { env, runInDurableObject } from "cloudflare:test";
import { IndexerContainer, ManagerContainer } from "../../src/index";
import { nodeStub } from "../../src/tenant/nodes/names";
import { MESH_PORTS, type MeshedRole } from "../../src/tunnel/links";

const NODES = { manager: ManagerContainer, indexer: IndexerContainer };

/** One TCP connection as a node of a role sees it. */
export class NodeConnection {
  readonly received: Uint8Array[] = [];
  closed = false;
  /** As a real socket it has taken a copy once a write is through: whoever wrote may use its buffer again. */
  readonly #fromClient = new TransformStream<Uint8Array, Uint8Array>({
    transform: (chunk, controller) => controller.enqueue(chunk.slice()),
  });
  readonly #toClient = new IdentityTransformStream();
  readonly #writer = this.#toClient.writable.getWriter();

  /** @param reads whether the node takes what it is sent */
  constructor(
    private readonly role: MeshedRole,
    reads: boolean,
    /** Number of the node. */
    readonly n = 0,
  ) {
    if (reads) void this.#read();
  }

  /** What the node's object works with. */
  readonly socket = {
    readable: this.#toClient.readable,
    writable: this.#fromClient.writable,
    opened: Promise.resolve({}),
    closed: new Promise(() => {}),
    close: async () => {
      this.closed = true;
      await this.#writer.abort("closed").catch(() => undefined);
    },
  } as unknown as Socket;

  get text(): string {
    return new TextDecoder("latin1").decode(Buffer.concat(this.received));
  }

  /** Streams belong to the object they were made in, so the node speaks from there. */
  async send(tenant: string, text: string): Promise<void> {
    await runInDurableObject(nodeStub(env, tenant, this.role, this.n), () =>
      this.#writer.write(new TextEncoder().encode(text)),
    );
  }

  async hangUp(tenant: string): Promise<void> {
    // The other side's close may come before the end was read.
    await runInDurableObject(nodeStub(env, tenant, this.role, this.n), () =>
      this.#writer.close().catch(() => undefined),
    );
  }

  async #read(): Promise<void> {
    try {
      for await (const chunk of this.#fromClient.readable) this.received.push(chunk);
    } catch {
      // The node's object aborts the stream when the other side goes away.
    }
    this.closed = true;
  }
}

interface Listening {
  connections: NodeConnection[];
  /** Numbers of nodes at which nothing listens; tests change it. */
  down: Set<number>;
  stop: () => void;
}

/** Has every node of a role answer on one port with connections that the test sees. */
function listenOn(role: MeshedRole, port: number, reads: boolean): Listening {
  const prototype = NODES[role].prototype as unknown as { port: unknown };
  const original = prototype.port;
  const connections: NodeConnection[] = [];
  const down = new Set<number>();
  prototype.port = function (this: { n: number }, asked: number) {
    if (down.has(this.n)) return null;
    const connect = () => {
      if (asked !== port) throw new Error(`only port ${port} takes connections`);
      const connection = new NodeConnection(role, reads, this.n);
      connections.push(connection);
      return connection.socket;
    };
    return { connect };
  };
  return {
    connections,
    down,
    stop: () => {
      prototype.port = original;
    },
  };
}

/** Has every manager node take agents. */
export const listenOnManagers = ({ reads = true }: { reads?: boolean } = {}): Listening =>
  listenOn("manager", 1514, reads);

/** Has every manager node take machines that enroll by Wazuh's own protocol. */
export const listenOnEnrollment = (): Listening => listenOn("manager", 1515, true);

/** Has every node of a role take its peers. */
export const listenOnPeers = (role: MeshedRole, { reads = true }: { reads?: boolean } = {}): Listening =>
  listenOn(role, MESH_PORTS[role], reads);
