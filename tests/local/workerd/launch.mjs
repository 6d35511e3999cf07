// Runs worker.mjs on workerd against the engine at the socket given; prints the port, ends when stdin ends.
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const require = createRequire(join(here, "../../../worker/package.json"));
const { Log, LogLevel, Miniflare, convertV4MiniflareOptions } = require("miniflare");

const miniflare = new Miniflare(
  convertV4MiniflareOptions({
    port: 0,
    host: "127.0.0.1",
    cf: false,
    log: new Log(LogLevel.WARN),
    containerEngine: {
      localDocker: { socketPath: `unix://${process.argv[2]}`, containerEgressInterceptorImage: "local/proxy-everything:1" },
    },
    name: "engine-probe",
    modules: true,
    scriptPath: join(here, "worker.mjs"),
    compatibilityDate: "2026-11-01",
    compatibilityFlags: ["nodejs_compat"],
    durableObjects: {
      NODE: {
        className: "Node",
        useSQLite: true,
        container: {
          images: [
            { name: "v4147", image: "wazuh/wazuh-indexer:4.14.7" },
            { name: "manager", image: "wazuh/wazuh-manager:4.14.7" },
            { name: "v4147exits", image: "wazuh/wazuh-indexer:4.14.7-exits" },
          ],
        },
      },
    },
  }),
);
console.log((await miniflare.ready).port);
process.stdin.resume();
process.stdin.on("end", async () => {
  await miniflare.dispose();
  process.exit(0);
});
