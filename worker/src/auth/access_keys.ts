/** The public keys by which Cloudflare Access signs for one team, as its certs address shows them. */
import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from "jose";
import { boundedBytes } from "../body";
import { EdgeError, messageOf } from "../errors";
import { log } from "../log";

const PATH = "/cdn-cgi/access/certs";
const ANSWER_WITHIN_MS = 5000;
const MAX_BYTES = 64 * 1024;
/** Access exchanges its keys every six weeks and shows the next one before it signs with it. */
const KEPT_MS = 3600_000;
/** Whoever names keys that do not exist, or comes while Access is away, has them fetched no oftener. */
const FETCH_EVERY_MS = 30_000;

/** The keys of one team; in each isolate of its own. */
export class AccessKeys {
  #find: ReturnType<typeof createLocalJWKSet> | null = null;
  #fetchedAt = Number.NEGATIVE_INFINITY;
  #triedAt = Number.NEGATIVE_INFINITY;

  constructor(private readonly issuer: string) {}

  /**
   * The key that a token's header names.
   * @throws EdgeError NOT_READY where there are no keys and none can be fetched
   */
  readonly find: JWTVerifyGetKey = async (header, token) => {
    if (!this.#find || Date.now() - this.#fetchedAt > KEPT_MS) await this.#fetch();
    try {
      return await this.#known(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey) || !(await this.#fetch())) throw error;
      return this.#known(header, token);
    }
  };

  #known: JWTVerifyGetKey = (header, token) => {
    if (this.#find) return this.#find(header, token);
    throw new EdgeError("NOT_READY", "The keys of Cloudflare Access could not be fetched.");
  };

  /** Keys that are known stay while they can't be fetched anew. @returns whether they were */
  async #fetch(): Promise<boolean> {
    if (Date.now() - this.#triedAt < FETCH_EVERY_MS) return false;
    this.#triedAt = Date.now();
    try {
      this.#find = createLocalJWKSet(await this.#asked());
      this.#fetchedAt = Date.now();
      return true;
    } catch (error) {
      log("error", "the keys of Access were not fetched", { issuer: this.issuer, error: messageOf(error) });
      return false;
    }
  }

  async #asked(): Promise<JSONWebKeySet> {
    const signal = AbortSignal.timeout(ANSWER_WITHIN_MS);
    const answer = await fetch(new URL(PATH, this.issuer), { signal, redirect: "manual" });
    const bytes = answer.ok ? await boundedBytes(answer.body, MAX_BYTES) : null;
    if (!bytes) throw new Error(`It was answered ${answer.status}, or with too much.`);
    return JSON.parse(new TextDecoder().decode(bytes)) as JSONWebKeySet;
  }
}
