/** `/v1`: who gets into a tenant's dashboard, and who no longer does. */
import { createRoute, z } from "@hono/zod-openapi";
import { DASHBOARD_ROLES, DASHBOARD_VARIANTS, RULE_FIELDS, VARIANTS_OF, variantOf } from "../auth/claims";
import { isDashboardPath } from "../auth/dashboard_path";
import { Networks } from "../auth/networks";
import { type EdgeApp, errorResponses, jsonContent } from "../edge_app";
import { Epoch, IdempotencyKey, TenantId, Time } from "../schemas/basics";

/** Ids travel in headers, where other characters would not arrive. */
const Id = z.string().regex(/^[!-~]{1,64}$/, "must be 1-64 visible ASCII characters");

const DashboardCode = z
  .strictObject({
    epoch: Epoch,
    idempotency_key: IdempotencyKey,
    user: z.strictObject({ id: Id, email: z.string().max(320) }),
    role: z.enum(DASHBOARD_ROLES),
    variant: z.enum(DASHBOARD_VARIANTS).optional().openapi({
      description: "How the dashboard opens; without it a viewer's is read-only and everybody else's is full",
    }),
    organization: Id,
    grant: Id.nullable().default(null),
    connection: Id.nullable().default(null),
    session: Id,
    ends_at: Time,
    networks: Networks.default([]),
    path: z
      .string()
      .max(2000)
      .refine(isDashboardPath, "must be a path of the dashboard that begins with /app/")
      .optional()
      .openapi({ description: "Where in the dashboard it opens, such as `/app/wz-home`; without it, its first page" }),
  })
  .refine((asked) => VARIANTS_OF[asked.role].includes(variantOf(asked)), {
    path: ["variant"],
    message: "a viewer's dashboard is read-only",
  })
  .openapi("DashboardCode");

const IssuedCode = z
  .object({ code: z.string(), post_to: z.url(), expires_at: Time })
  .openapi("IssuedCode", { description: "Post `code` as a form field to `post_to` within 30 seconds; it works once" });

const Revocation = z
  .strictObject({
    epoch: Epoch,
    idempotency_key: IdempotencyKey,
    before: Time,
    subject: Id.optional(),
    grant: Id.optional(),
    connection: Id.optional(),
    organization: Id.optional(),
    session: Id.optional(),
  })
  .refine((rule) => RULE_FIELDS.some((field) => rule[field] !== undefined), {
    path: ["subject"],
    message: `name at least one of ${RULE_FIELDS.join(", ")}`,
  })
  .openapi("Revocation", { description: "Ends access given before `before` that matches every named attribute" });

const params = z.object({ id: TenantId });
const bothKeys = ["UNAUTHENTICATED", "TENANT_UNKNOWN", "INVALID_REQUEST", "STALE_EPOCH"] as const;
const common = [...bothKeys, "DOOR_FORBIDDEN"] as const;

const makeCode = createRoute({
  method: "post",
  path: "/v1/tenants/{id}/dashboard-codes",
  request: { params, body: { content: jsonContent(DashboardCode), required: true } },
  responses: {
    201: { description: "A one-time code", content: jsonContent(IssuedCode) },
    ...errorResponses(
      ...common,
      "ACCESS_ENDED",
      "IDEMPOTENCY_CONFLICT",
      "TENANT_DELETED",
      "TENANT_BINNED",
      "RATE_LIMITED",
    ),
  },
});

const revoke = createRoute({
  method: "post",
  path: "/v1/tenants/{id}/revocations",
  request: { params, body: { content: jsonContent(Revocation), required: true } },
  responses: {
    200: {
      description: "How many sessions and open sockets were ended",
      content: jsonContent(z.object({ closed: z.int() })),
    },
    ...errorResponses(...bothKeys, "IDEMPOTENCY_CONFLICT"),
  },
});

export function mount(app: EdgeApp): void {
  app.openapi(makeCode, async (c) => c.json(await c.var.tenant.dashboardCode(c.req.valid("json")), 201));
  app.openapi(revoke, async (c) => {
    const { epoch, idempotency_key, before, ...named } = c.req.valid("json");
    const rule = { ...named, before: Date.parse(before) };
    return c.json(await c.var.tenant.revoke({ epoch, idempotency_key, rule }), 200);
  });
}
