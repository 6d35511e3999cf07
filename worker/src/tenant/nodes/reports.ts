/** What tenant object and node objects say to each other. Both versions of a deploy must understand it. */
import type { z } from "@hono/zod-openapi";
import type { Instance, Role } from "../../schemas/plan";
import type { NodeState } from "../../schemas/tenant";

export interface StartOrder {
  /** Number of this start, given by the tenant object; rises with each. */
  start: number;
  generation: number;
  /** Key of `ctx.container.images`. */
  image: string;
  instance: z.infer<typeof Instance>;
  env: Record<string, string>;
}

export interface NodeReport {
  role: Role;
  n: number;
  /** The latest start this node made; 0 = none. */
  start: number;
  state: NodeState;
  image: string | null;
  started_at: number | null;
  exit_code: number | null;
  /** The node object's clock at this report; it and `ended_at` are missing from nodes of the version before. */
  at?: number;
  /** When the container ended, or was seen to be gone; null while it runs. */
  ended_at?: number | null;
  /** Counts what was told of this start, so that a late report is known; missing from nodes of the version before. */
  told?: number;
  /** Rises while a node that does not serve yet gets on; missing from nodes of the version before. */
  progress?: number;
  /** Since when (milliseconds since 1970) what was acknowledged waits for this node; null or missing: nothing does. */
  behind_since?: number | null;
}
