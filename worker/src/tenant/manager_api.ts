import { z } from "zod";
import { EdgeError, messageOf, plainText } from "../errors";
import { basicAuthorization } from "./basic";
import { within } from "./deadline";
import { jsonAnswer } from "./nodes/json";
import { NotYet } from "./not_yet";

export interface Credential {
  username: string;
  password: string;
}

/** JSON, or the text of a configuration. */
type Body = object | string;

type Send = (request: Request) => Promise<Response>;

const BASE = "http://node:55000";
const PAGE = 500;
/** The manager itself is agent 000. */
const MANAGER_ID = "000";
/** "The group already exists": what was asked for holds. */
const HOLDS_ALREADY = new Set([1711]);
/** "The node does not exist": it is not connected to the master. */
const NOT_THERE = new Set([1730]);
const ANSWER_WITHIN_MS = 10_000;
/** The API takes 300 requests a minute and counts anew after one. */
const BUSY_MS = 60_000;

// A tenant's administrator can make a manager say anything, so nothing of it is passed on as it came.
const Text = z.string().transform(plainText).nullable().catch(null);

const ManagerAgent = z
  .object({
    id: z.string().regex(/^\d{3,8}$/),
    status: z.enum(["active", "disconnected", "never_connected", "pending"]).catch("pending"),
    version: Text,
    ip: Text,
    lastKeepAlive: Text,
    group: z.array(z.string().max(255)).catch([]),
  })
  .transform(({ version, lastKeepAlive, group, ...agent }) => ({
    ...agent,
    version: version?.replace(/^Wazuh v/, "") ?? null,
    lastKeepAlive: isoTime(lastKeepAlive),
    groups: group,
  }));

/** An agent as the manager sees it. */
export type ManagerAgent = z.output<typeof ManagerAgent>;

const Daemons = z.record(z.string().max(64), z.string().max(64));

const Enrolling = z
  .object({ auth: z.object({ use_password: z.enum(["yes", "no"]) }), "authd.pass": z.string().max(1024).optional() })
  .transform((told) => (told.auth.use_password === "yes" ? (told["authd.pass"] ?? null) : null));

const Joined = z.object({
  status: z.object({
    sync_integrity_free: z.boolean(),
    last_check_integrity: z.object({ date_end_master: z.string().max(64) }),
  }),
});

const Envelope = z.object({
  data: z
    .object({
      affected_items: z.array(z.unknown()).catch([]),
      total_affected_items: z.number().catch(0),
      failed_items: z.array(z.object({ error: z.object({ code: z.number() }) })).catch([]),
      token: z.string().optional(),
    })
    .optional()
    .catch(undefined),
  error: z.number().catch(0),
  detail: Text,
  message: Text,
});
type Envelope = z.output<typeof Envelope>;

interface Answer {
  status: number;
  /** Null where the answer was none of the API's. */
  envelope: Envelope | null;
}

/** The manager answered, and its answer was no. */
export class ManagerRefusal extends EdgeError {
  /** @param status of the answer */
  constructor(
    message: string,
    private readonly status: number,
  ) {
    super("MANAGER_REFUSED", message);
  }

  /** Whether it refuses what was asked for, and not everything. */
  get concernsThisCall(): boolean {
    return this.status < 500 && this.status !== 401 && this.status !== 403;
  }
}

/** Client of a manager's server API (Wazuh 4.x, port 55000), for the calls the edge needs. */
export class ManagerApi {
  #token: string | null = null;
  #busyUntil = 0;

  /**
   * @param send reaches the manager's node
   * @param answerWithinMs how long one call may take
   */
  constructor(
    private readonly send: Send,
    private readonly credential: Credential,
    private readonly answerWithinMs = ANSWER_WITHIN_MS,
  ) {}

  /** All agents but the manager itself. @param most how many there can be; what a manager lists beyond is not read */
  async agents(most: number): Promise<ManagerAgent[]> {
    const agents: ManagerAgent[] = [];
    for (let offset = 0; offset <= most; offset += PAGE) {
      const select = "select=id,name,status,version,ip,lastKeepAlive,group";
      const page = await this.#call("GET", `/agents?${select}&limit=${PAGE}&offset=${offset}&sort=%2Bid`);
      const items = page.data?.affected_items ?? [];
      agents.push(...items.flatMap((item) => ManagerAgent.safeParse(item).data ?? []));
      if (items.length < PAGE || offset + PAGE >= (page.data?.total_affected_items ?? 0)) break;
    }
    return agents.filter((agent) => agent.id !== MANAGER_ID);
  }

  /**
   * What a manager says of each of its processes, such as `wazuh-analysisd: running`.
   * @param node name of a worker, which is asked through its master; missing: the manager itself
   */
  async daemons(node?: string): Promise<Record<string, string>> {
    const answer = await this.#call("GET", node === undefined ? "/manager/status" : `/cluster/${node}/status`);
    const read = Daemons.safeParse(answer.data?.affected_items[0]);
    if (!read.success) throw new ManagerRefusal("the manager does not say which of its processes run", 200);
    return read.data;
  }

  /**
   * The password that whoever enrolls at this manager has to know; null where none is asked for, or there is none.
   *
   * The daemon that enrolls says itself whether it asks; the API adds the content of the daemon's file.
   */
  async enrollmentPassword(): Promise<string | null> {
    const answer = await this.#call("GET", "/manager/configuration/auth/auth");
    const read = Enrolling.safeParse(answer.data?.affected_items[0]);
    if (!read.success) throw new ManagerRefusal("the manager does not say how it enrolls", 200);
    return read.data;
  }

  /** Whether a worker is connected to its master, and has compared its keys, groups and rules with it since then. */
  async hasJoined(node: string): Promise<boolean> {
    const answer = await this.#call("GET", `/cluster/healthcheck?nodes_list=${node}`, undefined, NOT_THERE);
    const read = Joined.safeParse(answer.data?.affected_items[0]);
    if (!read.success || !read.data.status.sync_integrity_free) return false;
    // Before the first comparison it is 1970, or no date.
    return Date.parse(read.data.status.last_check_integrity.date_end_master.replace(" ", "T")) > 0;
  }

  /** Registers an agent under a given id and key. */
  async insert(agent: { id: string; name: string; key: string }): Promise<void> {
    await this.#call("POST", "/agents/insert", { ...agent, ip: "any" });
  }

  /** Makes a group where it is missing. */
  async makeGroup(group: string): Promise<void> {
    await this.#call("POST", "/groups", { group_id: group }, HOLDS_ALREADY);
  }

  /** Replaces what a group's agents share. @param configuration an agent.conf */
  async configureGroup(group: string, configuration: string): Promise<void> {
    await this.#call("PUT", `/groups/${encodeURIComponent(group)}/configuration`, configuration);
  }

  /** Puts an agent into a group that exists. */
  async assign(agent: string, group: string): Promise<void> {
    await this.#call("PUT", `/agents/${agent}/group/${encodeURIComponent(group)}`);
  }

  async #call(method: string, path: string, body?: Body, accepted?: Set<number>): Promise<Envelope> {
    const { status, envelope } = await this.#signedIn(method, path, body);
    const codes = envelope ? failureCodes(envelope) : [];
    const fine = status < 300 && codes.length === 0;
    if (envelope && (fine || (codes.length > 0 && codes.every((code) => accepted?.has(code))))) return envelope;
    const why = envelope?.detail ?? envelope?.message ?? (envelope ? "no reason" : "not an answer of the API");
    throw new ManagerRefusal(`the manager answered ${status} to ${method} ${path.split("?")[0]}: ${why}`, status);
  }

  /** Signs in where that is needed: the token runs out, and a new manager knows none of its predecessor's. */
  async #signedIn(method: string, path: string, body?: Body): Promise<Answer> {
    if (this.#token) {
      const answer = await this.#request(method, path, `Bearer ${this.#token}`, body);
      if (answer.status !== 401) return answer;
    }
    this.#token = await this.#authenticate();
    return this.#request(method, path, `Bearer ${this.#token}`, body);
  }

  async #authenticate(): Promise<string> {
    const { username, password } = this.credential;
    const basic = basicAuthorization(username, password);
    const { status, envelope } = await this.#request("POST", "/security/user/authenticate", basic);
    const token = envelope?.data?.token;
    if (status >= 300 || !token) throw new EdgeError("MANAGER_REFUSED", "the manager's API did not let the edge in");
    return token;
  }

  /** @throws NotYet where the manager took too many calls, without a call for as long as that holds */
  async #request(method: string, path: string, authorization: string, body?: Body): Promise<Answer> {
    if (Date.now() < this.#busyUntil) throw busy(this.#busyUntil - Date.now());
    const answer = await this.#exchange(method, path, authorization, body);
    if (answer.status !== 429) return answer;
    this.#busyUntil = Date.now() + BUSY_MS;
    throw busy(BUSY_MS);
  }

  async #exchange(method: string, path: string, authorization: string, body?: Body): Promise<Answer> {
    const headers: Record<string, string> = { authorization };
    if (body) headers["content-type"] = typeof body === "string" ? "application/xml" : "application/json";
    // The signal lets go of the connection; whether every party on the way heeds it is not relied on.
    const signal = AbortSignal.timeout(this.answerWithinMs);
    const text = typeof body === "object" ? JSON.stringify(body) : (body ?? null);
    const request = new Request(BASE + path, { method, headers, signal, body: text });
    try {
      return await within(this.answerWithinMs, this.send(request).then(read));
    } catch (error) {
      throw new EdgeError("MANAGER_REFUSED", `the manager did not answer: ${messageOf(error)}`);
    }
  }
}

const busy = (afterMs: number) =>
  new NotYet("MANAGER_BUSY", "the manager takes no more calls of the edge in this minute", afterMs);

async function read(answer: Response): Promise<Answer> {
  return { status: answer.status, envelope: Envelope.safeParse(await jsonAnswer(answer)).data ?? null };
}

/** The manager's own error codes: of the call, or of the items that failed in it. */
function failureCodes({ data, error }: Envelope): number[] {
  const failed = data?.failed_items ?? [];
  if (failed.length > 0) return failed.map((item) => item.error.code);
  return error > 2 ? [error] : [];
}

function isoTime(text: string | null): string | null {
  const time = new Date(text ?? "");
  return Number.isNaN(time.getTime()) ? null : time.toISOString();
}
