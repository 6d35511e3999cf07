import { DurableObject } from "cloudflare:workers";
import type { AccessClaims, AccessRule } from "../auth/claims";
import { DataKeySealer } from "../auth/data_key";
import { type Env, settingsOf } from "../bindings";
import { type CountBatch, Counts } from "../counts";
import { EdgeError, messageOf } from "../errors";
import { inJurisdiction } from "../jurisdiction";
import { log } from "../log";
import { AlertMark, levelOf } from "./alert_mark";
import { SealedArchive } from "./archive";
import { BlobLog } from "./blob_log";
import { CommitChain } from "./commit_chain";
import { MAX_EVENT_BYTES, type NewEvent, written } from "./events";
import type { EventFilter } from "./filter";
import { MAX_PAGE_EVENTS, Pages, type Selection } from "./pages";
import { SeenKeys } from "./seen";
import { ArchivedLog, keeping } from "./segments";
import { encodeBatches, type WrittenEvent } from "./stored";
import { CLOSE_ENDED, CLOSE_FAILED, Subscribers } from "./subscribers";

const SEEN_KEYS = 50_000;
const DAY_MS = 24 * 3600 * 1000;
const HOUR_MS = 3600 * 1000;
const SUBSCRIBE_HEADER = "x-stream-subscribe";

/** The answer to an append: the stream's newest number and how many of the events were new. */
export interface Appended {
  last: number;
  added: number;
}

/** One tenant's event stream: an append-only log with replay and live readers. */
export class EventStream extends DurableObject<Env> {
  readonly #log = new BlobLog(this.ctx.storage.sql);
  readonly #counts = new Counts(this.ctx.storage.sql);
  readonly #mark = new AlertMark(this.ctx.storage.sql);
  readonly #archive = this.#openArchive();
  readonly #kept = new ArchivedLog(this.#log, this.#archive, this.#sizes, (work) => this.#transaction(work));
  readonly #pages = new Pages(this.#kept);
  readonly #readers = new Subscribers(this.ctx, (after, filter) => this.#pages.read(after, MAX_PAGE_EVENTS, filter));
  readonly #chain = new CommitChain<WrittenEvent[], Appended>(
    (groups) => this.#commit(groups),
    () => this.ctx.storage.sync(),
    () => this.#announce(),
  );
  #seen: SeenKeys | null = null;
  #announced = this.#log.last;
  #tidied = 0;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, inJurisdiction(env));
    // Answered without waking the object.
    ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair("ping", "pong"));
  }

  /**
   * Appends events in order and answers once they are on disk. Events whose key was seen are dropped.
   *
   * @throws EdgeError EVENT_TOO_LARGE; then none of the given events is kept.
   */
  async append(events: NewEvent[]): Promise<Appended> {
    const texts = events.map(writtenEvent);
    if (events.length === 0) return { last: this.#log.last, added: 0 };
    return this.#chain.add(texts);
  }

  /** Where the stream stands, for the tenant's view. */
  position(): { seq: number; last_event_at: string | null } {
    const at = this.#log.lastAt;
    return { seq: this.#log.last, last_event_at: at === null ? null : new Date(at).toISOString() };
  }

  /** What was counted here since the tenant took the batch `taken`. */
  handOverCounts(taken: number): CountBatch {
    return this.ctx.storage.transactionSync(() => this.#counts.handOver(taken));
  }

  /**
   * Up to `limit` events after the number `after`, as a JSON text of a `Page`.
   * @param selection missing from callers of the version before
   */
  async replay(after: number, limit: number, selection: Selection = {}): Promise<string> {
    return written(await this.#pages.read(after, limit, selection));
  }

  /** Closes the readers that the rule covers; returns how many. */
  closeSubscribers(rule: AccessRule): number {
    return this.#readers.close(rule);
  }

  /** Forgets everything, here and in the archive. */
  async erase(): Promise<void> {
    for (const socket of this.ctx.getWebSockets()) socket.close(1001, "the tenant was deleted");
    await this.#archive.removeAll();
    await this.ctx.storage.deleteAlarm();
    await this.ctx.storage.deleteAll();
    this.#log.create();
    this.#counts.create();
    this.#mark.create();
    this.#seen = null;
    this.#announced = 0;
  }

  /** The WebSocket door for {@link subscribeRequest}; only this Worker's own code reaches an object. */
  override async fetch(request: Request): Promise<Response> {
    const asked = JSON.parse(request.headers.get(SUBSCRIBE_HEADER) ?? "null") as Subscribing | null;
    if (!asked) return new Response("who subscribes is missing", { status: 400 });
    const { claims, filter, after, from } = asked;
    const now = after === null && from === null;
    const start = now ? Number.POSITIVE_INFINITY : await this.#pages.start(after ?? 0, from ?? undefined);
    const { 0: client, 1: server } = new WebSocketPair();
    const { last } = this.#log;
    this.#readers.accept(server, claims, filter, Math.min(start, last), last);
    await this.#wakeBy(claims.endsAt);
    await this.#closeUnlessAllowed(server, claims);
    return new Response(null, { status: 101, webSocket: client, headers: { "sec-websocket-protocol": "events.v1" } });
  }

  /** Asked again now that the reader is listed: a revocation in between would have found nothing to close. */
  async #closeUnlessAllowed(reader: WebSocket, claims: AccessClaims): Promise<void> {
    try {
      if (!(await this.#tenant.accessStands(claims))) reader.close(CLOSE_ENDED, "access ended");
    } catch (reason) {
      reader.close(CLOSE_FAILED, "access could not be checked");
      throw reason;
    }
  }

  override async alarm(): Promise<void> {
    const now = Date.now();
    const onlyMark = (this.#mark.dueAt() ?? Number.POSITIVE_INFINITY) <= now && now - this.#tidied < HOUR_MS;
    await this.ctx.storage.setAlarm(onlyMark ? this.#tidied + HOUR_MS : now + HOUR_MS);
    const nextEnd = this.#readers.expire(now);
    if (nextEnd !== null) await this.#wakeBy(nextEnd);
    await this.#tellMark();
    // While alerts come, the alarm rings every few seconds: what is done by the hour is not done each time.
    if (!onlyMark || this.#kept.overfull) await this.#tidy(now);
  }

  async #tidy(now: number): Promise<void> {
    await this.#kept.seal(now);
    const days = Math.max(await this.#tenant.retentionDays(), await this.#tenant.archiveDays());
    await this.#kept.expire(now - days * DAY_MS);
    this.#tidied = now;
  }

  /** Tells the tenant how far the alerts have come, if that is due; what fails is told at the alarm's next turn. */
  async #tellMark(): Promise<void> {
    const told = this.#mark.take(Date.now());
    if (told) {
      try {
        await this.#tenant.noteAlerts(told);
        this.#mark.settle(told);
      } catch (reason) {
        log("warn", "a mark of alerts was not told and will be again", {
          tenant: this.ctx.id.name,
          error: messageOf(reason),
        });
      }
    }
    const next = this.#mark.dueAt();
    if (next !== null) await this.#wakeBy(next);
  }

  #commit(groups: WrittenEvent[][]): Appended[] {
    const fresh = new Set<string>();
    const chosen = groups.map((events) => events.filter((event) => this.#isNew(event, fresh)));
    const now = this.#log.timeFor(Date.now());
    const waits = this.#mark.dueAt() !== null;
    this.#transaction(() => {
      for (const batch of encodeBatches(chosen.flat(), new Date(now).toISOString())) {
        this.#log.append(batch.count, batch.body, now, batch.keys);
      }
      this.#counts.add("alerts", chosen.flat().filter(({ kind }) => kind === "alert").length, now);
      this.#mark.note(highestOf(chosen.flat()), this.#log.last);
    });
    // In the same turn as the rows, so that both reach the disk together: after a restart the alarm tells what was not told.
    const due = this.#mark.dueAt();
    if (due !== null && !waits) void this.ctx.storage.setAlarm(due);
    this.#seenKeys().remember(fresh);
    const { last } = this.#log;
    return chosen.map((events) => ({ last, added: events.length }));
  }

  #isNew(event: WrittenEvent, fresh: Set<string>): boolean {
    if (event.key === undefined) return true;
    if (fresh.has(event.key) || this.#seenKeys().has(event.key)) return false;
    fresh.add(event.key);
    return true;
  }

  #seenKeys(): SeenKeys {
    this.#seen ??= new SeenKeys(this.#log.recentKeys(SEEN_KEYS), SEEN_KEYS);
    return this.#seen;
  }

  #announce(): void {
    const { last } = this.#log;
    const previous = this.#announced;
    if (last === previous) return;
    this.#announced = last;
    if (this.#readers.any) this.#readers.announce(this.#pages.hot(previous));
    if (this.#kept.overfull) this.ctx.waitUntil(this.#wakeBy(Date.now()));
  }

  #openArchive(): SealedArchive {
    const sealer = new DataKeySealer(() => this.#tenant.archiveKey());
    return new SealedArchive(this.env.ARCHIVE, `${this.ctx.id.name}/events/`, sealer);
  }

  get #sizes() {
    return keeping(settingsOf(this.env).hotLogBytes);
  }

  get #tenant() {
    return this.env.TENANT.getByName(this.ctx.id.name ?? "");
  }

  #transaction(work: () => void): void {
    this.ctx.storage.transactionSync(work);
  }

  async #wakeBy(time: number): Promise<void> {
    const current = await this.ctx.storage.getAlarm();
    if (current === null || current > time) await this.ctx.storage.setAlarm(time);
  }
}

/** Who subscribes, what to, and from where on; without `after` and `from` that is now. */
export interface Subscribing {
  claims: AccessClaims;
  filter: EventFilter;
  after: number | null;
  /** Nothing from before, in milliseconds since 1970. */
  from: number | null;
}

/** A request that makes the stream object accept a reader. */
export function subscribeRequest(asked: Subscribing): Request {
  return new Request("http://stream/", {
    headers: { upgrade: "websocket", [SUBSCRIBE_HEADER]: JSON.stringify(asked) },
  });
}

const highestOf = (events: WrittenEvent[]) => events.reduce((highest, { level }) => Math.max(highest, level), 0);

function writtenEvent({ kind, data, key }: NewEvent): WrittenEvent {
  const text = JSON.stringify(data ?? null);
  if (text.length > MAX_EVENT_BYTES) {
    throw new EdgeError(
      "EVENT_TOO_LARGE",
      `an event of ${text.length} characters was refused; the bound is ${MAX_EVENT_BYTES}`,
    );
  }
  return { kind, text, level: kind === "alert" ? levelOf(data) : 0, ...(key === undefined ? {} : { key }) };
}
