/** The usage feed: what every tenant of this cell used, told once an hour. */
import { createRoute, z } from "@hono/zod-openapi";
import { type EdgeApp, errorResponses, jsonContent } from "../edge_app";
import { UsagePage } from "../schemas/usage";
import { usageAfter } from "../usage_store";

const usage = createRoute({
  method: "get",
  path: "/v1/usage",
  request: {
    query: z.object({
      after: z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER),
      limit: z.coerce.number().int().min(1).max(500).default(500),
    }),
  },
  responses: {
    200: { description: "Rows in order; empty where there is nothing new", content: jsonContent(UsagePage) },
    ...errorResponses("UNAUTHENTICATED", "DOOR_FORBIDDEN", "INVALID_REQUEST"),
  },
});

export function mount(app: EdgeApp): void {
  app.openapi(usage, async (c) => {
    const { after, limit } = c.req.valid("query");
    return c.json(await usageAfter(c.env.WAZUH_META, after, limit), 200);
  });
}
