/** What flows through a tenant asks this half of its object: enrollment, agents, dashboards and readers of events. */

import { DurableObject } from "cloudflare:workers";
import type { AccessClaims } from "../auth/claims";
import type { Env } from "../bindings";
import { asEdgeError, type ErrorCode, type FieldFault } from "../errors";
import type { EnrollLine } from "../gates/enroll";
import { inJurisdiction } from "../jurisdiction";
import type { AgentOrder, AgentOrderView } from "../schemas/agent_orders";
import { type Admission, admitCertificate, admitConnector, mayConnect, type Verdict } from "./admission";
import { acceptOrder, orderView } from "./agent_orders";
import {
  type AdmittedRequest,
  admitRequest,
  agentMissing,
  holdBatch,
  type Sender,
  type Urgency,
} from "./agent_requests";
import { type AgentsView, type AgentView, listAgents } from "./agents";
import { once } from "./answers";
import { type Enrolled, type EnrollRequest, enroll, type Shown } from "./enrollment";
import type { Batch } from "./held_batches";
import { type Imported, importAgents, type KnownAgent } from "./imported_agents";
import { lookAfterKey } from "./key_wrapping";
import { LiveContext } from "./live_context";
import { type AgentRoute, agentRoute, servingManagers } from "./managers";
import { migrateAll } from "./migrations";
import { enrollNatively, type NativeEnrollment } from "./native_enrollment";
import { type QuarantinedToken, quarantine, quarantineToken } from "./quarantine";
import { admitRaw, enrollByTicket } from "./raw_enrollment";
import { during } from "./requests";
import { accessStands, admitReader, type RevocationRequest, revoke } from "./revocations";
import {
  type CodeAnswer,
  type CodeRequest,
  makeCode,
  type Redeemed,
  redeemCode,
  type SessionView,
  useSession,
  waitingSession,
} from "./sessions";
import type { Waking } from "./sleep";
import { putToken, revokeToken, type TokenDefinition, type TokenView, tokenView } from "./tokens";

/** What a door's call comes to. */
export type Answer =
  | { told: unknown }
  | { refused: { code: ErrorCode; message: string; details?: FieldFault[]; retryAfterS?: number } };

/** The half that extends it is asked what the tenant's life needs: tenant_object.ts. */
export class TenantTraffic extends DurableObject<Env> {
  protected readonly tenant: LiveContext;

  constructor(state: DurableObjectState, env: Env) {
    super(state, inJurisdiction(env));
    migrateAll(state.storage);
    this.tenant = new LiveContext(state, this.env);
    lookAfterKey(this.tenant);
  }

  /** One of the object's methods for the Worker's doors, with a refusal as a value; see `tenantAnswering`. */
  async answer(method: string, parameters: unknown[], request?: string): Promise<Answer> {
    try {
      const call = (this as unknown as Record<string, (...given: unknown[]) => unknown>)[method];
      return { told: await during(request, () => call?.apply(this, parameters)) };
    } catch (error) {
      const known = asEdgeError(error);
      if (!known) throw error;
      const { code, message, details, retryAfterS } = known;
      const more = { ...(details ? { details } : {}), ...(retryAfterS === undefined ? {} : { retryAfterS }) };
      return { refused: { code, message, ...more } };
    }
  }

  // Tokens, enrollment and agents; see tokens.ts, enrollment.ts and agents.ts.

  async putToken(id: string, epoch: number, definition: TokenDefinition): Promise<TokenView> {
    return putToken(this.tenant, id, epoch, definition);
  }

  async revokeToken(id: string, epoch: number, at?: string): Promise<TokenView> {
    return revokeToken(this.tenant, id, epoch, at);
  }

  async token(id: string): Promise<TokenView> {
    return tokenView(this.tenant, id);
  }

  enroll(request: EnrollRequest): Promise<Enrolled> {
    return enroll(this.tenant, request);
  }

  enrollNatively(request: NativeEnrollment): Promise<Enrolled> {
    return enrollNatively(this.tenant, request);
  }

  /** For the door of Wazuh's own protocol: a ticket for one agent; see raw_enrollment.ts. */
  admitRaw(visit: Shown): Promise<string> {
    return admitRaw(this.tenant, visit);
  }

  enrollByTicket(line: EnrollLine): Promise<Enrolled> {
    return enrollByTicket(this.tenant, line);
  }

  agents(): Promise<AgentsView> {
    return listAgents(this.tenant);
  }

  importAgents(epoch: number, agents: KnownAgent[]): Promise<Imported[]> {
    return importAgents(this.tenant, epoch, agents);
  }

  /** @param key missing from callers of the version before */
  quarantine(agent: string, epoch: number, reason: string, key?: string): Promise<AgentView> {
    this.tenant.requireLive(epoch);
    const work = () => quarantine(this.tenant, agent, reason);
    return key === undefined ? work() : once(this.tenant, `quarantine:${key}`, { agent, reason }, work);
  }

  async orderOfAgents(id: string, order: AgentOrder): Promise<AgentOrderView> {
    return acceptOrder(this.tenant, id, order);
  }

  async agentOrder(id: string): Promise<AgentOrderView> {
    return orderView(this.tenant, id);
  }

  quarantineToken(token: string, epoch: number, reason: string, key: string): Promise<QuarantinedToken> {
    this.tenant.requireLive(epoch);
    const work = () => quarantineToken(this.tenant, token, reason);
    return once(this.tenant, `quarantine_token:${key}`, { token, reason }, work);
  }

  /** @param address missing from callers of the version before */
  async connector(agent: string, secretDigest: string, address = "unknown"): Promise<Verdict> {
    return (await admitConnector(this.tenant, agent, secretDigest, address)).verdict;
  }

  certificate(sha256: string, address: string): Promise<Admission> {
    return admitCertificate(this.tenant, sha256, address);
  }

  /** Which manager nodes an agent's connection goes to. */
  async agentRoute(agent: string): Promise<AgentRoute> {
    return agentRoute(this.tenant, agent);
  }

  async mayConnect(agent: string): Promise<boolean> {
    return mayConnect(this.tenant, agent);
  }

  // Requests of Wazuh 5 agents; see agent_requests.ts.

  admitRequest(sender: Sender, urgency: Urgency): Promise<AdmittedRequest> {
    return admitRequest(this.tenant, sender, urgency);
  }

  holdBatch(sender: Sender, batch: Omit<Batch, "agent">): Promise<void> {
    return holdBatch(this.tenant, sender, batch);
  }

  async agentMissing(agent: string): Promise<void> {
    agentMissing(this.tenant, agent);
  }

  /** Numbers of the managers that serve, for what any of them answers to anybody. */
  async servingManagers(): Promise<number[]> {
    return servingManagers(this.tenant);
  }

  // Dashboard codes, sessions and revocations; see sessions.ts and revocations.ts.

  async dashboardCode(request: CodeRequest): Promise<CodeAnswer> {
    return makeCode(this.tenant, request);
  }

  /** @param address missing from callers of the version before */
  async redeemCode(codeDigest: string, address = "unknown"): Promise<Redeemed> {
    return redeemCode(this.tenant, codeDigest, address);
  }

  /** @param address missing from callers of the version before */
  async session(secretDigest: string, address = "unknown"): Promise<SessionView | null> {
    return useSession(this.tenant, secretDigest, address);
  }

  /** What a page shows that waits for the tenant. */
  async waking(secretDigest: string, address = "unknown"): Promise<Waking | null> {
    return waitingSession(this.tenant, secretDigest, address);
  }

  async revoke(request: RevocationRequest): Promise<{ closed: number }> {
    return revoke(this.tenant, request);
  }

  /** The same for the events' door, which is counted. */
  async admitReader(claims: AccessClaims): Promise<boolean> {
    return admitReader(this.tenant, claims);
  }

  async accessStands(claims: AccessClaims): Promise<boolean> {
    return accessStands(this.tenant, claims);
  }
}
