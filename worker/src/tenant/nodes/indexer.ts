import { type CountBatch, Counts } from "../../counts";
import { EdgeError } from "../../errors";
import type { BulkItem } from "../../gates/bulk";
import type { Post } from "../../gates/journal";
import { openJournal } from "../../gates/open_journal";
import type { StateArchive } from "../../state/limits";
import { BULK, type LoadedPart, loadDay, type MeasuredDay, measureDay } from "./archived_days";
import { clusterTold, isLed } from "./cluster";
import {
  type ExportedPage,
  exportedIndices,
  exportJournal,
  exportPage,
  type JournalPage,
  type SearchAfter,
} from "./exported_alerts";
import { type Caller, probeIngest } from "./ingest_probe";
import { nodeStub } from "./names";
import type { NodeReport } from "./reports";
import { RepositoryContainer } from "./repository";
import { dropOutdated } from "./searchable";

const PORT = 9200;
/** The node whose object is the tenant's indexer, and whose archives are its state. */
const FIRST = 0;
const SNAPSHOT_EVERY_MS = 6 * 3600 * 1000;
const INCOMPLETE = "without_snapshot";
const VERIFY_TIMEOUT_MS = 10_000;
const POST_TIMEOUT_MS = 60_000;

/** The uuid of the cluster that the journal's position belongs to. */
const CLUSTER = "cluster";
/** The number of the archive that it was given when it was formed; null where it was given none. */
const FORMED_FROM = "formed_from";

/**
 * A node that stores a tenant's alerts and searches them. The object of the first one is the tenant's indexer for everybody
 * else: it has the journal and the archives, and while its own container does not serve it speaks to another that does.
 */
export class IndexerContainer extends RepositoryContainer {
  readonly #counts = new Counts(this.ctx.storage.sql);
  readonly #journal = openJournal(
    this.ctx.storage,
    this.env,
    { tenant: this.tenant, n: this.n },
    (bytes, at) => this.#counts.add("ingested_bytes", bytes, at),
    () => this.#elsewhere(),
  );
  readonly #call: Caller = (...call) => this.call(...call);
  /** Which cluster the container belongs to, asked for once. */
  #cluster: string | null = null;
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
    return this.#journal.forwarded + super.progress();
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

  /** Noted at once where that can be: should the container end, its cluster goes on with what it was given. */
  protected override onRestored(): void {
    const noted = this.#ownCluster().then((cluster) => this.#turnTo(cluster));
    this.ctx.waitUntil(noted.catch((error: unknown) => this.onError(error)));
  }

  /**
   * A cluster that was formed anew holds the archive that this container put into it, or nothing. One that lives goes on
   * where it was, whatever disk its nodes came with.
   */
  #turnTo(cluster: string): void {
    const { kv } = this.ctx.storage;
    const known = kv.get<string>(CLUSTER);
    if (known === cluster) return;
    kv.put(CLUSTER, cluster);
    const number = super.restoredFrom();
    kv.put(FORMED_FROM, number);
    // The container was started by a version that did not note it: the position is its own.
    if (known === undefined) return;
    const archive = number === null ? null : this.ledger.archive(number);
    // A snapshot that holds less would take the place of the whole one.
    kv.put(INCOMPLETE, archive === null && this.ledger.latest() !== null);
    this.#journal.startOver(archive?.position ?? 0);
  }

  /** What the cluster began from: a container that comes to one that lives restores nothing itself. */
  override restoredFrom(): number | null {
    return this.ctx.storage.kv.get<number | null>(FORMED_FROM) ?? super.restoredFrom();
  }

  /**
   * Whoever lets nobody in is seen to be so by others; until then it counts as a cluster of its own.
   * @throws Error while the container belongs to no cluster, or does not answer
   */
  async #ownCluster(): Promise<string> {
    this.#cluster ??= await clusterTold(this.#call);
    return this.#cluster ?? `of start ${this.report().start}`;
  }

  /**
   * The cluster of this node, where it serves and is in it now. One that its cluster went on without answers too, and would
   * have the journal start over for a cluster that takes nothing.
   */
  async clusterServed(): Promise<string | null> {
    return this.serving && (await isLed(this.#call)) ? clusterTold(this.#call) : null;
  }

  /** Another node of the cluster serves from now on. */
  otherServes(): void {
    this.#journal.resume();
  }

  /** The first other node that serves, and its cluster. */
  async #other(): Promise<{ node: DurableObjectStub<IndexerContainer>; cluster: string } | null> {
    if (this.n !== FIRST) return null;
    for (const n of await this.env.TENANT.getByName(this.tenant).otherIndexers()) {
      const node = nodeStub(this.env, this.tenant, "indexer", n);
      const cluster = await node.clusterServed().catch((error: unknown) => this.onError(error));
      if (cluster) return { node, cluster };
    }
    return null;
  }

  async #elsewhere(): Promise<Post | null> {
    const other = await this.#other();
    if (!other) return null;
    this.#turnTo(other.cluster);
    return (body) => other.node.call("POST", BULK, body);
  }

  /** A node of the cluster that serves: this object's own, or else another. */
  async #servingNode(): Promise<Caller | null> {
    if (this.serving) return this.#call;
    const other = await this.#other();
    return other && ((method, path, body) => other.node.call(method, path, body));
  }

  /** Where none serves, the own container's answer says so. */
  async #anyNode(): Promise<Caller> {
    return (await this.#servingNode()) ?? this.#call;
  }

  /** As any node's, but while this one's container does not serve another's answers. */
  override async fetch(request: Request): Promise<Response> {
    const other = this.serving ? null : await this.#other();
    return other ? other.node.fetch(request) : super.fetch(request);
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
    const ask = await this.#servingNode();
    if (!ask) return;
    const { since, besides } = await this.env.TENANT.getByName(this.tenant).searchable();
    await dropOutdated(ask, since, besides);
  }

  protected override onStart(): void {
    super.onStart();
    // It may have been started with other credentials than the one before.
    this.#authorization = null;
    this.#snapshotAt = null;
    this.#cluster = null;
    this.ctx.storage.kv.put(CLUSTER, this.ctx.storage.kv.get<string>(CLUSTER) ?? "");
    this.#journal.containerStarted();
  }

  /** The first node counts as running once its cluster holds everything that was acknowledged. */
  protected override beforeReady(): Promise<void> {
    return this.#attach();
  }

  protected override onReattach(): Promise<void> {
    return this.#attach();
  }

  async #attach(): Promise<void> {
    const cluster = await this.#ownCluster();
    if (this.n !== FIRST) return nodeStub(this.env, this.tenant, "indexer", FIRST).otherServes();
    this.#turnTo(cluster);
    await this.#journal.replay((body) => this.call("POST", BULK, body));
  }

  protected override onStop(): void {
    this.#journal.containerStopped();
    // What is erased has nothing left to bring anywhere.
    if (this.report().start > 0) this.#journal.resume();
  }

  protected override async onErase(): Promise<void> {
    await super.onErase();
    await this.#journal.erase();
  }

  /** @param day YYYY-MM-DD. @throws EdgeError, see archived_days.ts */
  async measureDay(day: string): Promise<MeasuredDay> {
    return measureDay(this.#journal, await this.#anyNode(), day);
  }

  /** @param after where the call before ended. @throws EdgeError, see archived_days.ts */
  async loadDay(day: string, after: number): Promise<LoadedPart> {
    return loadDay(this.#journal, await this.#anyNode(), day, after);
  }

  // What an export reads; see exported_alerts.ts.

  async exportedIndices(): Promise<string[]> {
    return exportedIndices(await this.#anyNode());
  }

  async exportPage(index: string, after: SearchAfter | null): Promise<ExportedPage> {
    return exportPage(await this.#anyNode(), index, after);
  }

  async exportJournal(after: number, until: number, searched: string[]): Promise<JournalPage> {
    return exportJournal(this.#journal, () => this.#anyNode(), after, until, searched);
  }

  /**
   * A call at this node's own container, as the administrator.
   * @throws EdgeError NODE_NOT_RUNNING where none runs
   */
  async call(method: string, path: string, body?: string | Uint8Array<ArrayBuffer>): Promise<Response> {
    const port = this.port(PORT);
    if (!port) throw new EdgeError("NODE_NOT_RUNNING", "The indexer does not run.");
    const authorization = await this.#admin();
    const type = path.startsWith(BULK) ? "application/x-ndjson" : "application/json";
    const signal = AbortSignal.timeout(path === BULK ? POST_TIMEOUT_MS : VERIFY_TIMEOUT_MS);
    const headers = { authorization, ...(body === undefined ? {} : { "content-type": type }) };
    const init = { method, headers, signal, ...(body === undefined ? {} : { body }) };
    return this.#heeding(await port.fetch(`http://node${path}`, init));
  }

  /** A password that is not taken is asked for again: it may have come just before the container got another one. */
  #heeding(answer: Response): Response {
    if (answer.status === 401) this.#authorization = null;
    return answer;
  }

  async #admin(): Promise<string> {
    this.#authorization ??= await this.env.TENANT.getByName(this.tenant).indexerAuthorization(this.n);
    return this.#authorization;
  }

  /** This health path is the one that needs no credentials. OpenSearch answers there while its snapshot is put back. */
  protected override async probe(signal: AbortSignal): Promise<boolean> {
    const answer = await this.port(PORT)?.fetch("http://node/_plugins/_security/health", { signal });
    await answer?.body?.cancel();
    return answer?.ok === true && (await this.takesOrders(signal));
  }

  /**
   * Proves that an alert can be written, found and removed, at whichever node serves.
   * @param id of the probe document; the same id again changes nothing
   * @throws EdgeError INGEST_NOT_VERIFIED naming the part that failed
   */
  async verifyIngest(id: string): Promise<void> {
    await probeIngest(await this.#anyNode(), id, (error) => this.onError(error));
  }
}
