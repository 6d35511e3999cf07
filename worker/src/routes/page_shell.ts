/** What all pages on a tenant's own origin share: their look, their headers, and nothing from elsewhere. */
import type { ContentfulStatusCode } from "hono/utils/http-status";
import type { Settings } from "../bindings";

export interface Page {
  status: ContentfulStatusCode;
  title: string;
  /** Markup; whatever came from outside is escaped in it. */
  body: string;
  /** Beside the common style. */
  style?: string;
  script?: string;
  /** In seconds. */
  retryAfter?: number;
  /** Seconds after which a browser without scripts loads the page again. */
  refresh?: number;
}

const BRAND = "Garrison";

const RUNTIME_LABELS: Partial<Record<Settings["runtime"], string>> = {
  "stand-in": "Runs on stand-in nodes: simulated, not a real Wazuh deployment",
  docker: "Runs on a local Docker engine",
};

/** The portal's tokens (assets/src/theme.css). */
const STYLE = `
:root{color-scheme:light dark;--text:oklch(.235 .014 215);--soft:oklch(.49 .014 215);--line:oklch(.918 .006 205);
--strong:oklch(.83 .009 205);--back:oklch(.983 .003 200);--card:oklch(1 0 0);--act:oklch(.43 .078 197);
--on:oklch(.99 .005 197);--ok:oklch(.47 .1 155);--working:oklch(.48 .12 250)}
@media(prefers-color-scheme:dark){:root{--text:oklch(.94 .005 200);--soft:oklch(.715 .012 210);--line:oklch(.285 .011 215);
--strong:oklch(.4 .014 215);--back:oklch(.165 .008 215);--card:oklch(.19 .009 215);--act:oklch(.76 .095 190);
--on:oklch(.19 .03 200);--ok:oklch(.79 .12 158);--working:oklch(.78 .1 245)}}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;display:grid;align-content:center;justify-items:center;gap:1.25rem;padding:1.5rem 1rem;
background:var(--back);color:var(--text);font:15px/1.55 "Inter Variable",Inter,ui-sans-serif,system-ui,sans-serif;
-webkit-font-smoothing:antialiased}
header{display:flex;align-items:center;gap:.6rem;width:100%;max-width:30rem;font-weight:600;letter-spacing:-.015em}
svg{display:block;width:1.25rem;height:1.25rem;fill:none;stroke:currentColor;stroke-width:1.6;stroke-linecap:round;
stroke-linejoin:round}
header svg{width:1.5rem;height:1.5rem;color:var(--act)}
main{width:100%;max-width:30rem;padding:1.75rem;background:var(--card);border:1px solid var(--line);border-radius:.5rem}
h1{margin:0 0 .5rem;font-size:1.35rem;line-height:1.3;font-weight:600;letter-spacing:-.018em;text-wrap:balance}
p{margin:.5rem 0;text-wrap:pretty}footer,small,.soft{color:var(--soft);font-size:.8125rem}
footer{width:100%;max-width:30rem}
.btn{display:inline-flex;align-items:center;min-height:2.5rem;margin-top:1rem;padding:0 1rem;border-radius:.375rem;
background:var(--act);color:var(--on);text-decoration:none;font-size:.875rem;font-weight:500}
a:focus-visible{outline:2px solid var(--act);outline-offset:2px}
@media(prefers-reduced-motion:reduce){*{animation:none!important;transition:none!important}}`;

const KEEP = `<svg viewBox="0 0 24 24" aria-hidden="true"><path d="M4 9.5V4h3.5v2.5h2.75V4h3.5v2.5h2.75V4H20v5.5l-1.75 2V20H5.75v-8.5Z"/><path d="M10 20v-3.75a2 2 0 0 1 4 0V20"/></svg>`;

export function pageOf(settings: Settings, page: Page): Response {
  const nonce = crypto.randomUUID();
  const scripts = page.script ? ` script-src 'nonce-${nonce}'; connect-src 'self';` : "";
  const headers = new Headers({
    "content-type": "text/html; charset=utf-8",
    "cache-control": "no-store",
    "content-security-policy": `default-src 'none'; style-src 'nonce-${nonce}';${scripts} base-uri 'none'; frame-ancestors 'none'`,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
  });
  if (page.retryAfter) headers.set("retry-after", String(page.retryAfter));
  return new Response(markup(settings, page, nonce), { status: page.status, headers });
}

function markup({ runtime }: Settings, page: Page, nonce: string): string {
  const label = RUNTIME_LABELS[runtime];
  const refresh = page.refresh ? `<noscript><meta http-equiv="refresh" content="${page.refresh}"></noscript>` : "";
  const script = page.script ? `<script nonce="${nonce}">${page.script}</script>` : "";
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>${escapeHtml(page.title)}</title>${refresh}<style nonce="${nonce}">${STYLE}${page.style ?? ""}</style></head>
<body><header>${KEEP}${BRAND}</header><main>${page.body}</main>
${label ? `<footer>${escapeHtml(label)}</footer>` : ""}${script}</body></html>`;
}

/** Where the portal shows a tenant. */
export const portalAddress = ({ portalOrigin }: Settings, tenant: string) => escapeHtml(`${portalOrigin}/t/${tenant}/`);

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
