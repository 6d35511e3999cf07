// One connection of an agent to a peer in the manager's place: up, down, there and back. The peer is told what to do by the
// first frame, and both the product and the references carry the same bytes.
import { timed } from "./rates.mjs";
import { FrameReader, hear, messageOf, openWebSocket } from "./websocket.mjs";

const MIB = 1024 * 1024;
/** What may be under way upwards: the edge ends a connection that has more than 1 MiB unsent. */
const WINDOW = 512 * 1024;
const FRAME_BYTES = 60_000;
const ROUND_TRIP_BYTES = 300;
const GIB = 1024 * MIB;

/** @returns MiB a second that the peer took; it says how many bytes it has. */
export async function up({ target, agent, mib }) {
  const total = Math.ceil((mib * MIB) / FRAME_BYTES) * FRAME_BYTES;
  const socket = await begin(target, agent, "U", total);
  const message = messageOf(frame(agent, FRAME_BYTES));
  const seconds = await timed(
    () =>
      new Promise((resolve, reject) => {
        let sent = 0;
        const send = () => {
          for (; sent < total && sent - taken.bytes < WINDOW; sent += FRAME_BYTES) socket.write(message);
        };
        const taken = counted((bytes) => (bytes >= total ? resolve() : send()));
        const reader = new FrameReader(taken.piece);
        hear(socket, reader);
        failing(socket, reject);
        send();
      }),
  );
  socket.destroy();
  return { figure: mib / seconds };
}

/** The peer's tellings: 8 bytes little-endian, how many it has by now. */
function counted(told) {
  let held = Buffer.alloc(0);
  const taken = {
    bytes: 0,
    piece(part) {
      held = held.length > 0 ? Buffer.concat([held, part]) : part;
      const whole = held.length - (held.length % 8);
      if (whole === 0) return;
      taken.bytes = Number(held.readBigUInt64LE(whole - 8));
      held = Buffer.from(held.subarray(whole));
      told(taken.bytes);
    },
  };
  return taken;
}

/** @returns MiB a second that came from the peer. */
export async function down({ target, agent, mib }) {
  const socket = await begin(target, agent, "D", mib * MIB);
  const seconds = await timed(
    () =>
      new Promise((resolve, reject) => {
        let left = mib * MIB;
        const reader = new FrameReader((part) => {
          left -= part.length;
          if (left <= 0) resolve();
        });
        hear(socket, reader);
        failing(socket, reject);
      }),
  );
  socket.destroy();
  return { figure: mib / seconds };
}

/** @returns the median round trip in microseconds, of frames as agents send them. */
export async function roundTrip({ target, agent, count }) {
  const socket = await begin(target, agent, "E", 0);
  const message = messageOf(frame(agent, ROUND_TRIP_BYTES));
  let back;
  let left = 0;
  const reader = new FrameReader((part) => {
    left -= part.length;
    if (left === 0) back();
  });
  hear(socket, reader);
  const times = [];
  for (let number = 0; number < count; number++) {
    left = ROUND_TRIP_BYTES;
    const answer = new Promise((resolve) => {
      back = resolve;
    });
    times.push(
      await timed(() => {
        socket.write(message);
        return answer;
      }),
    );
  }
  socket.destroy();
  return { figure: times.sort((a, b) => a - b)[times.length >> 1] * 1e6 };
}

/** Offers each peer, which reads nothing, 1 GiB as fast as it goes, and heeds no close. @returns MiB that left, in all */
export async function offer({ target, agents }) {
  const each = await Promise.all(agents.map((agent) => offered(target, agent)));
  return { figure: each.reduce((sum, bytes) => sum + bytes, 0) / MIB };
}

async function offered(target, agent) {
  const socket = await begin(target, agent, "S", 0);
  const message = messageOf(frame(agent, FRAME_BYTES));
  let sent = 0;
  socket.resume();
  await new Promise((resolve) => {
    const send = () => {
      for (; sent < GIB; sent += message.length) if (!socket.write(message)) return;
      resolve();
    };
    socket.on("drain", send);
    socket.on("error", resolve);
    socket.on("close", resolve);
    send();
  });
  sent = socket.bytesWritten;
  socket.destroy();
  return sent;
}

/** Has each peer send 1 GIB and takes nothing of it for a while. */
export async function ignore({ target, agents, seconds }) {
  const open = await Promise.all(agents.map((agent) => begin(target, agent, "D", GIB)));
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  for (const socket of open) socket.destroy();
  return { figure: open.length };
}

async function begin(target, agent, act, amount) {
  const headers = target.agents ? target.agents[agent] : {};
  const path = target.path ?? "/";
  const socket = await openWebSocket({ port: target.port, path, host: target.host, headers });
  const order = Buffer.concat([Buffer.from(act), Buffer.from(String(amount).padStart(16, "0"))]);
  socket.write(messageOf(framed(agent, order)));
  return socket;
}

/** A frame of the agent channel of just this many bytes. */
function frame(agent, bytes) {
  const prefix = `!${agent}!#AES:`.length;
  return framed(agent, Buffer.alloc(bytes - 4 - prefix));
}

function framed(agent, payload) {
  const head = Buffer.from(`!${agent}!#AES:`);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(head.length + payload.length);
  return Buffer.concat([length, head, payload]);
}

function failing(socket, reject) {
  socket.on("error", reject);
  socket.on("close", () => reject(new Error("the connection was closed")));
}
