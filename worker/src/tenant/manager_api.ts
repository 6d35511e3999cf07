import { EdgeError } from "../errors";

/** An agent as the manager sees it. */
export interface ManagerAgent {
  id: string;
  name: string;
  status: "active" | "disconnected" | "never_connected" | "pending";
  version: string | null;
  ip: string | null;
  lastKeepAlive: string | null;
  groups: string[];
}

export interface Credential {
  username: string;
  password: string;
}

type Send = (request: Request) => Promise<Response>;

interface Envelope<Item> {
  data?: { affected_items?: Item[]; total_affected_items?: number; total_failed_items?: number };
  error?: number;
  detail?: string;
  message?: string;
}

const BASE = "http://node:55000";
const PAGE = 500;
/** The manager itself is agent 000. */
const MANAGER_ID = "000";
/** "The group already exists": what was asked for holds. */
const HOLDS_ALREADY = new Set([1711]);

/** Client of a manager's server API (Wazuh 4.x, port 55000), for the calls the edge needs. */
export class ManagerApi {
  #token: string | null = null;

  /** @param send reaches the manager's node */
  constructor(
    private readonly send: Send,
    private readonly credential: Credential,
  ) {}

  /** All agents but the manager itself. */
  async agents(): Promise<ManagerAgent[]> {
    const agents: ManagerAgent[] = [];
    for (;;) {
      const select = "select=id,name,status,version,ip,lastKeepAlive,group";
      const page = await this.#call<RawAgent>(
        "GET",
        `/agents?${select}&limit=${PAGE}&offset=${agents.length}&sort=%2Bid`,
      );
      const items = page.data?.affected_items ?? [];
      agents.push(...items.map(readAgent));
      if (items.length < PAGE || agents.length >= (page.data?.total_affected_items ?? 0)) break;
    }
    return agents.filter((agent) => agent.id !== MANAGER_ID);
  }

  /** Registers an agent under a given id and key. */
  async insert(agent: { id: string; name: string; key: string }): Promise<void> {
    await this.#call("POST", "/agents/insert", { ...agent, ip: "any" });
  }

  /** Puts an agent into a group, making the group where it is missing. */
  async assign(agent: string, group: string): Promise<void> {
    await this.#call("POST", "/groups", { group_id: group }, HOLDS_ALREADY);
    await this.#call("PUT", `/agents/${agent}/group/${encodeURIComponent(group)}`);
  }

  async #call<Item>(method: string, path: string, body?: object, accepted?: Set<number>): Promise<Envelope<Item>> {
    const answer = await this.#signedIn(method, path, body);
    const envelope = await read<Item>(answer);
    const codes = failureCodes(envelope);
    if (answer.ok && codes.length === 0) return envelope;
    if (codes.length > 0 && codes.every((code) => accepted?.has(code))) return envelope;
    throw new EdgeError(
      "MANAGER_REFUSED",
      `the manager answered ${answer.status} to ${method} ${path.split("?")[0]}: ${envelope.detail ?? envelope.message ?? "no reason"}`,
    );
  }

  /** Signs in where that is needed: the token runs out, and a new manager knows none of its predecessor's. */
  async #signedIn(method: string, path: string, body?: object): Promise<Response> {
    if (this.#token) {
      const answer = await this.#request(method, path, `Bearer ${this.#token}`, body);
      if (answer.status !== 401) return answer;
      await answer.body?.cancel();
    }
    this.#token = await this.#authenticate();
    return this.#request(method, path, `Bearer ${this.#token}`, body);
  }

  async #authenticate(): Promise<string> {
    const { username, password } = this.credential;
    const basic = Buffer.from(`${username}:${password}`).toString("base64");
    const answer = await this.#request("POST", "/security/user/authenticate", `Basic ${basic}`);
    const { data } = (await answer.json().catch(() => ({}))) as { data?: { token?: string } };
    if (!answer.ok || !data?.token) throw new EdgeError("MANAGER_REFUSED", "the manager's API did not let the edge in");
    return data.token;
  }

  #request(method: string, path: string, authorization: string, body?: object): Promise<Response> {
    const headers: Record<string, string> = { authorization };
    if (body) headers["content-type"] = "application/json";
    return this.send(new Request(BASE + path, { method, headers, ...(body ? { body: JSON.stringify(body) } : {}) }));
  }
}

type RawAgent = { id: string; name: string; status: ManagerAgent["status"] } & Partial<
  Record<"version" | "ip" | "lastKeepAlive", string> & { group: string[] }
>;

function readAgent(raw: RawAgent): ManagerAgent {
  const { id, name, status, version = null, ip = null, group = [] } = raw;
  const seen = raw.lastKeepAlive ? new Date(raw.lastKeepAlive) : null;
  const lastKeepAlive = seen && !Number.isNaN(seen.getTime()) ? seen.toISOString() : null;
  return { id, name, status, version: version?.replace(/^Wazuh v/, "") ?? null, ip, lastKeepAlive, groups: group };
}

async function read<Item>(answer: Response): Promise<Envelope<Item>> {
  const text = await answer.text();
  try {
    return JSON.parse(text) as Envelope<Item>;
  } catch {
    return { detail: "an answer that is not JSON" };
  }
}

/** The manager's own error codes: of the call, or of the items that failed in it. */
function failureCodes(envelope: Envelope<unknown>): number[] {
  const failed = (envelope.data as { failed_items?: { error: { code: number } }[] } | undefined)?.failed_items ?? [];
  if (failed.length > 0) return failed.map((item) => item.error.code);
  return envelope.error && envelope.error > 2 ? [envelope.error] : [];
}
