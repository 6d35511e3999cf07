// Bundles the Worker into dist/index.js (or the file given), the one file that the local launcher runs.
import { build } from "esbuild";

await build({
  entryPoints: ["src/index.ts"],
  outfile: process.argv[2] ?? "dist/index.js",
  bundle: true,
  format: "esm",
  target: "es2024",
  platform: "neutral",
  mainFields: ["module", "main"],
  conditions: ["workerd", "worker", "browser"],
  external: ["cloudflare:*", "node:*"],
  sourcemap: "linked",
  logLevel: "warning",
});
