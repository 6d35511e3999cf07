/** The changes feed: a long poll with one reader a cell. */
import { createRoute, z } from "@hono/zod-openapi";
import { type EdgeApp, errorResponses, jsonContent } from "../edge_app";
import { feedRings, waitForFeed } from "../feed_bell";
import { ChangePage } from "../schemas/feed";
import { changesAfter } from "../store";

/** A ring can be lost with the object that carries it; then the poll looks by itself. */
const LOOK_AT_LEAST_EVERY_MS = 2000;

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
    for (;;) {
      const left = until - Date.now();
      const seen = left > 0 ? await feedRings(c.env) : 0;
      const page = await changesAfter(c.env.WAZUH_META, after, limit);
      if (page.changes.length > 0 || left <= 0) return c.json(page, 200);
      await waitForFeed(c.env, seen, Math.min(left, LOOK_AT_LEAST_EVERY_MS));
    }
  });
}
