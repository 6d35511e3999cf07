// The text protocol of NATS, as much of it as the references need: connect, subscribe, publish, ask, count what comes.
import { connect } from "node:net";

const NEWLINE = Buffer.from("\r\n");

/** One connection; `heard(subject, payload)` is called for every message. */
export class NatsConnection {
  #held = Buffer.alloc(0);
  #pongs = [];
  #subscriptions = 0;
  heard = () => {};

  static async open(port) {
    const socket = await new Promise((resolve, reject) => {
      const opening = connect({ port, host: "127.0.0.1", noDelay: true });
      opening.once("connect", () => resolve(opening));
      opening.once("error", reject);
    });
    const connection = new NatsConnection(socket);
    socket.write('CONNECT {"verbose":false,"pedantic":false,"headers":true,"no_responders":true}\r\n');
    await connection.flushed();
    return connection;
  }

  constructor(socket) {
    this.socket = socket;
    socket.on("data", (chunk) => this.#take(chunk));
  }

  subscribe(subject) {
    this.socket.write(`SUB ${subject} ${++this.#subscriptions}\r\n`);
  }

  /** Resolves once the server has worked through everything that was written before. */
  flushed() {
    return new Promise((resolve) => {
      this.#pongs.push(resolve);
      this.socket.write("PING\r\n");
    });
  }

  /** A request with a JSON answer, on a subject of its own. */
  async ask(subject, body) {
    const inbox = `_INBOX.${Math.random().toString(36).slice(2)}`;
    const answer = new Promise((resolve) => {
      this.heard = (to, payload) => to === inbox && resolve(JSON.parse(payload));
    });
    this.subscribe(inbox);
    this.socket.write(publication(subject, JSON.stringify(body), inbox));
    const told = await answer;
    if (told.error) throw new Error(`${subject}: ${told.error.description}`);
    return told;
  }

  /** From here on nothing is read but how much comes. */
  hearBytes(heard) {
    this.socket.removeAllListeners("data");
    this.socket.on("data", (chunk) => heard(chunk.length));
  }

  close() {
    this.socket.destroy();
  }

  #take(chunk) {
    let bytes = this.#held.length > 0 ? Buffer.concat([this.#held, chunk]) : chunk;
    for (;;) {
      const end = bytes.indexOf(NEWLINE);
      if (end < 0) break;
      const line = bytes.latin1Slice(0, end);
      const used = this.#line(line, bytes, end + 2);
      if (used < 0) break;
      bytes = bytes.subarray(used);
    }
    this.#held = bytes;
  }

  /** @returns where the next line begins, or -1 while a payload is incomplete */
  #line(line, bytes, at) {
    if (line.startsWith("MSG") || line.startsWith("HMSG")) return this.#message(line, bytes, at);
    if (line === "PING") this.socket.write("PONG\r\n");
    else if (line === "PONG") this.#pongs.shift()?.();
    else if (line.startsWith("-ERR")) throw new Error(line);
    return at;
  }

  #message(line, bytes, at) {
    const words = line.split(" ");
    const size = Number(words.at(-1));
    if (bytes.length < at + size + 2) return -1;
    this.heard(words[1], bytes.subarray(at, at + size));
    return at + size + 2;
  }
}

/** The bytes of one publication. */
export function publication(subject, payload, reply = "") {
  const head = `PUB ${subject} ${reply ? `${reply} ` : ""}${Buffer.byteLength(payload)}\r\n`;
  return Buffer.from(`${head}${payload}\r\n`);
}

/** The bytes of a message as the first subscription of a connection gets it. */
export function deliveryOf(subject, payload) {
  return Buffer.from(`MSG ${subject} 1 ${Buffer.byteLength(payload)}\r\n${payload}\r\n`);
}

/** A stream in a file for everything under one subject, made anew. */
export async function makeStream(connection, name, subject) {
  await connection.ask(`$JS.API.STREAM.DELETE.${name}`, {}).catch(() => {});
  const settings = { name, subjects: [subject], storage: "file", retention: "limits", num_replicas: 1 };
  await connection.ask(`$JS.API.STREAM.CREATE.${name}`, settings);
}
