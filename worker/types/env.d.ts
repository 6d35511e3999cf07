// Ties the runtime's generated types to this Worker: its environment and the entry points behind `ctx.exports`.
declare namespace Cloudflare {
  interface Env extends ImportedEnv {}
  interface GlobalProps {
    mainModule: typeof import("../src/index");
    durableNamespaces:
      | "TenantObject"
      | "ManagerContainer"
      | "IndexerContainer"
      | "DashboardContainer"
      | "CertsContainer"
      | "EventStream"
      | "FeedBell";
  }
}
type ImportedEnv = import("../src/bindings").Env;
