/** What is ordered of a tenant's agents, and what became of it for each. */
import { z } from "@hono/zod-openapi";
import { AgentId, AgentVersion, Epoch, GroupName, Time } from "./basics";

export const OrderId = z.string().regex(/^ord_[a-z2-7]{20}$/, "must be an order's id (ord_ and 20 characters)");

export const MOST_AGENTS = 100;

const agents = z
  .array(AgentId)
  .min(1)
  .max(MOST_AGENTS)
  .refine((ids) => new Set(ids).size === ids.length, "must name each agent once");

const groups = z
  .array(GroupName)
  .max(32)
  .openapi({ description: "All that the agents are to be in, besides the one of their token's labels" });

const version = AgentVersion.nullable()
  .default(null)
  .openapi({ description: "Such as v4.14.7; null: the manager's own" });

export const AgentOrder = z
  .discriminatedUnion("kind", [
    z.strictObject({ epoch: Epoch, kind: z.literal("groups"), agents, groups }),
    z.strictObject({ epoch: Epoch, kind: z.literal("remove"), agents }),
    z.strictObject({ epoch: Epoch, kind: z.literal("upgrade"), agents, version }),
    z.strictObject({ epoch: Epoch, kind: z.literal("restart"), agents }),
  ])
  .openapi("AgentOrder");
export type AgentOrder = z.infer<typeof AgentOrder>;

export const ResultState = z.enum(["waiting", "working", "done", "failed"]);
export type ResultState = z.infer<typeof ResultState>;

export const AgentResult = z
  .object({
    agent: AgentId,
    state: ResultState.openapi({
      description: "waiting for the tenant's manager, working there, or how it ended",
    }),
    note: z.string().nullable().openapi({ description: "Why it failed, or what is to be known beyond that" }),
    at: Time,
  })
  .openapi("AgentResult");
export type AgentResult = z.infer<typeof AgentResult>;

export const AgentOrderView = z
  .object({ id: OrderId, kind: z.enum(["groups", "remove", "upgrade", "restart"]), results: z.array(AgentResult) })
  .openapi("AgentOrderView");
export type AgentOrderView = z.infer<typeof AgentOrderView>;
