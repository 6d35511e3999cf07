/** Whether this deployment lives, and whether it can serve. */
import { createRoute, z } from "@hono/zod-openapi";
import { type EdgeApp, errorResponses, jsonContent } from "../edge_app";
import { EdgeError } from "../errors";
import { feedIsReady } from "../store";

const Health = z.object({ status: z.literal("ok"), runtime: z.string(), cell: z.string() }).openapi("Health");
const healthy = { description: "It does", content: jsonContent(Health) };

const livez = createRoute({
  method: "get",
  path: "/livez",
  responses: { 200: healthy, ...errorResponses() },
});
const readyz = createRoute({
  method: "get",
  path: "/readyz",
  responses: { 200: healthy, ...errorResponses("NOT_READY") },
});

export function mount(app: EdgeApp): void {
  app.openapi(livez, (c) => c.json(healthOf(c.var.settings), 200));
  app.openapi(readyz, async (c) => {
    const ready = await feedIsReady(c.env.WAZUH_META).catch(() => false);
    if (!ready) throw new EdgeError("NOT_READY", "The registry does not answer or its migrations were not applied.");
    return c.json(healthOf(c.var.settings), 200);
  });
}

const healthOf = (settings: { runtime: string; cellId: string }) => ({
  status: "ok" as const,
  runtime: settings.runtime,
  cell: settings.cellId,
});
