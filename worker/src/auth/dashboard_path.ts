/** Where in a dashboard a session may begin. */

const VISIBLE = /^\/app\/[!-[\]-~]*$/;
const ANYWHERE = "https://dashboard.invalid";

/**
 * Whether a path leads to one of the dashboard's own applications.
 *
 * The attack: a path such as `/app/../../session` or `/app/%2e%2e/…`, which a browser reads as another one than it says.
 */
export function isDashboardPath(path: string): boolean {
  return VISIBLE.test(path) && new URL(path, ANYWHERE).pathname.startsWith("/app/");
}
