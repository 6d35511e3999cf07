// How many requests a second, over keep-alive connections with one request under way on each.
import { HttpConnection, requestOf } from "./http.mjs";
import { makeStream, NatsConnection, publication } from "./nats.mjs";

/** @returns requests a second. `count` of them in all, over `connections`; of several `requests` each comes in turn. */
export async function requests({ port, request, requests = [request], count, connections, expected }) {
  const next = turns(requests);
  const open = await Promise.all(Array.from({ length: connections }, () => HttpConnection.open(port, expected)));
  const seconds = await timed(() => shared(count, open, (connection) => connection.ask(next())));
  for (const connection of open) connection.close();
  return { figure: count / seconds };
}

/** @returns seconds below which `part` of the requests were answered, asked one after the other over one connection. */
export async function latency({ port, requests, count, part, expected }) {
  const next = turns(requests);
  const connection = await HttpConnection.open(port, expected);
  const taken = [];
  for (let asked = 0; asked < count; asked++) taken.push(await timed(() => connection.ask(next())));
  connection.close();
  return { figure: taken.sort((one, other) => one - other)[Math.ceil(part * count) - 1] };
}

/** @returns a function that gives the bytes of one request after the other, over and over. */
function turns(requests) {
  const bytes = requests.map(requestOf);
  let turn = 0;
  return () => bytes[turn++ % bytes.length];
}

/** @returns seconds for one request. */
export async function request({ port, request: asked }) {
  const connection = await HttpConnection.open(port);
  const bytes = requestOf(asked);
  const seconds = await timed(() => connection.ask(bytes));
  connection.close();
  return { figure: seconds };
}

/** Publications into a JetStream stream, each connection waiting for the acknowledgement of its last one. */
export async function publishSingly({ port, event, count, connections }) {
  const open = await Promise.all(Array.from({ length: connections }, () => NatsConnection.open(port)));
  await makeStream(open[0], "SINGLY", "singly");
  const ask = open.map((connection, number) => asker(connection, `_INBOX.single${number}`, event));
  const seconds = await timed(() => shared(count, ask, (publish) => publish()));
  for (const connection of open) connection.close();
  return { figure: count / seconds };
}

function asker(connection, inbox, event) {
  const bytes = publication("singly", event, inbox);
  let acknowledged;
  connection.subscribe(inbox);
  connection.heard = (_subject, payload) => acknowledged(payload);
  return async () => {
    const answer = new Promise((resolve) => {
      acknowledged = resolve;
    });
    connection.socket.write(bytes);
    refuseErrors(await answer);
  };
}

/** Publications into a JetStream stream over one connection, with `window` of them not yet acknowledged. */
export async function publishAhead({ port, event, count, window }) {
  const connection = await NatsConnection.open(port);
  await makeStream(connection, "AHEAD", "ahead");
  const inbox = "_INBOX.ahead";
  const bytes = publication("ahead", event, inbox);
  connection.subscribe(inbox);
  const seconds = await timed(
    () =>
      new Promise((resolve) => {
        let sent = 0;
        let acknowledged = 0;
        const send = (much) => {
          const ready = Math.min(much, count - sent);
          sent += ready;
          if (ready > 0) connection.socket.write(Buffer.concat(Array.from({ length: ready }, () => bytes)));
        };
        connection.heard = (_subject, payload) => {
          refuseErrors(payload);
          acknowledged += 1;
          if (acknowledged === count) resolve();
          // A client's library writes what its caller has ready at once; a write each would measure the system's calls.
          else if (sent - acknowledged <= window / 2) send(window - (sent - acknowledged));
        };
        send(window);
      }),
  );
  connection.close();
  return { figure: count / seconds };
}

function refuseErrors(payload) {
  if (payload.includes('"error"')) throw new Error(`JetStream: ${payload}`);
}

/** Has every worker call as long as there is something left of `count`. */
async function shared(count, workers, call) {
  let left = count;
  const work = async (worker) => {
    while (left-- > 0) await call(worker);
  };
  await Promise.all(workers.map(work));
}

export async function timed(work) {
  const began = process.hrtime.bigint();
  await work();
  return Number(process.hrtime.bigint() - began) / 1e9;
}
