/** A manager's agent port that the test holds the other end of. */
import { env, runInDurableObject } from "cloudflare:test";
import { ManagerContainer } from "../../src/index";
import { nodeStub } from "../../src/tenant/nodes/names";

/** One TCP connection as the manager sees it. */
export class ManagerConnection {
  readonly received: Uint8Array[] = [];
  closed = false;
  readonly #fromAgent = new TransformStream<Uint8Array, Uint8Array>();
  readonly #toAgent = new TransformStream<Uint8Array, Uint8Array>();
  readonly #writer = this.#toAgent.writable.getWriter();

  /** @param reads whether the manager takes what it is sent */
  constructor(reads: boolean) {
    if (reads) void this.#read();
  }

  /** What the node's object works with. */
  readonly socket = {
    readable: this.#toAgent.readable,
    writable: this.#fromAgent.writable,
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

  /** Streams belong to the object they were made in, so the manager speaks from there. */
  async send(tenant: string, text: string): Promise<void> {
    await runInDurableObject(nodeStub(env, tenant, "manager", 0), () =>
      this.#writer.write(new TextEncoder().encode(text)),
    );
  }

  async hangUp(tenant: string): Promise<void> {
    await runInDurableObject(nodeStub(env, tenant, "manager", 0), () => this.#writer.close());
  }

  async #read(): Promise<void> {
    try {
      for await (const chunk of this.#fromAgent.readable) this.received.push(chunk);
    } catch {
      // The node's object aborts the stream when the agent goes away.
    }
    this.closed = true;
  }
}

interface Listening {
  connections: ManagerConnection[];
  stop: () => void;
}

/** Has every manager node answer on 1514 with connections that the test sees. */
export function listenOnManagers({ reads = true }: { reads?: boolean } = {}): Listening {
  const prototype = ManagerContainer.prototype as unknown as { port: unknown };
  const original = prototype.port;
  const connections: ManagerConnection[] = [];
  prototype.port = (port: number) => ({
    connect: () => {
      if (port !== 1514) throw new Error("only the agent port takes connections");
      const connection = new ManagerConnection(reads);
      connections.push(connection);
      return connection.socket;
    },
  });
  return {
    connections,
    stop: () => {
      prototype.port = original;
    },
  };
}
