/** What every route knows: the app's type, how errors are answered, and how a route documents them. */
import type { Hook, OpenAPIHono } from "@hono/zod-openapi";
import type { Context, ErrorHandler, NotFoundHandler } from "hono";
import { HTTPException } from "hono/http-exception";
import type { Env, Settings } from "./bindings";
import { asEdgeError, EdgeError, ERRORS, type ErrorCode, errorBody, faultsOf, RETRY_AFTER_S } from "./errors";
import { log } from "./log";
import { ErrorSchema } from "./schemas/basics";
import type { TenantObject } from "./tenant/tenant_object";

export interface AppEnv {
  Bindings: Env;
  Variables: {
    settings: Settings;
    /** Of the control plane's calls the id that it gave, once it has proved who it is. */
    requestId: string;
    /** The tenant object of `/v1/tenants/:id…`, set after the id's check. */
    tenant: DurableObjectStub<TenantObject>;
    /** E-mail address of the operator that Access vouches for, behind the operators' door. */
    operator: string;
    /** The tenant that the Host header names, on its dashboard's own origin. */
    dashboardTenant: string;
  };
}

export type EdgeApp = OpenAPIHono<AppEnv>;
export type EdgeContext = Context<AppEnv>;

/** The one error shape. */
export function respond(c: EdgeContext, error: EdgeError): Response {
  const { status, retryable } = ERRORS[error.code];
  const retryAfterS = error.retryAfterS ?? (status === 503 && retryable ? RETRY_AFTER_S : null);
  if (retryAfterS !== null) c.header("retry-after", String(retryAfterS));
  const body = { ...errorBody(error.code, error.message, error.details), request_id: c.var.requestId };
  return c.json(body, status);
}

/** Turns whatever a handler threw into the one error shape; what nobody expected is logged and stays unnamed outside. */
export const renderError: ErrorHandler<AppEnv> = (error, c) => {
  const known = asEdgeError(error) ?? fromHono(error);
  if (known) return respond(c, known);
  log("error", "request failed", {
    request_id: c.var.requestId,
    method: c.req.method,
    path: c.req.path,
    error: error instanceof Error ? (error.stack ?? error.message) : String(error),
  });
  return respond(c, new EdgeError("INTERNAL", `The request could not be finished (request ${c.var.requestId}).`));
};

/** Hono's own refusals, such as a body that is no JSON. */
function fromHono(error: Error): EdgeError | null {
  if (!(error instanceof HTTPException) || error.status >= 500) return null;
  return new EdgeError("BAD_REQUEST", error.message || "The request is malformed.");
}

export const refuseUnknownRoute: NotFoundHandler<AppEnv> = (c) =>
  respond(c, new EdgeError("NOT_FOUND", `There is no ${c.req.method} ${c.req.path} here.`));

/** Zod's refusal of a request, as 422 with the faults by path. */
export const invalidRequest: Hook<unknown, AppEnv, string, unknown> = (result) => {
  if (!result.success) throw new EdgeError("INVALID_REQUEST", "The request does not fit.", faultsOf(result.error));
};

/** What any route may answer: the front's refusals, and faults that nobody expected. */
const ANYWHERE: ErrorCode[] = [
  "BAD_REQUEST",
  "PATH_REFUSED",
  "BODY_TOO_SLOW",
  "BODY_TOO_LARGE",
  "HOST_UNKNOWN",
  "INTERNAL",
];

/** The OpenAPI responses of a route's errors, grouped by status: its own, and those of every route. */
export function errorResponses(...own: ErrorCode[]) {
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of new Set([...own, ...ANYWHERE]))
    byStatus.set(ERRORS[code].status, [...(byStatus.get(ERRORS[code].status) ?? []), code]);
  return Object.fromEntries(
    [...byStatus].map(([status, group]) => [
      status,
      { description: group.join(", "), content: { "application/json": { schema: ErrorSchema } } },
    ]),
  );
}

export const isUpgrade = (c: EdgeContext) => c.req.header("upgrade")?.toLowerCase() === "websocket";

/** A JSON body or answer of a route's description. */
export const jsonContent = <T>(schema: T) => ({ "application/json": { schema } });
