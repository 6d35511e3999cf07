/** The routes that the router really has. */
import type { EdgeApp } from "../../src/edge_app";

/** The front and the doors of the control plane and of operators, which answer nothing by themselves. */
const MIDDLEWARE = new Set(["ALL /*", "ALL /v1/*", "ALL /operators/*"]);

export const routesOf = (app: EdgeApp) => {
  const names = new Set(app.routes.map(({ method, path }) => `${method} ${path}`));
  return [...names].filter((name) => !MIDDLEWARE.has(name)).sort();
};
