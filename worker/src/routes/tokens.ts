/** `/v1`: enrollment tokens, and the agents that came by them. */
import { createRoute, z } from "@hono/zod-openapi";
import { type EdgeApp, errorResponses, jsonContent } from "../edge_app";
import { AgentId, AgentName, Epoch, GroupName, orNull, TenantId, Time } from "../schemas/basics";

const TokenId = z.string().regex(/^[a-z2-7]{10}$/, "must be a token's id: 10 characters of [a-z2-7]");
const LabelName = z.string().regex(/^[A-Za-z0-9._-]{1,64}$/, "must be 1-64 of A-Z a-z 0-9 . _ -");
/** Labels are written into the XML that agents read, by parsers that differ in what they make of an entity. */
const Label = z
  .string()
  .regex(/^[^<>&"'\\]{1,128}$/, "must be 1-128 characters and none of < > & \" ' \\")
  .refine((text) => !/\p{Cc}/u.test(text), "must be one line without control characters");

const PutToken = z
  .strictObject({
    epoch: Epoch,
    name: z.string().min(1).max(200),
    secret_sha256: z.string().regex(/^[0-9a-f]{64}$/, "must be a SHA-256 in hex"),
    expires_at: Time,
    max_uses: z.int().min(1).max(1_000_000),
    groups: z.array(GroupName).max(32).default([]),
    names: z
      .array(AgentName)
      .max(100)
      .default([])
      .openapi({ description: "Agents that it lets in, each by its name; none: whoever shows it" }),
    labels: z.record(LabelName, Label).default({}),
    wazuh5_key: z
      .string()
      .regex(/^[0-9a-f]{64}$/, "must be 32 bytes in hex")
      .optional()
      .openapi({ description: "The key by which agents of Wazuh 5 prove the token; kept sealed" }),
  })
  .openapi("PutToken");

const Token = z
  .object({
    id: TokenId,
    uses: z.int(),
    max_uses: z.int(),
    state: z.enum(["active", "expired", "used_up", "revoked"]),
    expires_at: Time,
    revoked_at: orNull(Time).openapi({ description: "From when on it is refused; may lie ahead" }),
  })
  .openapi("Token");

const Agent = z
  .object({
    id: AgentId,
    name: z.string(),
    token: orNull(TokenId).openapi({ description: "Null for an agent that was imported" }),
    groups: z.array(z.string()),
    status: z.enum(["active", "disconnected", "never_connected", "pending"]),
    version: z.string().nullable(),
    ip: z.string().nullable(),
    last_seen_at: orNull(Time),
    enrolled_at: Time,
    quarantined: z.boolean(),
  })
  .openapi("Agent");

const Agents = z
  .object({ agents: z.array(Agent), partial: z.boolean(), reason: z.string().nullable() })
  .openapi("Agents");

const Quarantine = z
  .strictObject({ epoch: Epoch, idempotency_key: z.string().min(1).max(128), reason: z.string().min(1).max(500) })
  .openapi("Quarantine");

const QuarantinedToken = z
  .object({
    token: Token,
    agents: z.int().openapi({ description: "How many agents it had let in: all of them are shut out" }),
  })
  .openapi("QuarantinedToken");

/** As lines of a manager's client.keys have it; the address of a line counts nowhere, as agents come through the edge. */
const KnownAgent = z.strictObject({
  id: z
    .string()
    .regex(/^(?!0+$)(\d{3}|[1-9]\d{3,6})$/, "must be an agent's number: at least three digits, at most seven"),
  name: AgentName,
  key: z.string().regex(/^[0-9a-f]{64}$/, "must be 64 lower-case hex digits"),
});

const ImportAgents = z
  .strictObject({ epoch: Epoch, agents: z.array(KnownAgent).min(1).max(500) })
  .openapi("ImportAgents");

const ImportedAgents = z
  .object({
    agents: z.array(
      z.object({
        id: z.string(),
        name: z.string(),
        outcome: z
          .enum(["imported", "known", "number_taken", "name_taken", "limit"])
          .openapi({ description: "`known`: this very agent is there already" }),
      }),
    ),
  })
  .openapi("ImportedAgents");

const OfToken = z.object({ id: TenantId, token: TokenId });
const RevokeToken = z.strictObject({
  epoch: Epoch,
  at: Time.optional().openapi({
    description: "From when on it is refused; missing: at once. It can't be put off later",
  }),
});
const token = { 200: { description: "The token as it stands", content: jsonContent(Token) } };
const bothKeys = ["UNAUTHENTICATED", "TENANT_UNKNOWN", "INVALID_REQUEST"] as const;
const common = [...bothKeys, "DOOR_FORBIDDEN"] as const;

const putToken = createRoute({
  method: "put",
  path: "/v1/tenants/{id}/tokens/{token}",
  request: { params: OfToken, body: { content: jsonContent(PutToken), required: true } },
  responses: { ...token, ...errorResponses(...common, "TOKEN_CONFLICT", "STALE_EPOCH", "TENANT_DELETED") },
});

const getToken = createRoute({
  method: "get",
  path: "/v1/tenants/{id}/tokens/{token}",
  request: { params: OfToken },
  responses: { ...token, ...errorResponses(...common, "TOKEN_NOT_FOUND") },
});

const revokeToken = createRoute({
  method: "delete",
  path: "/v1/tenants/{id}/tokens/{token}",
  request: { params: OfToken, body: { content: jsonContent(RevokeToken), required: true } },
  responses: { ...token, ...errorResponses(...common, "TOKEN_NOT_FOUND", "STALE_EPOCH") },
});

const quarantineToken = createRoute({
  method: "post",
  path: "/v1/tenants/{id}/tokens/{token}/quarantine",
  request: { params: OfToken, body: { content: jsonContent(Quarantine), required: true } },
  responses: {
    200: { description: "The token, withdrawn, and its agents, shut out", content: jsonContent(QuarantinedToken) },
    ...errorResponses(...common, "TOKEN_NOT_FOUND", "STALE_EPOCH", "IDEMPOTENCY_CONFLICT", "TENANT_DELETED"),
  },
});

const listAgents = createRoute({
  method: "get",
  path: "/v1/tenants/{id}/agents",
  request: { params: z.object({ id: TenantId }) },
  responses: {
    200: { description: "All agents; `partial` while the manager does not answer", content: jsonContent(Agents) },
    ...errorResponses("UNAUTHENTICATED", "TENANT_UNKNOWN", "TENANT_DELETED"),
  },
});

const importAgents = createRoute({
  method: "post",
  path: "/v1/tenants/{id}/agents/import",
  request: {
    params: z.object({ id: TenantId }),
    body: { content: jsonContent(ImportAgents), required: true },
  },
  responses: {
    200: {
      description: "What became of each, in their order; again it changes nothing",
      content: jsonContent(ImportedAgents),
    },
    ...errorResponses(...bothKeys, "STALE_EPOCH", "TENANT_DELETED"),
  },
});

const quarantine = createRoute({
  method: "post",
  path: "/v1/tenants/{id}/agents/{agent}/quarantine",
  request: {
    params: z.object({ id: TenantId, agent: AgentId }),
    body: { content: jsonContent(Quarantine), required: true },
  },
  responses: {
    200: { description: "The agent, shut out", content: jsonContent(Agent) },
    ...errorResponses(...common, "AGENT_NOT_FOUND", "STALE_EPOCH", "IDEMPOTENCY_CONFLICT", "TENANT_DELETED"),
  },
});

export function mount(app: EdgeApp): void {
  app.openapi(putToken, async (c) => {
    const { epoch, ...definition } = c.req.valid("json");
    return c.json(await c.var.tenant.putToken(c.req.valid("param").token, epoch, definition), 200);
  });
  app.openapi(getToken, async (c) => c.json(await c.var.tenant.token(c.req.valid("param").token), 200));
  app.openapi(revokeToken, async (c) => {
    const { epoch, at } = c.req.valid("json");
    return c.json(await c.var.tenant.revokeToken(c.req.valid("param").token, epoch, at), 200);
  });
  app.openapi(quarantineToken, async (c) => {
    const { epoch, reason, idempotency_key } = c.req.valid("json");
    const { token } = c.req.valid("param");
    return c.json(await c.var.tenant.quarantineToken(token, epoch, reason, idempotency_key), 200);
  });
  app.openapi(listAgents, async (c) => c.json(await c.var.tenant.agents(), 200));
  app.openapi(importAgents, async (c) => {
    const { epoch, agents } = c.req.valid("json");
    return c.json({ agents: await c.var.tenant.importAgents(epoch, agents) }, 200);
  });
  app.openapi(quarantine, async (c) => {
    const { epoch, reason, idempotency_key } = c.req.valid("json");
    return c.json(await c.var.tenant.quarantine(c.req.valid("param").agent, epoch, reason, idempotency_key), 200);
  });
}
