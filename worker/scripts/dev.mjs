// `npm run dev [-- FOLDER]`: the Worker under `wrangler dev`, on settings of this machine and keys that its first run makes.
// Without containers: their images lie in an account's registry. Tenants start nodes under `make run`, which brings an engine.
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const WORKER = join(dirname(fileURLToPath(import.meta.url)), "..");
const FOLDER = resolve(process.argv[2] ?? join(WORKER, "../.local/wrangler"));
const KEYS = join(FOLDER, "keys.env");
const PORT = process.env.PORT ?? "8787";
const SETTINGS = {
  ENVIRONMENT: "local",
  CELL_ID: "lo",
  RUNTIME: "stand-in",
  PORTAL_ORIGIN: "http://localhost:8000",
  API_HOSTS: `localhost:${PORT},127.0.0.1:${PORT}`,
  DASHBOARD_ZONE: `localhost:${PORT}`,
  PUBLIC_URL: `http://localhost:${PORT}`,
};

mkdirSync(FOLDER, { recursive: true, mode: 0o700 });
if (!existsSync(KEYS)) writeFileSync(KEYS, keys(), { mode: 0o600, flag: "wx" });
await run("d1", "migrations", "apply", "wazuh-meta", "--local");
const settings = Object.entries(SETTINGS).flatMap(([name, value]) => ["--var", `${name}:${value}`]);
process.exit(await run("dev", "--port", PORT, "--enable-containers=false", "--env-file", KEYS, ...settings));

function keys() {
  const dataKeys = { current: "local-1", keys: { "local-1": randomBytes(32).toString("base64") } };
  return `CELL_ID_KEY='${randomBytes(32).toString("hex")}'\nDATA_KEYS='${JSON.stringify(dataKeys)}'\n`;
}

function run(...command) {
  const env = { ...process.env, WRANGLER_SEND_METRICS: "false" };
  const wrangler = join(WORKER, "node_modules/wrangler/bin/wrangler.js");
  // Not by its own first line: the pinned Node runs it, whatever the machine has.
  const child = spawn(process.execPath, [wrangler, ...command, "--persist-to", FOLDER], {
    cwd: WORKER,
    env,
    stdio: "inherit",
  });
  process.once("SIGTERM", () => child.kill("SIGTERM"));
  return new Promise((resolve) => child.on("exit", (code) => resolve(code ?? 1)));
}
