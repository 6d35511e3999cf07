// Runs the Worker's bundle in workerd on this machine: node local/edge/launch.mjs CONFIG.json
//
// CONFIG.json: {"port", "engine_socket", "persist", "vars": {…}, "images": {"manager": {"v4147": "…"}, …}, "bundle"}, and for
// a bench {"direct_port", "inspector_port", "beside": [{"name", "script", "port", "objects": {"BINDING": {"class", "of"}}}]}.
// Prints `ready http://127.0.0.1:<port>` once requests are served; ends when stdin ends, on SIGTERM and on SIGINT.
// A line `reset` on stdin has every object end and come anew, as a deploy does, while what runs in the Worker itself goes
// on; a line `deploy` takes the bundle as it lies there now. Both are printed once they are done.
import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { cellName, removeLeftovers } from "./leftovers.mjs";

const HERE = dirname(fileURLToPath(import.meta.url));
const WORKER = resolve(HERE, "../../worker");
const { convertV4MiniflareOptions, Log, LogLevel, Miniflare } = createRequire(join(WORKER, "package.json"))(
  "miniflare",
);

const NODE_CLASSES = {
  MANAGER: ["ManagerContainer", "manager"],
  INDEXER: ["IndexerContainer", "indexer"],
  DASHBOARD: ["DashboardContainer", "dashboard"],
  CERTS: ["CertsContainer", "certs"],
};
const DATABASE = "wazuh-meta";
const KEEPER_HOST = "keeper.internal";
const SWEEP_EVERY_MS = 60_000;

const config = JSON.parse(readFileSync(process.argv[2], "utf8"));
const cell = cellName(join(config.persist, "cell-name"));
const key = randomBytes(24).toString("base64url");
await removeLeftovers(config.engine_socket, cell);
const wanted = () => ({ ...convertV4MiniflareOptions(options()), resourcePersistencePath: resolve(config.persist) });
const miniflare = new Miniflare(wanted());

let ending = false;
let sweeps;
createInterface({ input: process.stdin }).on("line", obey).on("close", end);
process.on("SIGTERM", end);
process.on("SIGINT", end);

const address = await miniflare.ready;
await ask("/migrate", migrations());
sweeps = setInterval(() => sweep("* * * * *"), SWEEP_EVERY_MS);
// Nodes of an earlier session are gone; every tenant is to notice now and not at its next look.
await sweep("@reboot");
console.log(`ready http://127.0.0.1:${address.port}`);

function options() {
  return {
    host: "127.0.0.1",
    port: config.port,
    cf: false,
    log: new Log(LogLevel.WARN),
    handleStructuredLogs: ({ message }) => console.log(message),
    containerEngine: { localDocker: { socketPath: `unix://${config.engine_socket}` } },
    ...(config.inspector_port ? { inspectorPort: config.inspector_port } : {}),
    workers: [edge(), keeper(), ...(config.beside ?? []).map(beside)],
  };
}

function edge() {
  const bundle = resolve(config.bundle ?? join(WORKER, "dist/index.js"));
  return {
    ...script(cell, bundle),
    ...straight(config.direct_port),
    bindings: config.vars,
    durableObjects: objects(),
    d1Databases: { WAZUH_META: DATABASE },
    kvNamespaces: { WAZUH_CLUSTER_CONFIG: "wazuh-cluster-config" },
    r2Buckets: { ARCHIVE: "wazuh-archive" },
  };
}

function keeper() {
  const worker = script("keeper", join(HERE, "keeper.mjs"));
  return {
    ...worker,
    compatibilityFlags: [...worker.compatibilityFlags, "service_binding_extra_handlers", "unsafe_module"],
    routes: [`${KEEPER_HOST}/*`],
    bindings: { KEY: key },
    serviceBindings: { EDGE: cell },
    d1Databases: { DATABASE },
  };
}

/** A Worker that a bench holds the edge against, or asks objects by: its own, another Worker's, or (`of` "edge") the product's. */
function beside({ name, script: path, port, objects: bound = {} }) {
  const binding = ([as, { class: className, of }]) => {
    const elsewhere = of ? { scriptName: of === "edge" ? cell : of } : {};
    return [as, { className, useSQLite: true, ...elsewhere }];
  };
  const durableObjects = Object.fromEntries(Object.entries(bound).map(binding));
  return { ...script(name, resolve(path)), ...straight(port), durableObjects };
}

/** A port of the Worker's own: before the other one stands a Worker of Miniflare's that no deployment has. */
function straight(port) {
  return port ? { unsafeDirectSockets: [{ host: "127.0.0.1", port }] } : {};
}

function script(name, path) {
  const { compatibility_date, compatibility_flags } = workerConfiguration();
  return {
    name,
    modules: true,
    scriptPath: path,
    modulesRoot: dirname(path),
    compatibilityDate: compatibility_date,
    compatibilityFlags: compatibility_flags,
  };
}

function objects() {
  const nodes = Object.entries(NODE_CLASSES).map(([binding, [className, role]]) => {
    const images = Object.entries(config.images[role]).map(([name, image]) => ({ name, image }));
    return [binding, { className, useSQLite: true, container: { images } }];
  });
  return {
    TENANT: { className: "TenantObject", useSQLite: true },
    WAZUH_EVENTS: { className: "EventStream", useSQLite: true },
    FEED_BELL: { className: "FeedBell", useSQLite: true },
    ...Object.fromEntries(nodes),
  };
}

/** The deployment's own configuration, so that dates and flags are written in one place. Its comments are whole lines. */
function workerConfiguration() {
  const text = readFileSync(join(WORKER, "wrangler.jsonc"), "utf8");
  return JSON.parse(text.replaceAll(/^\s*\/\/.*$/gm, ""));
}

/** Every migration of the database with its statements, in order. */
function migrations() {
  const folder = join(WORKER, "migrations");
  const files = readdirSync(folder).filter((name) => name.endsWith(".sql"));
  return files.sort().map((name) => ({ name, statements: statementsOf(join(folder, name)) }));
}

/** The statements of a migration; ours hold no semicolon inside a text. */
function statementsOf(path) {
  const sql = readFileSync(path, "utf8").replaceAll(/^\s*--.*$/gm, "");
  return sql.split(";").filter((statement) => statement.trim() !== "");
}

/** Cloudflare's cron has no counterpart here, so the launcher has the handler called. */
async function sweep(cron) {
  await ask("/sweep", cron).catch((error) => console.error(`the sweep failed: ${error.message}`));
}

async function obey(line) {
  if (line === "reset") await ask("/reset", null);
  else if (line === "deploy") await miniflare.setOptions(wanted());
  else throw new Error(`an order that is not known: ${line}`);
  console.log(line);
}

async function ask(order, what) {
  const headers = { authorization: key };
  const request = { method: "POST", headers, body: JSON.stringify(what) };
  const answer = await miniflare.dispatchFetch(`http://${KEEPER_HOST}${order}`, request);
  if (!answer.ok) throw new Error(`${order} was answered ${answer.status}: ${await answer.text()}`);
}

async function end() {
  if (ending) return;
  ending = true;
  clearInterval(sweeps);
  await miniflare.dispose();
  process.exit(0);
}
