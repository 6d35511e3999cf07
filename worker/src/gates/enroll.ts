/** `enroll.internal`: what a manager's hop on 1515 asks for each line that an agent sent it. */
import { z } from "zod";
import type { Env } from "../bindings";
import { ERRORS, errorBody } from "../errors";
import { newId } from "../ids";
import { AgentName, AgentVersion } from "../schemas/basics";
import type { Enrolled } from "../tenant/enrollment";
import type { Answer } from "../tenant/tenant_traffic";

/** A line `OSSEC A:'name' V:'v4.14.7' G:'a,b'` in its parts. */
export const EnrollLine = z.strictObject({
  /** What the edge's door put before the connection's own bytes. */
  ticket: z.string().min(1).max(1024),
  name: AgentName,
  version: AgentVersion.optional(),
  groups: z.array(z.string().min(1).max(128)).max(128).default([]),
});
export type EnrollLine = z.output<typeof EnrollLine>;

/** Enrolls in the caller's own tenant. @returns id, name and key; or the refusal, with its code and status */
export async function enrollLine(env: Env, tenant: string, line: EnrollLine): Promise<Response> {
  const stub = env.TENANT.getByName(tenant);
  const answer = (await stub.answer("enrollByTicket", [line], newId("req"))) as Answer;
  if ("refused" in answer) {
    const { code, message } = answer.refused;
    return Response.json(errorBody(code, message), { status: ERRORS[code].status });
  }
  const { agent_id, key } = (answer.told as Enrolled).answer;
  return Response.json({ agent_id, name: line.name, key });
}
