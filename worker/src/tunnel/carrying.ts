/** What byte streams between the Worker and node objects have in common, whoever speaks on them. */
import { ignoreClosed } from "./closing";

/** A node's byte-stream port, as the container runtime gives it. */
export interface DialedPort {
  connect(address: string): Socket;
}

/** First byte of a dialled stream: the node took the connection. */
const OPEN = 1;
/** First byte of a dialled stream: it did not; the stream ends. */
const REFUSED = 0;
const OPEN_PATIENCE_MS = 10_000;

/** A connection to a port of the container; null where nothing listens or answers there. */
export async function dialed(port: DialedPort | null, address: string): Promise<Socket | null> {
  const upstream = port?.connect(address);
  if (!upstream) return null;
  const patience = setTimeout(() => upstream.close().catch(ignoreClosed), OPEN_PATIENCE_MS);
  const opened = await upstream.opened.then(
    () => true,
    () => false,
  );
  clearTimeout(patience);
  return opened ? upstream : null;
}

/** Says that the node took the connection, then carries bytes both ways until either side ends. */
export function carried(socket: Socket, upstream: Socket): Promise<void> {
  // Closing a socket whose writable was closed before it fails inside the runtime; `close` flushes by itself.
  return untilEnd(socket, () => [
    socket.readable.pipeTo(upstream.writable),
    upstream.readable.pipeTo(socket.writable, { preventClose: true }),
  ]);
}

/** Which way bytes go: up is from whoever dialled to the node. */
export type Way = "up" | "down";

/** What an object wants to know of what it carries, and how much of it it has room for. */
export interface Tally {
  /** Called with the length of every piece that was carried. */
  count(way: Way, bytes: number): void;
  /** How many bytes one way of one connection may take up at most. */
  most(): number;
}

/** As {@link carried}, and says of every piece how long it was. */
export function carriedAndCounted(socket: Socket, upstream: Socket, tally: Tally): Promise<void> {
  return untilEnd(socket, () => [
    pumped(socket.readable, upstream.writable, "up", tally),
    pumped(upstream.readable, socket.writable, "down", tally),
  ]);
}

async function untilEnd(socket: Socket, begin: () => Promise<void>[]): Promise<void> {
  await announce(socket, OPEN);
  // `closed` notices whoever leaves while the other side takes nothing and a write to it is stuck.
  const ends = [...begin(), socket.closed];
  for (const end of ends) end.catch(ignoreClosed);
  await Promise.race(ends);
}

/** An object has two reads under way for each of its connections, most of them idle. */
const IDLE_READ_BYTES = 4 * 1024;
const LARGEST_READ_BYTES = 256 * 1024;
/** What all of them may take up together; an object has 128 MB. */
const ALL_READS_BYTES = 32 * 1024 * 1024;

/** How much each way of each connection of an object may take up at most, by how many connections there are. */
export function mostOf(connections: number): number {
  const share = Math.floor(ALL_READS_BYTES / (2 * Math.max(1, connections)));
  return Math.max(IDLE_READ_BYTES, Math.min(LARGEST_READ_BYTES, share));
}

/** The runtime's own `pipeTo` tells nobody how much it carried. Reads grow as long as they come back full. */
async function pumped(from: ReadableStream, to: WritableStream, way: Way, tally: Tally): Promise<void> {
  const reader = from.getReader({ mode: "byob" });
  const writer = to.getWriter();
  for (let buffer = new ArrayBuffer(IDLE_READ_BYTES); ; ) {
    const { value, done } = await reader.read(new Uint8Array(buffer));
    if (done) return;
    tally.count(way, value.byteLength);
    await writer.write(value);
    const size = nextSize(value.byteLength, value.buffer.byteLength, tally.most());
    buffer = size === value.buffer.byteLength ? value.buffer : new ArrayBuffer(size);
  }
}

/**
 * How much to read next, after a read of so many bytes into so much room.
 *
 * Frames in a row find room for a whole one each; a keepalive after them lets go of it.
 */
export function nextSize(read: number, room: number, most: number): number {
  if (read === room) return Math.min(4 * room, most);
  return read > room / 4 ? Math.min(room, most) : IDLE_READ_BYTES;
}

/** Says that the node did not take it, and closes. */
export async function refuse(socket: Socket): Promise<void> {
  await announce(socket, REFUSED);
  await socket.close();
}

async function announce(socket: Socket, byte: number): Promise<void> {
  const writer = socket.writable.getWriter();
  await writer.write(new Uint8Array([byte]));
  writer.releaseLock();
}

/** For whoever dialled a node's object: whether the node took the connection. One that it did not take is closed. */
export async function isTaken(dialled: Socket): Promise<boolean> {
  const reader = dialled.readable.getReader({ mode: "byob" });
  try {
    const { value } = await reader.read(new Uint8Array(1));
    if (value?.[0] === OPEN) return true;
  } catch {
    // The node's object refused or went away; the caller says so.
  } finally {
    reader.releaseLock();
  }
  dialled.close().catch(ignoreClosed);
  return false;
}
