// Runs the tests inside workerd. The keys are made anew for every run.
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { cloudflareTest, readD1Migrations } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";

// Two keys of each door, as while one takes the other's place.
const signers = ["control", "control-next", "access", "access-next", "stranger"].map((name) => {
  const pair = generateKeyPairSync("ed25519");
  return {
    kid: `test-${name}`,
    name,
    door: name.replace("-next", ""),
    public: pair.publicKey,
    private: pair.privateKey,
  };
});

const bindings = {
  ENVIRONMENT: "test",
  CELL_ID: "lo",
  RUNTIME: "stand-in",
  PORTAL_ORIGIN: "http://portal.test",
  API_HOSTS: "edge.test",
  DASHBOARD_ZONE: "dashboards.test",
  PUBLIC_URL: "http://edge.test",
  VERSIONS: { "4.14.7": "v4147", "4.14.6": "v4146", "4.14.8": "v4148", "4.20.0": "v4200", "5.0.0-rc": "v500rc" },
  ACCESS_ISSUER: "https://team.cloudflareaccess.com",
  ACCESS_AUDIENCE: "aud-of-the-operators",
  // So few that a test can use them up.
  RATE_LIMITS: {
    ...{ enroll_per_token: 250, events_per_tenant: 200, codes_per_tenant: 120, sessions_per_tenant: 100 },
    tunnel_per_agent: 60,
  },
  CELL_ID_KEY: randomBytes(32).toString("hex"),
  DATA_KEYS: {
    current: "test",
    keys: { test: randomBytes(32).toString("base64"), retired: randomBytes(32).toString("base64") },
  },
  CONTROL_KEYS: signers
    .filter(({ door }) => door !== "stranger")
    .map(({ kid, door, public: key }) => ({ kid, door, jwk: key.export({ format: "jwk" }) })),
  TEST_SIGNING_KEYS: Object.fromEntries(
    signers.map(({ kid, name, private: key }) => [name, { kid, jwk: key.export({ format: "jwk" }) }]),
  ),
};

export default defineConfig(async () => ({
  plugins: [
    cloudflareTest({
      main: "./test/support/worker.ts",
      wrangler: { configPath: "./wrangler.jsonc" },
      miniflare: { cf: false, bindings: { ...bindings, TEST_MIGRATIONS: await readD1Migrations("migrations") } },
    }),
  ],
  test: {
    include: ["test/**/*.test.ts"],
    setupFiles: ["test/support/setup.ts"],
    testTimeout: 60_000,
    // Left alone, vitest keeps one processor for watching files.
    maxWorkers: "100%",
    silent: "passed-only",
  },
}));
