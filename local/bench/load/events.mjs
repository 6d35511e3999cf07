// Events to many readers, and to one that comes late: the product's stream, and NATS.
import { HttpConnection, requestOf } from "./http.mjs";
import { deliveryOf, makeStream, NatsConnection, publication } from "./nats.mjs";
import { timed } from "./rates.mjs";
import { FrameReader, hear, openWebSocket } from "./websocket.mjs";

/** Batches on their way to readers at a time. */
const BATCHES_AHEAD = 4;
const NEXT = /"next":(\d+)/;
const LATEST = /"latest":(\d+)/;

/** Live readers of the product's stream. `append` is a request that appends `batch` events. @returns deliveries a second */
export async function fanOut({ edge, probe, append, subscribers, batch, batches }) {
  const readers = await productReaders(edge, subscribers);
  const publish = await productPublisher(probe, append);
  return fannedOut(readers, publish, { subscribers, batch, batches });
}

/** The same of NATS core: nothing is kept. */
export async function fanOutOfNats({ port, event, subscribers, batch, batches }) {
  const readers = await natsReaders(port, event, subscribers);
  const publish = await natsPublisher(port, event, batch);
  return fannedOut(readers, publish, { subscribers, batch, batches });
}

/** One event at a steady pace. @returns the 99th percentile in milliseconds from the call to a reader */
export async function lag({ edge, probe, append, subscribers, batches, everyMs }) {
  const readers = await productReaders(edge, subscribers);
  const publish = await productPublisher(probe, append);
  const times = [];
  for (let number = 0; number < batches; number++) {
    const pause = new Promise((resolve) => setTimeout(resolve, everyMs));
    const began = performance.now();
    let missing = readers.seen.length;
    const all = new Promise((resolve) => {
      readers.heard = () => {
        times.push(performance.now() - began);
        if (--missing === 0) resolve();
      };
    });
    await Promise.all([publish.send(), all, pause]);
  }
  close(readers, publish);
  return { figure: times.sort((a, b) => a - b)[Math.floor(times.length * 0.99)] };
}

async function fannedOut(readers, publish, { subscribers, batch, batches }) {
  const total = batches * batch;
  let published = 0;
  let slowest;
  const enough = () => {
    slowest = Math.min(...readers.seen);
    return slowest >= total;
  };
  const seconds = await timed(
    () =>
      new Promise((resolve, reject) => {
        const go = () => {
          if (enough()) return resolve();
          for (; published < batches && published * batch - slowest < BATCHES_AHEAD * batch; published++)
            publish.send().catch(reject);
        };
        readers.heard = go;
        go();
      }),
  );
  close(readers, publish);
  return { figure: (total * subscribers) / seconds };
}

function close(readers, publish) {
  for (const socket of readers.sockets) socket.destroy();
  publish.close();
}

/** @returns readers with how many events each has seen; `heard` is called whenever one sees more. */
async function productReaders({ port, host, token }, subscribers) {
  const headers = { authorization: `Bearer ${token}` };
  const readers = { seen: new Array(subscribers).fill(0), sockets: [], heard: () => {} };
  const latest = await latestOf({ port, host, token });
  const path = `/api/events?after=${latest}`;
  for (let number = 0; number < subscribers; number++) {
    const socket = await openWebSocket({ port, path, host, headers });
    let tail = "";
    const reader = new FrameReader(
      (part) => {
        tail = (tail + part.latin1Slice(Math.max(0, part.length - 120))).slice(-120);
      },
      () => {
        readers.seen[number] = Number(NEXT.exec(tail)[1]) - latest;
        tail = "";
        readers.heard();
      },
    );
    hear(socket, reader);
    readers.sockets.push(socket);
  }
  return readers;
}

async function latestOf({ port, host, token }) {
  const connection = await HttpConnection.open(port);
  const headers = { authorization: `Bearer ${token}` };
  const page = await connection.ask(requestOf({ path: "/api/events?after=0&limit=1", host, headers }));
  connection.close();
  return Number(LATEST.exec(page.subarray(-120).latin1Slice())[1]);
}

async function productPublisher({ port }, append) {
  const open = await Promise.all(Array.from({ length: BATCHES_AHEAD }, () => HttpConnection.open(port)));
  const bytes = requestOf(append);
  return {
    async send() {
      // Readers may have a batch before its sender has the answer.
      const connection = open.pop() ?? (await HttpConnection.open(port));
      await connection.ask(bytes);
      open.push(connection);
    },
    close: () => open.forEach((connection) => connection.close()),
  };
}

/** All messages are equal, so they are told by their bytes: taking each apart would measure this driver. */
async function natsReaders(port, event, subscribers) {
  const length = deliveryOf("fan", event).length;
  const readers = { seen: new Array(subscribers).fill(0), sockets: [], heard: () => {} };
  for (let number = 0; number < subscribers; number++) {
    const connection = await NatsConnection.open(port);
    connection.subscribe("fan");
    await connection.flushed();
    let bytes = 0;
    connection.hearBytes((count) => {
      bytes += count;
      readers.seen[number] = Math.floor(bytes / length);
      readers.heard();
    });
    readers.sockets.push(connection.socket);
  }
  return readers;
}

async function natsPublisher(port, event, batch) {
  const connection = await NatsConnection.open(port);
  const bytes = Buffer.concat(Array.from({ length: batch }, () => publication("fan", event)));
  return {
    async send() {
      connection.socket.write(bytes);
    },
    close: () => connection.close(),
  };
}

/** Reads the product's stream page by page, or one kind of it. @returns events passed a second */
export async function replay({ edge, after, limit, kind }) {
  const { port, host, token } = edge;
  const connection = await HttpConnection.open(port);
  const headers = { authorization: `Bearer ${token}` };
  const only = kind ? `&kind=${kind}` : "";
  let position = after;
  const seconds = await timed(async () => {
    for (let latest = after + 1; position < latest; ) {
      const page = await connection.ask(
        requestOf({ path: `/api/events?after=${position}&limit=${limit}${only}`, host, headers }),
      );
      const tail = page.subarray(-120).latin1Slice();
      position = Number(NEXT.exec(tail)[1]);
      latest = Number(LATEST.exec(tail)[1]);
    }
  });
  connection.close();
  return { figure: (position - after) / seconds };
}

/** Puts events into a JetStream stream, for {@link replayOfNats}. */
export async function fillNats({ port, event, count }) {
  const connection = await NatsConnection.open(port);
  await makeStream(connection, "REPLAY", "replay");
  const one = publication("replay", event);
  const many = Buffer.concat(Array.from({ length: 500 }, () => one));
  for (let left = count; left > 0; left -= 500) {
    connection.socket.write(many);
    await connection.flushed();
  }
  connection.close();
  return { figure: count };
}

/** A consumer without acknowledgements that gets the whole stream pushed. @returns events a second */
export async function replayOfNats({ port, count }) {
  const connection = await NatsConnection.open(port);
  const config = { deliver_subject: "replayed", ack_policy: "none", deliver_policy: "all", replay_policy: "instant" };
  const seconds = await timed(async () => {
    let left = count;
    connection.subscribe("replayed");
    const asked = connection.ask("$JS.API.CONSUMER.CREATE.REPLAY", { stream_name: "REPLAY", config });
    const answered = connection.heard;
    await new Promise((resolve, reject) => {
      connection.heard = (subject, payload) => {
        // What is pushed keeps the subject that it was published under.
        if (subject !== "replay") answered(subject, payload);
        else if (--left === 0) resolve();
      };
      asked.catch(reject);
    });
  });
  connection.close();
  return { figure: count / seconds };
}
