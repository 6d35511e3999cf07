/** Puts doors and routes together: first the front (host, path, size), then one file a door. */
import { OpenAPIHono } from "@hono/zod-openapi";
import { controlDoor } from "./auth/control";
import { operatorDoor } from "./auth/operator";
import { API_BOUNDS, DASHBOARD_BOUNDS } from "./bounds";
import { type AppEnv, type EdgeApp, invalidRequest, refuseUnknownRoute, renderError } from "./edge_app";
import { apiFront, dashboardFront } from "./front";
import * as access from "./routes/access";
import * as agentOrders from "./routes/agent_orders";
import * as agents from "./routes/agents";
import * as backups from "./routes/backups";
import * as certs from "./routes/certs";
import * as changes from "./routes/changes";
import * as content from "./routes/content";
import * as credentials from "./routes/credentials";
import * as dashboard from "./routes/dashboard";
import * as enroll from "./routes/enroll";
import * as events from "./routes/events";
import * as exports from "./routes/exports";
import * as health from "./routes/health";
import * as keys from "./routes/keys";
import * as operators from "./routes/operators";
import * as portalTrail from "./routes/portal_trail";
import * as rawEnrollment from "./routes/raw_enrollment";
import * as receipts from "./routes/receipts";
import * as rehydrations from "./routes/rehydrations";
import * as sleep from "./routes/sleep";
import * as tenants from "./routes/tenants";
import * as tokens from "./routes/tokens";
import * as usage from "./routes/usage";
import * as wazuh from "./routes/wazuh";

/** Every routes file registers its full paths on the API hosts. */
const MOUNTS = [
  health.mount,
  tenants.mount,
  certs.mount,
  sleep.mount,
  portalTrail.mount,
  credentials.mount,
  content.mount,
  changes.mount,
  keys.mount,
  backups.mount,
  rehydrations.mount,
  exports.mount,
  receipts.mount,
  usage.mount,
  tokens.mount,
  agentOrders.mount,
  access.mount,
  operators.mount,
  enroll.mount,
  agents.mount,
  rawEnrollment.mount,
  wazuh.mount,
  events.mount,
  dashboard.mount,
];

/** The app of the API hosts: control plane, installers, agents, operators. */
export function createApiApp(bounds = API_BOUNDS): EdgeApp {
  const app = bareApp();
  app.use(apiFront(bounds));
  app.use("/v1/*", controlDoor());
  app.use("/operators/*", operatorDoor());
  for (const mount of MOUNTS) mount(app);
  return app;
}

/** The app of the tenants' own hosts: their dashboards. */
export function createDashboardApp(bounds = DASHBOARD_BOUNDS): EdgeApp {
  const app = bareApp();
  app.use(dashboardFront(bounds));
  dashboard.mountDashboardHost(app);
  return app;
}

function bareApp(): EdgeApp {
  const app: EdgeApp = new OpenAPIHono<AppEnv>({ strict: true, defaultHook: invalidRequest });
  app.onError(renderError);
  app.notFound(refuseUnknownRoute);
  return app;
}
