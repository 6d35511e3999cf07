/** What a browser shows where there is no dashboard to show: what happened, and what to do. */

import type { Settings } from "../bindings";
import { type EdgeError, ERRORS, type ErrorCode, RETRY_AFTER_S } from "../errors";
import { escapeHtml, pageOf, portalAddress } from "./page_shell";

const HEADLINES: Partial<Record<ErrorCode, string>> = {
  CODE_EXPIRED: "This link has expired",
  CODE_USED: "This link was used already",
  CODE_UNKNOWN: "This link is not valid",
  SESSION_ENDED: "Your session has ended",
  ADDRESS_REFUSED: "Not from this network",
  ORIGIN_REFUSED: "This request did not come from where it should",
  RATE_LIMITED: "There were too many of these requests",
  READ_ONLY: "You may look, but not change",
  NODE_NOT_RUNNING: "This tenant is not running",
  NODE_NOT_READY: "The dashboard is still starting",
  TENANT_UNKNOWN: "There is no such tenant",
  TENANT_BINNED: "This tenant was deleted",
  TENANT_DELETED: "This tenant was deleted",
};

/**
 * A small page about an error, on the tenant's own origin.
 * @param tenant the tenant's id
 */
export function errorPage(settings: Settings, tenant: string, error: EdgeError): Response {
  const { code, message, retryAfterS = RETRY_AFTER_S } = error;
  const { status, retryable, hint } = ERRORS[code];
  const title = HEADLINES[code] ?? "This page could not be shown";
  const body = `<h1>${escapeHtml(title)}</h1><p>${escapeHtml(message)}</p><p>${escapeHtml(hint)}</p>
<a class="btn" href="${portalAddress(settings, tenant)}">Go to the portal</a><p><small>${escapeHtml(code)}</small></p>`;
  return pageOf(settings, { status, title, body, ...(retryable ? { retryAfter: retryAfterS } : {}) });
}
