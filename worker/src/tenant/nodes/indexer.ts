import { type CountBatch, Counts } from "../../counts";
import { EdgeError } from "../../errors";
import type { BulkItem } from "../../gates/bulk";
import { openJournal } from "../../gates/open_journal";
import type { StateArchive } from "../../state/limits";
import type { ContainerPort } from "./base";
import { jsonAnswer } from "./json";
import type { NodeReport } from "./reports";
import { RepositoryContainer } from "./repository";
import { dropOutdated } from "./searchable";

const PORT = 9200;
const SNAPSHOT_EVERY_MS = 6 * 3600 * 1000;
const LOAD_FOR_MS = 20_000;
const INCOMPLETE = "without_snapshot";
const VERIFY_TIMEOUT_MS = 10_000;
const POST_TIMEOUT_MS = 60_000;

/** The node that stores a tenant's alerts and searches them. */
export class IndexerContainer extends RepositoryContainer {
  readonly #counts = new Counts(this.ctx.storage.sql);
  readonly #journal = openJournal(this.ctx.storage, this.env, { tenant: this.tenant, n: this.n }, (bytes, at) =>
    this.#counts.add("ingested_bytes", bytes, at),
  );
  /** The indexer's admin, asked for once; kept in memory only. */
  #authorization: string | null = null;

  /** Writes documents to the journal; once this resolves they are safe, whatever becomes of the container. */
  keep(items: BulkItem[]): Promise<void> {
    return this.#journal.keep(items);
  }

  /** What was counted here since the tenant took the batch `taken`. */
  handOverCounts(taken: number): CountBatch {
    return this.ctx.storage.transactionSync(() => this.#counts.handOver(taken));
  }

  /** What the journal holds, for whoever looks into one. */
  journalState() {
    return this.#journal.state();
  }

  /** How far the container got in the journal. */
  protected override progress(): number {
    return this.#journal.applied + super.progress();
  }

  /**
   * What the container had taken when a snapshot was asked for; null while none was. One that was not answered may still
   * come, so the lowest counts until one is.
   */
  #snapshotAt: number | null = null;

  protected override positionOfArchive(): number | null {
    return this.#snapshotAt;
  }

  /** A snapshot holds at least what the container had taken before it was asked for one. */
  protected override async save(): Promise<StateArchive | null> {
    if (this.serving) this.#refuseIncomplete();
    this.#snapshotAt = Math.min(this.#snapshotAt ?? Number.POSITIVE_INFINITY, this.#journal.applied);
    const saved = await super.save();
    this.#snapshotAt = null;
    this.ctx.waitUntil(this.#trim());
    return saved;
  }

  /** Where no archive is left, what the journal holds is all there is. */
  #refuseIncomplete(): void {
    if (!this.ctx.storage.kv.get(INCOMPLETE) || !this.ledger.latest()) return;
    const why = "The indexer runs without its snapshot until it is started again.";
    this.stateNotSaved(why);
    throw new Error(why);
  }

  /** What can't be read back keeps the journal as long as it is. */
  async #trim(): Promise<void> {
    try {
      await this.#journal.trim(await this.reachOfArchives());
    } catch (error) {
      this.onError(error);
    }
  }

  /** What the snapshot holds need not be written again. */
  protected override onRestored({ position }: StateArchive): void {
    this.#journal.resumeAfter(position);
    this.ctx.storage.kv.delete(INCOMPLETE);
  }

  override report(): NodeReport {
    return { ...super.report(), behind_since: this.#journal.behindSince };
  }

  override async alarm(): Promise<void> {
    await this.#dropOutdated().catch((error: unknown) => this.onError(error));
    await this.#journal.alarm();
    if (this.#snapshotIsDue()) await this.saveState().catch((error: unknown) => this.onError(error));
  }

  /** Only where something new is in: a tenant at rest needs no snapshot of the same. */
  #snapshotIsDue(): boolean {
    const latest = this.ledger.latest();
    const isOld = Date.now() - (latest?.at ?? 0) >= SNAPSHOT_EVERY_MS;
    return this.serving && isOld && this.#journal.applied > (latest?.position ?? 0);
  }

  /** Days that are not to be searchable any more make room on the disk. */
  async #dropOutdated(): Promise<void> {
    if (!this.serving) return;
    const { since, besides } = await this.env.TENANT.getByName(this.tenant).searchable();
    await dropOutdated((method, path) => this.#ask(path, method), since, besides);
  }

  protected override onStart(): void {
    super.onStart();
    // It may have been started with other credentials than the one before.
    this.#authorization = null;
    this.#snapshotAt = null;
    // Until it says that it has its snapshot: one taken before would hold less, and take the place of the whole one.
    this.ctx.storage.kv.put(INCOMPLETE, this.ledger.latest() !== null);
    this.#journal.containerStarted();
  }

  /** A replacement starts empty: it counts as running once it holds everything that was acknowledged. */
  protected override beforeReady(): Promise<void> {
    return this.#journal.replay((body) => this.#post(body));
  }

  protected override onReattach(): Promise<void> {
    return this.#journal.replay((body) => this.#post(body));
  }

  protected override onStop(): void {
    this.#journal.containerStopped();
  }

  protected override async onErase(): Promise<void> {
    await super.onErase();
    await this.#journal.erase();
  }

  /** What a day in the archive holds, and what the indexer's disk holds already, in bytes. @param day YYYY-MM-DD */
  async measureDay(day: string): Promise<{ documents: number; bytes: number; used: number }> {
    const used = await this.#usedBytes();
    let [documents, bytes] = [0, 0];
    for await (const part of this.#journal.ofDay(day, 0)) {
      documents += part.documents;
      bytes += part.body.byteLength;
    }
    return { documents, bytes, used };
  }

  /**
   * Writes a day's documents into the indices they came from, for as long as one call may take.
   * @param after where the call before ended
   * @throws EdgeError NODE_NOT_RUNNING where the indexer does not take them now
   */
  async loadDay(day: string, after: number): Promise<{ position: number; documents: number; done: boolean }> {
    const end = Date.now() + LOAD_FOR_MS;
    let [position, documents] = [after, 0];
    for await (const part of this.#journal.ofDay(day, after)) {
      const answer = await this.#post(part.body);
      const { errors } = (answer.ok ? await answer.json() : { errors: true }) as { errors?: boolean };
      if (errors !== false)
        throw new EdgeError("NODE_NOT_RUNNING", `The indexer did not take ${day} (${answer.status}).`);
      position = part.last;
      documents += part.documents;
      if (Date.now() > end) return { position, documents, done: false };
    }
    return { position, documents, done: true };
  }

  async #usedBytes(): Promise<number> {
    const answer = await this.#ask("/_cat/indices?format=json&bytes=b");
    const rows = (answer.ok ? await jsonAnswer(answer) : undefined) as { "store.size"?: string }[] | undefined;
    if (!Array.isArray(rows)) throw new EdgeError("NODE_NOT_RUNNING", "The indexer does not say what its disk holds.");
    return rows.reduce((sum, row) => sum + (Number.parseInt(row["store.size"] ?? "0", 10) || 0), 0);
  }

  async #ask(path: string, method = "GET"): Promise<Response> {
    const port = this.port(PORT);
    if (!port) throw new EdgeError("NODE_NOT_RUNNING", "The indexer does not run.");
    const headers = { authorization: await this.#admin() };
    return this.#heeding(
      await port.fetch(`http://node${path}`, { method, headers, signal: AbortSignal.timeout(VERIFY_TIMEOUT_MS) }),
    );
  }

  /** A password that is not taken is asked for again: it may have come just before the container got another one. */
  #heeding(answer: Response): Response {
    if (answer.status === 401) this.#authorization = null;
    return answer;
  }

  async #admin(): Promise<string> {
    this.#authorization ??= await this.env.TENANT.getByName(this.tenant).indexerAuthorization();
    return this.#authorization;
  }

  async #post(body: Uint8Array<ArrayBuffer>): Promise<Response> {
    const port = this.port(PORT);
    if (!port) throw new EdgeError("NODE_NOT_RUNNING", "The indexer does not run.");
    const headers = { authorization: await this.#admin(), "content-type": "application/x-ndjson" };
    const signal = AbortSignal.timeout(POST_TIMEOUT_MS);
    return this.#heeding(await port.fetch("http://node/_bulk", { method: "POST", headers, body, signal }));
  }

  /** This health path is the one that needs no credentials. OpenSearch answers there while its snapshot is put back. */
  protected override async probe(signal: AbortSignal): Promise<boolean> {
    const answer = await this.port(PORT)?.fetch("http://node/_plugins/_security/health", { signal });
    await answer?.body?.cancel();
    return answer?.ok === true && (await this.takesOrders(signal));
  }

  /**
   * Proves that an alert can be written, found and removed: a liveness answer says nothing about that.
   * @param id of the probe document; the same id again changes nothing
   * @param authorization value of the header, of the indexer's admin
   * @throws EdgeError INGEST_NOT_VERIFIED naming the part that failed
   */
  async verifyIngest(id: string, authorization: string): Promise<void> {
    const port = this.port(PORT);
    if (!port) throw new EdgeError("INGEST_NOT_VERIFIED", "The indexer does not run.");
    const index = `wazuh-alerts-4.x-${new Date().toISOString().slice(0, 10).replaceAll("-", ".")}`;
    const call = callsOf(port, authorization);
    const alert = { timestamp: new Date().toISOString(), rule: { level: 0, description: "Ingest probe" }, id };
    const write = `${JSON.stringify({ index: { _index: index, _id: id } })}\n${JSON.stringify(alert)}\n`;
    const remove = () => call("remove the probe", "POST", "/_bulk?refresh=true", removal(index, id), refusesBulk);
    try {
      await call("write the probe", "POST", "/_bulk?refresh=true", write, refusesBulk);
      await call("find the probe", "POST", `/${index}/_search`, JSON.stringify(byId(id)), findsNothing);
    } catch (error) {
      // The first failure is the one to tell; what it leaves behind the next probe writes over.
      await remove().catch((reason: unknown) => this.onError(reason));
      throw error;
    }
    await remove();
  }
}

const byId = (id: string) => ({ query: { ids: { values: [id] } }, size: 1 });
const removal = (index: string, id: string) => `${JSON.stringify({ delete: { _index: index, _id: id } })}\n`;
const refusesBulk = (answer: { errors?: unknown }) => answer.errors === true;
const findsNothing = (answer: { hits?: { hits?: unknown[] } }) => !answer.hits?.hits?.length;

type Refuses = (answer: Record<string, unknown>) => boolean;

function callsOf(port: ContainerPort, authorization: string) {
  return async (part: string, method: string, path: string, body: string, refuses: Refuses): Promise<void> => {
    const type = path.startsWith("/_bulk") ? "application/x-ndjson" : "application/json";
    const answer = await port.fetch(`http://node${path}`, {
      method,
      body,
      headers: { authorization, "content-type": type },
      signal: AbortSignal.timeout(VERIFY_TIMEOUT_MS),
    });
    const failed = (why: string) => new EdgeError("INGEST_NOT_VERIFIED", `The indexer did not ${part}: ${why}.`);
    if (!answer.ok) throw failed(`status ${answer.status}`);
    if (refuses(((await jsonAnswer(answer)) ?? { errors: true }) as Record<string, unknown>))
      throw failed("the answer does not hold it");
  };
}
