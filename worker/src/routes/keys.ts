/** Which key-encryption keys tenants still need, and so which may be taken out of the configuration. */
import { createRoute } from "@hono/zod-openapi";
import { type EdgeApp, errorResponses, jsonContent } from "../edge_app";
import { KeysView } from "../schemas/feed";
import { keysInUse } from "../store";

const keys = createRoute({
  method: "get",
  path: "/v1/keys",
  responses: {
    200: { description: "The keys by id; never a key itself", content: jsonContent(KeysView) },
    ...errorResponses("UNAUTHENTICATED", "DOOR_FORBIDDEN"),
  },
});

export function mount(app: EdgeApp): void {
  app.openapi(keys, async (c) => {
    const { current, keys: configured } = c.var.settings.dataKeys;
    return c.json({ current, configured: [...configured.keys()], ...(await keysInUse(c.env.WAZUH_META)) }, 200);
  });
}
