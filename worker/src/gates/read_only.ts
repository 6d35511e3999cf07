/** What a read-only dashboard session may send: decided at the edge, whatever the dashboard behind it would take. */
import { boundedBytes } from "../body";

export const READING_METHODS: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);

interface ReadingPost {
  path: RegExp;
  /** Where the same route writes too: whether this body only reads. */
  reads?: (body: Record<string, unknown>) => boolean;
}

/**
 * The routes that a dashboard asks by POST though they change nothing: of OpenSearch Dashboards 2.19 (`src/core/server`,
 * `src/plugins/*\/server`), and of Wazuh's app 4.14 (`plugins/main/server/routes` of wazuh-dashboard-plugins). What is not
 * here does not pass, so that a route nobody thought of is refused. Not here on purpose: Dev Tools (`api/console/proxy`),
 * telemetry and reports, which are written.
 */
export const READING_POSTS: readonly ReadingPost[] = [
  { path: /^\/dashboard\/api\/core\/capabilities$/ },
  { path: /^\/dashboard\/internal\/search\/opensearch(-with-long-numerals)?(\/[A-Za-z0-9_-]+)?$/ },
  { path: /^\/dashboard\/internal\/_msearch$/ },
  { path: /^\/dashboard\/api\/saved_objects\/_(bulk_get|export)$/ },
  { path: /^\/dashboard\/api\/opensearch-dashboards\/suggestions\/values\/[A-Za-z0-9_.*-]+$/ },
  { path: /^\/dashboard\/api\/(metrics\/vis\/data|timeline\/run|home\/hits_status)$/ },
  { path: /^\/dashboard\/api\/(login|check-stored-api|check-api|csv)$/ },
  // Every call to the manager's API comes through this one, with the call's own method in the body.
  { path: /^\/dashboard\/api\/request$/, reads: ({ method }) => method === "GET" },
];

/** A call to the manager's API that reads is a few hundred bytes. */
const MAX_JUDGED_BYTES = 64 * 1024;

/**
 * The request, if it can change nothing; null where it might. A socket is refused as a whole: nobody can tell what its
 * frames do.
 * @param path of the request, as routes see it
 */
export async function onlyReads(request: Request, path: string): Promise<Request | null> {
  if (request.headers.has("upgrade")) return null;
  if (READING_METHODS.has(request.method)) return request;
  const route = request.method === "POST" ? READING_POSTS.find((post) => post.path.test(path)) : undefined;
  if (!route?.reads) return route ? request : null;
  const body = await jsonBody(request);
  return body && route.reads(body) ? rewritten(request, body) : null;
}

async function jsonBody(request: Request): Promise<Record<string, unknown> | null> {
  const bytes = await boundedBytes(request.body, MAX_JUDGED_BYTES);
  try {
    const body: unknown = JSON.parse(
      new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(bytes ?? new Uint8Array()),
    );
    return typeof body === "object" && body !== null ? (body as Record<string, unknown>) : null;
  } catch {
    // What can't be read can't be judged.
    return null;
  }
}

/** Written anew as what was judged: of a name that stands twice, or under another type, the next parser might read the other. */
function rewritten({ url, headers: sent }: Request, body: object): Request {
  const bytes = new TextEncoder().encode(JSON.stringify(body));
  const headers = new Headers(sent);
  headers.set("content-type", "application/json");
  headers.set("content-length", String(bytes.byteLength));
  return new Request(url, { method: "POST", headers, body: bytes });
}
