// A WebSocket client that does nothing but move bytes (RFC 6455): one mask for all, of zeros, and frames as large as given.
import { randomBytes } from "node:crypto";
import { connect } from "node:net";

const BINARY = 0x82;
const MASKED = 0x80;

/** Opens one and resolves with its bare socket, which stands still until {@link hear}. */
export function openWebSocket({ port, path, host, headers = {} }) {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true });
    const lines = [
      `GET ${path} HTTP/1.1`,
      `Host: ${host}`,
      "Upgrade: websocket",
      "Connection: Upgrade",
      "Sec-WebSocket-Version: 13",
      `Sec-WebSocket-Key: ${randomBytes(16).toString("base64")}`,
      ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    ];
    socket.once("connect", () => socket.write(`${lines.join("\r\n")}\r\n\r\n`));
    socket.once("error", reject);
    let head = Buffer.alloc(0);
    socket.on("data", function upgraded(chunk) {
      head = Buffer.concat([head, chunk]);
      const end = head.indexOf("\r\n\r\n");
      if (end < 0) return;
      socket.off("data", upgraded);
      socket.pause();
      if (!head.subarray(0, 12).includes(" 101")) reject(new Error(`no upgrade: ${head.subarray(0, 300)}`));
      if (head.length > end + 4) socket.unshift(head.subarray(end + 4));
      resolve(socket);
    });
  });
}

/** Has a reader take what comes from here on. */
export function hear(socket, reader) {
  socket.on("data", (chunk) => reader.take(chunk));
  socket.resume();
}

/** One binary message as bytes on the wire. */
export function messageOf(payload) {
  const size = payload.length;
  if (size < 126) return Buffer.concat([Buffer.from([BINARY, MASKED | size, 0, 0, 0, 0]), payload]);
  const head = Buffer.alloc(size < 65536 ? 8 : 14);
  head[0] = BINARY;
  head[1] = MASKED | (size < 65536 ? 126 : 127);
  if (size < 65536) head.writeUInt16BE(size, 2);
  else head.writeBigUInt64BE(BigInt(size), 2);
  return Buffer.concat([head, payload]);
}

/** Takes frames apart: calls `piece(bytes)` for payload as it comes, `ended()` at each frame's end. */
export class FrameReader {
  #held = Buffer.alloc(0);
  #open = 0;

  constructor(piece, ended = () => {}) {
    this.piece = piece;
    this.ended = ended;
  }

  take(chunk) {
    let bytes = this.#held.length > 0 ? Buffer.concat([this.#held, chunk]) : chunk;
    this.#held = Buffer.alloc(0);
    while (bytes.length > 0) {
      if (this.#open === 0) {
        const head = headOf(bytes);
        if (!head) {
          this.#held = bytes;
          return;
        }
        bytes = bytes.subarray(head.size);
        this.#open = head.length;
        if (head.length === 0) this.ended();
        continue;
      }
      const part = bytes.subarray(0, this.#open);
      bytes = bytes.subarray(part.length);
      this.#open -= part.length;
      this.piece(part);
      if (this.#open === 0) this.ended();
    }
  }
}

function headOf(bytes) {
  if (bytes.length < 2) return null;
  const short = bytes[1] & 0x7f;
  const size = short < 126 ? 2 : short === 126 ? 4 : 10;
  if (bytes.length < size) return null;
  if (short < 126) return { size, length: short };
  return { size, length: short === 126 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2)) };
}
