// Writes the runtime's types (types/runtime.d.ts) when the configuration or the pinned wrangler is newer than they are.
import { spawnSync } from "node:child_process";
import { existsSync, statSync } from "node:fs";

const output = "types/runtime.d.ts";
const inputs = ["wrangler.jsonc", "package-lock.json"];

const age = (path) => statSync(path).mtimeMs;
if (!existsSync(output) || inputs.some((path) => age(path) > age(output))) {
  const run = spawnSync(
    process.execPath,
    ["node_modules/wrangler/bin/wrangler.js", "types", "--include-env=false", output],
    { encoding: "utf8", env: { ...process.env, CI: "1", WRANGLER_SEND_METRICS: "false" } },
  );
  if (run.status !== 0) {
    process.stderr.write(`${run.stdout}${run.stderr}`);
    process.exit(run.status ?? 1);
  }
}
