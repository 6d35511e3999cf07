/** The changes feed: a long poll with one reader a cell. */
import { createRoute, z } from "@hono/zod-openapi";
import { type EdgeApp, errorResponses, jsonContent } from "../edge_app";
import { ChangePage } from "../schemas";
import { changesAfter } from "../store";

/** How often D1 is asked while a poll waits. */
const LOOK_EVERY_MS = 200;

const changes = createRoute({
  method: "get",
  path: "/v1/changes",
  request: {
    query: z.object({
      after: z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER),
      wait: z.coerce.number().int().min(0).max(25).default(0),
      limit: z.coerce.number().int().min(1).max(500).default(500),
    }),
  },
  responses: {
    200: { description: "Changes in order; empty when none came in time", content: jsonContent(ChangePage) },
    ...errorResponses("UNAUTHENTICATED", "DOOR_FORBIDDEN", "INVALID_REQUEST"),
  },
});

export function mount(app: EdgeApp): void {
  app.openapi(changes, async (c) => {
    const { after, wait, limit } = c.req.valid("query");
    const until = Date.now() + wait * 1000;
    let page = await changesAfter(c.env.WAZUH_META, after, limit);
    while (page.changes.length === 0 && Date.now() + LOOK_EVERY_MS < until) {
      await scheduler.wait(LOOK_EVERY_MS);
      page = await changesAfter(c.env.WAZUH_META, after, limit);
    }
    return c.json(page, 200);
  });
}
