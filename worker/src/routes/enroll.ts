/** The door of installers: an enrollment token in, an agent's identity out. */
import { createRoute, z } from "@hono/zod-openapi";
import { clientAddress } from "../auth/address";
import { type EdgeApp, errorResponses, jsonContent } from "../edge_app";
import { EdgeError } from "../errors";
import { digest, isTenantId, parseToken } from "../ids";
import { AgentName, AgentVersion, Time } from "../schemas/basics";
import { countSource } from "../sources";
import { tenantAnswering } from "../tenants";

const Enroll = z
  .strictObject({
    token: z.string().min(1).max(256),
    enrollment_id: z.uuid().openapi({ description: "Made by the installer; the same one again gets the same answer" }),
    name: AgentName,
    version: AgentVersion.optional(),
    client_certificate_sha256: z
      .string()
      .regex(/^[0-9a-f]{64}$/, "must be a SHA-256 in lower-case hex")
      .optional()
      .openapi({ description: "Of a certificate that the agent may show in place of the connector's credential" }),
    sent_at: Time.optional().openapi({ description: "The machine's own clock; more than an hour off is refused" }),
  })
  .openapi("Enroll");

const Enrolled = z
  .object({
    agent_id: z.string(),
    key: z.string().openapi({ description: "The agent's key, 64 hex characters" }),
    connector: z.object({ id: z.string(), secret: z.string() }),
    manager_url: z.string(),
  })
  .openapi("Enrolled");

const REFUSALS = [
  "TOKEN_UNKNOWN",
  "TOKEN_REVOKED",
  "TOKEN_EXPIRED",
  "TOKEN_USED_UP",
  "TOKEN_NOT_FOR_NAME",
  "CLOCK_WRONG",
  "AGENT_LIMIT_REACHED",
  "AGENT_QUARANTINED",
] as const;

const CONFLICTS = ["AGENT_NAME_TAKEN", "AGENT_CERTIFICATE_TAKEN", "ENROLLMENT_CONFLICT"] as const;

const enroll = createRoute({
  method: "post",
  path: "/api/agents/enroll",
  request: { body: { content: jsonContent(Enroll), required: true } },
  responses: {
    201: { description: "A new agent", content: jsonContent(Enrolled) },
    200: { description: "The answer this enrollment id already got", content: jsonContent(Enrolled) },
    ...errorResponses(...REFUSALS, ...CONFLICTS, "INVALID_REQUEST", "TENANT_DELETED", "TENANT_BINNED", "RATE_LIMITED"),
  },
});

export function mount(app: EdgeApp): void {
  app.openapi(enroll, async (c) => {
    const { token: text, ...request } = c.req.valid("json");
    const token = parseToken(text);
    // Decided from the text alone: a misspelled or invented token, or tenant, must not make an object.
    if (token?.prefix !== "enr" || !isTenantId(c.var.settings, token.owner)) {
      throw new EdgeError("TOKEN_UNKNOWN", "This enrollment token is not known.");
    }
    await countSource(c, "enroll");
    const address = clientAddress(c.req.raw.headers);
    const spoken = { ...request, token: token.id, token_sha256: digest(text), address };
    const { created, answer } = await tenantAnswering(c, token.owner).enroll(spoken);
    return created ? c.json(answer, 201) : c.json(answer, 200);
  });
}
