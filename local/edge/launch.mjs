// Runs the Worker's bundle in workerd on this machine: node local/edge/launch.mjs CONFIG.json
//
// CONFIG.json: {"port", "engine_socket", "persist", "vars": {…}, "images": {"manager": {"v4147": "…"}, …}, "bundle"}.
// Prints `ready http://127.0.0.1:<port>` once requests are served; ends when stdin ends, on SIGTERM and on SIGINT.
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { cellName, removeLeftovers } from "./leftovers.mjs";

const WORKER = resolve(dirname(fileURLToPath(import.meta.url)), "../../worker");
const { convertV4MiniflareOptions, Log, LogLevel, Miniflare } = createRequire(join(WORKER, "package.json"))("miniflare");

const NODE_CLASSES = {
  MANAGER: ["ManagerContainer", "manager"],
  INDEXER: ["IndexerContainer", "indexer"],
  DASHBOARD: ["DashboardContainer", "dashboard"],
  CERTS: ["CertsContainer", "certs"],
};
const SWEEP_EVERY_MS = 60_000;

const config = JSON.parse(readFileSync(process.argv[2], "utf8"));
const cell = cellName(join(config.persist, "cell-name"));
await removeLeftovers(config.engine_socket, cell);
const miniflare = new Miniflare({ ...convertV4MiniflareOptions(options()), resourcePersistencePath: resolve(config.persist) });

let ending = false;
let sweeps;
process.stdin.resume();
process.stdin.on("end", end);
process.on("SIGTERM", end);
process.on("SIGINT", end);

const address = await miniflare.ready;
await applyMigrations(await miniflare.getD1Database("WAZUH_META"));
sweeps = setInterval(() => sweep("* * * * *"), SWEEP_EVERY_MS);
// Nodes of an earlier session are gone; every tenant is to notice now and not at its next look.
await sweep("@reboot");
console.log(`ready http://127.0.0.1:${address.port}`);

function options() {
  const { compatibility_date, compatibility_flags } = workerConfiguration();
  const bundle = resolve(config.bundle ?? join(WORKER, "dist/index.js"));
  return {
    name: cell,
    host: "127.0.0.1",
    port: config.port,
    cf: false,
    log: new Log(LogLevel.WARN),
    handleStructuredLogs: ({ message }) => console.log(message),
    modules: true,
    scriptPath: bundle,
    modulesRoot: dirname(bundle),
    compatibilityDate: compatibility_date,
    compatibilityFlags: compatibility_flags,
    bindings: config.vars,
    durableObjects: objects(),
    d1Databases: { WAZUH_META: "wazuh-meta" },
    kvNamespaces: { WAZUH_CLUSTER_CONFIG: "wazuh-cluster-config" },
    r2Buckets: { ARCHIVE: "wazuh-archive" },
    containerEngine: { localDocker: { socketPath: `unix://${config.engine_socket}` } },
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

/** Applies what is missing, in the table that `wrangler d1 migrations apply` keeps. */
async function applyMigrations(database) {
  await database.exec(
    "CREATE TABLE IF NOT EXISTS d1_migrations (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL)",
  );
  const { results } = await database.prepare("SELECT name FROM d1_migrations").all();
  const applied = new Set(results.map((row) => row.name));
  const folder = join(WORKER, "migrations");
  const missing = readdirSync(folder).filter((name) => name.endsWith(".sql") && !applied.has(name));
  for (const name of missing.sort()) {
    const note = database.prepare("INSERT INTO d1_migrations (name) VALUES (?)").bind(name);
    await database.batch([...statementsOf(join(folder, name)).map((sql) => database.prepare(sql)), note]);
  }
}

/** The statements of a migration; ours hold no semicolon inside a text. */
function statementsOf(path) {
  const sql = readFileSync(path, "utf8").replaceAll(/^\s*--.*$/gm, "");
  return sql.split(";").filter((statement) => statement.trim() !== "");
}

/** Cloudflare's cron has no counterpart here, so the launcher calls the handler. */
async function sweep(cron) {
  try {
    const worker = await miniflare.getWorker();
    await worker.scheduled({ cron, scheduledTime: new Date() });
  } catch (error) {
    console.error(`the sweep failed: ${error.message}`);
  }
}

async function end() {
  if (ending) return;
  ending = true;
  clearInterval(sweeps);
  await miniflare.dispose();
  process.exit(0);
}
