// Writes contracts/edge-api.json from the routes' schemas; with --check only compares and fails on a difference.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";

const CONTRACT = resolve("../contracts/edge-api.json");
const BUNDLE = resolve("node_modules/.cache/contract.mjs");

// Routes only describe themselves here; the runtime's own module is never called.
const runtime = {
  name: "runtime",
  setup(bundle) {
    bundle.onResolve({ filter: /^cloudflare:/ }, () => ({ path: "runtime", namespace: "runtime" }));
    bundle.onLoad({ filter: /.*/, namespace: "runtime" }, () => ({
      contents: "export class DurableObject {} export class WorkerEntrypoint {} export class RpcTarget {}",
    }));
  },
};

mkdirSync(dirname(BUNDLE), { recursive: true });
await build({
  entryPoints: ["src/app.ts"],
  outfile: BUNDLE,
  bundle: true,
  format: "esm",
  platform: "node",
  logLevel: "warning",
  plugins: [runtime],
});
const { createApiApp } = await import(pathToFileURL(BUNDLE).href);
rmSync(BUNDLE);

const document = createApiApp().getOpenAPI31Document({
  openapi: "3.1.0",
  info: {
    title: "Edge API",
    version: "1",
    description:
      "What one cell of the edge offers to the control plane, installers and operators. Generated; never edited.",
  },
});
const text = `${JSON.stringify(document, null, 2)}\n`;

if (process.argv.includes("--check")) {
  if (read(CONTRACT) !== text) {
    process.stderr.write("contracts/edge-api.json does not match the routes; run `npm run contract` in worker/.\n");
    process.exit(1);
  }
} else {
  mkdirSync(dirname(CONTRACT), { recursive: true });
  writeFileSync(CONTRACT, text);
}

function read(path) {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null;
  }
}
