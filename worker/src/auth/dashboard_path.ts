/** Where in a dashboard a session may begin. */

const VISIBLE = /^\/app\/[!-[\]-~]*$/;
const ANYWHERE = "https://dashboard.invalid";

/** What every address of the dashboard begins with. */
export const DASHBOARD = "/dashboard";

/**
 * Whether a path leads to one of the dashboard's own applications.
 *
 * The attack: a path such as `/app/../../app/x` or `/app/%2e%2e/…`, which a browser reads as another one than it says. So
 * the whole address is judged, as a browser is sent to it.
 */
export function isDashboardPath(path: string): boolean {
  return VISIBLE.test(path) && new URL(`${DASHBOARD}${path}`, ANYWHERE).pathname.startsWith(`${DASHBOARD}/app/`);
}
