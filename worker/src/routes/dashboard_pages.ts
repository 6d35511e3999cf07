/** What a browser shows where there is no dashboard to show: what happened, and what to do. */

import type { Settings } from "../bindings";
import { type EdgeError, ERRORS, type ErrorCode } from "../errors";

const HEADLINES: Partial<Record<ErrorCode, string>> = {
  CODE_EXPIRED: "This link has expired",
  CODE_USED: "This link was used already",
  CODE_UNKNOWN: "This link is not valid",
  SESSION_ENDED: "Your session has ended",
  ORIGIN_REFUSED: "This request did not come from where it should",
  READ_ONLY: "You may look, but not change",
  NODE_NOT_RUNNING: "This tenant is not running",
  NODE_NOT_READY: "The dashboard is still starting",
  TENANT_UNKNOWN: "There is no such tenant",
  TENANT_DELETED: "This tenant was deleted",
};

const RUNTIME_LABELS: Partial<Record<Settings["runtime"], string>> = {
  "stand-in": "Runs on stand-in nodes: simulated, not a real Wazuh deployment",
  docker: "Runs on a local Docker engine",
};

const STYLE = `
:root{color-scheme:light dark;--text:#1c2430;--soft:#5a6675;--line:#dfe4ea;--back:#f6f7f9;--card:#fff;--act:#1d5fd0}
@media(prefers-color-scheme:dark){:root{--text:#e8ecf1;--soft:#9aa7b6;--line:#2b3542;--back:#11161d;--card:#19212b;--act:#7fb0ff}}
body{margin:0;min-height:100vh;display:grid;place-items:center;background:var(--back);color:var(--text);
font:16px/1.5 system-ui,sans-serif}
main{max-width:32rem;margin:1rem;padding:2rem;background:var(--card);border:1px solid var(--line);border-radius:12px}
h1{margin:0 0 .75rem;font-size:1.35rem;line-height:1.3}p{margin:.5rem 0}small{color:var(--soft)}
a{display:inline-block;margin:1rem 0 .5rem;padding:.6rem 1rem;border-radius:8px;background:var(--act);color:var(--card);
text-decoration:none;font-weight:600}a:focus-visible{outline:3px solid var(--text);outline-offset:2px}`;

/**
 * A small page about an error, on the tenant's own origin.
 * @param tenant the tenant's id
 */
export function errorPage(settings: Settings, tenant: string, error: EdgeError): Response {
  const { status, retryable } = ERRORS[error.code];
  const nonce = crypto.randomUUID();
  const headers = new Headers({
    "content-type": "text/html; charset=utf-8",
    "cache-control": "no-store",
    "content-security-policy": `default-src 'none'; style-src 'nonce-${nonce}'; base-uri 'none'; frame-ancestors 'none'`,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
  });
  if (retryable) headers.set("retry-after", "5");
  return new Response(markup(settings, tenant, error, nonce), { status, headers });
}

function markup(settings: Settings, tenant: string, { code, message }: EdgeError, nonce: string): string {
  const label = RUNTIME_LABELS[settings.runtime];
  const headline = HEADLINES[code] ?? "This page could not be shown";
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>${escapeHtml(headline)}</title><style nonce="${nonce}">${STYLE}</style></head>
<body><main><h1>${escapeHtml(headline)}</h1><p>${escapeHtml(message)}</p><p>${escapeHtml(ERRORS[code].hint)}</p>
<a href="${escapeHtml(`${settings.portalOrigin}/t/${tenant}/`)}">Go to the portal</a>
<p><small>${escapeHtml(code)}${label ? ` · ${escapeHtml(label)}` : ""}</small></p></main></body></html>`;
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
