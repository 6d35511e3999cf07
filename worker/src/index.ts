/** The Worker: its doors, its cron, and the classes of its objects. */
import { createApiApp, createDashboardApp } from "./app";
import { type Env, settingsOf } from "./bindings";
import { dashboardLabel, hostOf } from "./front";
import { inJurisdiction } from "./jurisdiction";
import { sweep } from "./sweep";

export { EventStream } from "./events/stream";
export { FeedBell } from "./feed_bell";
export { Gate } from "./gates/gate";
export { CertsContainer } from "./tenant/nodes/certs";
export { DashboardContainer } from "./tenant/nodes/dashboard";
export { IndexerContainer } from "./tenant/nodes/indexer";
export { ManagerContainer } from "./tenant/nodes/manager";
export { TenantObject } from "./tenant/tenant_object";

const apiApp = createApiApp();
const dashboardApp = createDashboardApp();

export default {
  fetch(request, env, ctx) {
    const ofDashboard = dashboardLabel(settingsOf(env), hostOf(request)) !== null;
    return (ofDashboard ? dashboardApp : apiApp).fetch(request, inJurisdiction(env), ctx);
  },
  scheduled: (controller, env) => sweep(inJurisdiction(env), controller.cron, controller.scheduledTime),
} satisfies ExportedHandler<Env>;
