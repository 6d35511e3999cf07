// Bundles the Worker into dist/index.js, the one file that the local launcher and the tests of the whole stack run.
import { build } from "esbuild";

await build({
  entryPoints: ["src/index.ts"],
  outfile: "dist/index.js",
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
