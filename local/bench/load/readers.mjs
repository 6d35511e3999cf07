// Readers of the product's event stream that stand still: they open, and take nothing of what they are sent.
import { connect } from "node:net";
import { requestOf } from "./http.mjs";
import { openWebSocket } from "./websocket.mjs";

const PATH = "/api/events?after=0";
const OPEN = { events: openStream, websocket: openSocket };

/**
 * So many readers from the stream's start on, as `way` says ("events" for Server-Sent Events, "websocket"), for a while.
 * @returns how many of them were let go meanwhile
 */
export async function standStill({ edge, way, readers, seconds }) {
  const sockets = await Promise.all(Array.from({ length: readers }, () => OPEN[way](edge)));
  let gone = 0;
  for (const socket of sockets) {
    socket.on("close", () => gone++);
    socket.on("error", () => {});
  }
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  // Whoever reads again finds what the system held, and the end of a connection that was let go.
  for (const socket of sockets) socket.resume();
  await new Promise((resolve) => setTimeout(resolve, 1000));
  const figure = gone;
  for (const socket of sockets) socket.destroy();
  return { figure };
}

function openSocket({ port, host, token }) {
  return openWebSocket({ port, path: PATH, host, headers: { authorization: `Bearer ${token}` } });
}

/** Resolves with the bare socket once the answer has begun. */
function openStream({ port, host, token }) {
  const headers = { authorization: `Bearer ${token}`, accept: "text/event-stream" };
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1" });
    socket.once("error", reject);
    socket.once("connect", () => socket.write(requestOf({ path: PATH, host, headers })));
    socket.once("data", (first) => {
      socket.pause();
      if (first.includes(" 200 ")) resolve(socket);
      else reject(new Error(`not followed: ${first.subarray(0, 300)}`));
    });
  });
}
