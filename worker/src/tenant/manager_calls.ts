import { z } from "zod";
import { EdgeError, messageOf, plainText } from "../errors";
import { basicAuthorization } from "./basic";
import { within } from "./deadline";
import { jsonOf, textAnswer } from "./nodes/json";
import { NotYet } from "./not_yet";

export interface Credential {
  username: string;
  password: string;
}

/** JSON, the text of a configuration, or the bytes of a file. */
type Body = object | string | Uint8Array<ArrayBuffer>;

export type Send = (request: Request) => Promise<Response>;

const BASE = "http://node:55000";
const ANSWER_WITHIN_MS = 10_000;
/** The API takes 300 requests a minute and counts anew after one. */
const BUSY_MS = 60_000;

// A tenant's administrator can make a manager say anything, so nothing of it is passed on as it came.
export const Text = z.string().transform(plainText).nullable().catch(null);

const Failed = z.object({
  error: z.object({ code: z.number(), message: Text }),
  id: z.array(z.string()).catch([]),
});

const Envelope = z.object({
  data: z
    .looseObject({
      affected_items: z.array(z.unknown()).catch([]),
      total_affected_items: z.number().catch(0),
      failed_items: z.array(Failed).catch([]),
      token: z.string().optional(),
    })
    .optional()
    .catch(undefined),
  error: z.number().catch(0),
  detail: Text,
  message: Text,
});
export type Envelope = z.output<typeof Envelope>;

/** Why the manager did not do what it was asked for with one item. */
export interface ItemRefusal {
  code: number;
  message: string;
}

interface Answer {
  status: number;
  /** Null where the answer was none of the API's. */
  envelope: Envelope | null;
  text: string | null;
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

/** Calls of a manager's server API (Wazuh 4.x, port 55000): signing in, waiting, and what an answer comes to. */
export class ManagerCalls {
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

  /** @throws ManagerRefusal where anything of what was asked for failed otherwise than by an accepted code */
  protected async call(method: string, path: string, body?: Body, accepted?: Set<number>): Promise<Envelope> {
    const { status, envelope } = await this.#signedIn(method, path, body);
    const codes = envelope ? failureCodes(envelope) : [];
    const fine = status < 300 && codes.length === 0;
    if (envelope && (fine || (codes.length > 0 && codes.every((code) => accepted?.has(code))))) return envelope;
    throw refusalOf(method, path, status, envelope);
  }

  /**
   * A call for several items, of which some may fail.
   * @returns what it did, and for each other item why not
   * @throws ManagerRefusal where the call itself was refused
   */
  protected async each(method: string, path: string): Promise<{ done: unknown[]; refused: Map<string, ItemRefusal> }> {
    const { status, envelope } = await this.#signedIn(method, path);
    if (status >= 300 || !envelope?.data) throw refusalOf(method, path, status, envelope);
    const refused = envelope.data.failed_items.flatMap(({ id, error }) =>
      id.map((one): [string, ItemRefusal] => [one, { code: error.code, message: error.message ?? "no reason" }]),
    );
    return { done: envelope.data.affected_items, refused: new Map(refused) };
  }

  /**
   * A call about one thing, of which the caller wants to know why it was refused.
   * @returns the manager's own words; null where it did what was asked for
   * @throws ManagerRefusal where it refuses more than this call
   */
  protected async refusal(method: string, path: string, body?: Body): Promise<string | null> {
    const { status, envelope } = await this.#signedIn(method, path, body);
    const [failed] = envelope?.data?.failed_items ?? [];
    if (failed) return failed.error.message ?? "no reason";
    if (envelope && status < 300 && envelope.error === 0) return null;
    const refusal = refusalOf(method, path, status, envelope);
    if (!envelope || !refusal.concernsThisCall) throw refusal;
    return envelope.detail ?? envelope.message ?? "no reason";
  }

  /** A call that answers with a file. @throws ManagerRefusal where it does not */
  protected async text(method: string, path: string): Promise<string> {
    const { status, envelope, text } = await this.#signedIn(method, path);
    if (status >= 300 || text === null) throw refusalOf(method, path, status, envelope);
    return text;
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
    if (body) headers["content-type"] = typeOf(body);
    const abandoned = new AbortController();
    const sent = typeof body === "object" && !(body instanceof Uint8Array) ? JSON.stringify(body) : (body ?? null);
    const request = new Request(BASE + path, { method, headers, signal: abandoned.signal, body: sent });
    try {
      return await within(this.answerWithinMs, this.send(request).then(read));
    } catch (error) {
      // Lets go of the connection; whether every party on the way heeds it is not relied on.
      abandoned.abort();
      throw new EdgeError("MANAGER_REFUSED", `the manager did not answer: ${messageOf(error)}`);
    }
  }
}

const typeOf = (body: Body) => {
  if (body instanceof Uint8Array) return "application/octet-stream";
  return typeof body === "string" ? "application/xml" : "application/json";
};

function refusalOf(method: string, path: string, status: number, envelope: Envelope | null): ManagerRefusal {
  const why = envelope?.detail ?? envelope?.message ?? (envelope ? "no reason" : "not an answer of the API");
  return new ManagerRefusal(`the manager answered ${status} to ${method} ${path.split("?")[0]}: ${why}`, status);
}

const busy = (afterMs: number) =>
  new NotYet("MANAGER_BUSY", "the manager takes no more calls of the edge in this minute", afterMs);

async function read(answer: Response): Promise<Answer> {
  const text = await textAnswer(answer);
  return { status: answer.status, envelope: Envelope.safeParse(jsonOf(text)).data ?? null, text };
}

/** The manager's own error codes: of the call, or of the items that failed in it. */
function failureCodes({ data, error }: Envelope): number[] {
  const failed = data?.failed_items ?? [];
  if (failed.length > 0) return failed.map((item) => item.error.code);
  return error > 2 ? [error] : [];
}
