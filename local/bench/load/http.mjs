// HTTP/1.1 as a load driver needs it: keep-alive connections with one request under way on each.
import { connect } from "node:net";

const HEAD_END = Buffer.from("\r\n\r\n");
const LENGTH = /\r\ncontent-length: *(\d+)/i;

/** @returns the bytes of a request; `host` is what the server is to believe it is asked as. */
export function requestOf({ method = "GET", path, host, headers = {}, body = "" }) {
  const lines = [`${method} ${path} HTTP/1.1`, `Host: ${host}`];
  for (const [name, value] of Object.entries(headers)) lines.push(`${name}: ${value}`);
  if (body) lines.push(`Content-Length: ${Buffer.byteLength(body)}`);
  return Buffer.from(`${lines.join("\r\n")}\r\n\r\n${body}`);
}

/** One connection. `ask(bytes)` resolves with the body of the answer; one of another status than expected rejects. */
export class HttpConnection {
  #held = [];
  #size = 0;
  #need = 0;
  #head = null;
  #settle = null;

  static open(port, expected = 200) {
    return new Promise((resolve, reject) => {
      const socket = connect({ port, host: "127.0.0.1", noDelay: true });
      socket.once("connect", () => resolve(new HttpConnection(socket, expected)));
      socket.once("error", reject);
    });
  }

  constructor(socket, expected) {
    this.socket = socket;
    this.expected = expected;
    socket.on("data", (chunk) => this.#take(chunk));
    socket.on("close", () => this.#settle?.reject(new Error("the server closed the connection")));
    socket.on("error", (error) => this.#settle?.reject(error));
  }

  ask(bytes) {
    return new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
      this.socket.write(bytes);
    });
  }

  close() {
    this.#settle = null;
    this.socket.destroy();
  }

  #take(chunk) {
    this.#held.push(chunk);
    this.#size += chunk.length;
    if (this.#size < this.#need) return;
    const all = this.#held.length === 1 ? this.#held[0] : Buffer.concat(this.#held);
    this.#held = [all];
    this.#head ??= headOf(all);
    if (!this.#head) return;
    this.#need = this.#head.bodyAt + this.#head.length;
    if (all.length >= this.#need) this.#answer(all);
  }

  #answer(all) {
    const { status, bodyAt } = this.#head;
    const body = all.subarray(bodyAt, this.#need);
    [this.#held, this.#size, this.#need, this.#head] = [[], 0, 0, null];
    const { resolve, reject } = this.#settle;
    this.#settle = null;
    if (status === this.expected) resolve(body);
    else reject(new Error(`answered ${status}: ${body.subarray(0, 300)}`));
  }
}

function headOf(bytes) {
  const end = bytes.indexOf(HEAD_END);
  if (end < 0) return null;
  const head = bytes.latin1Slice(0, end);
  const length = LENGTH.exec(head)?.[1];
  if (length === undefined) throw new Error(`an answer without a length: ${head}`);
  return { status: Number(head.slice(9, 12)), bodyAt: end + HEAD_END.length, length: Number(length) };
}
