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
export async function carried(socket: Socket, upstream: Socket): Promise<void> {
  await announce(socket, OPEN);
  const up = socket.readable.pipeTo(upstream.writable);
  // Closing a socket whose writable was closed before it fails inside the runtime; `close` flushes by itself.
  const down = upstream.readable.pipeTo(socket.writable, { preventClose: true });
  // `closed` notices whoever leaves while the other side takes nothing and a write to it is stuck.
  const ends = [up, down, socket.closed];
  for (const end of ends) end.catch(ignoreClosed);
  await Promise.race(ends);
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
