/** A node object: owns one container, starts it as told, watches it, and carries its traffic. */
import { DurableObject } from "cloudflare:workers";
import type { Env } from "../../bindings";
import { EdgeError, messageOf } from "../../errors";
import { interceptedNames } from "../../gates/table";
import { inJurisdiction } from "../../jurisdiction";
import { log } from "../../log";
import type { Role } from "../../schemas/plan";
import type { NodeState } from "../../schemas/tenant";
import { Links, meshPort, PEERS } from "../../tunnel/links";
import { carry } from "./carry";
import { Ending } from "./ending";
import { partsOf } from "./names";
import { servesOnceReady } from "./readiness";
import type { NodeReport, StartOrder } from "./reports";
import { exitCodeOf, isCutOff } from "./runtime_words";
import { StartRecord } from "./start_record";
import { type Told, told } from "./told";
import { Turns } from "./turns";

const PROBE_TIMEOUT_MS = 2000;
/** Shorter than the tenant object waits for a start or a stop, so that a container that hangs is told as such. */
const TURN_MS = 25_000;
/** An archive of years is removed in several goes. */
const ERASE_MS = 100_000;

/** A TCP port of the container. */
export type ContainerPort = ReturnType<Container["getTcpPort"]>;

export abstract class BaseWazuhContainer extends DurableObject<Env> {
  protected readonly tenant: string;
  protected readonly role: Role;
  protected readonly n: number;
  readonly #record: StartRecord;
  readonly #ending = new Ending();
  /** For good: no tenant's id comes back, but a late order may. */
  #erased: boolean;
  readonly #turns = new Turns();
  protected readonly peers = new Links(PEERS, () => {
    const port = meshPort(this.role);
    return port === null ? null : this.port(port);
  });

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, inJurisdiction(env));
    ({ tenant: this.tenant, role: this.role, n: this.n } = partsOf(ctx.id.name));
    this.#record = new StartRecord(ctx.storage.kv);
    this.#erased = ctx.storage.kv.get<boolean>("erased") ?? false;
    // The runtime forgets intercepts and monitors when it restarts; the container goes on without them.
    void ctx.blockConcurrencyWhile(() => this.#reattach());
  }

  /** Whether the container serves; called until it resolves to true. May throw: that means not yet. */
  protected abstract probe(signal: AbortSignal): Promise<boolean>;

  /** Called when a container was started, before its process serves. */
  protected onStart(_start: number): void {}
  /** Called once the probe succeeded; the node counts as running when it resolved, and is probed again if it throws. */
  protected async beforeReady(): Promise<void> {}
  /**
   * Called before a container is asked to end: sends its visitors away and lets it finish what it has.
   * @param goesOn an object before this one began with it, and took what it knew of visitors along
   */
  protected async drain(_goesOn: boolean): Promise<void> {}
  /** Called when the container ended, whatever the cause. */
  protected onStop(_exitCode: number | null): void {}
  /** Called when something of the container's management failed. */
  protected onError(error: unknown): void {
    log("warn", "node failed", { tenant: this.tenant, role: this.role, n: this.n, error: messageOf(error) });
  }
  /** Called before the object's storage is deleted. */
  protected async onErase(): Promise<void> {}
  /** A number that rises while a container that does not serve yet gets on. */
  protected progress(): number {
    return 0;
  }

  /**
   * Starts the container unless this start or a later one was already made; so a repeated order changes nothing.
   * @throws EdgeError NODE_START_REFUSED where the platform does not know the image or does not start it.
   */
  start(order: StartOrder): Promise<NodeReport> {
    return this.#turns.take(TURN_MS, async (stillMine) => {
      if (this.#erased) throw new EdgeError("NODE_START_REFUSED", `The ${this.role} was erased with its tenant.`);
      if ((this.#record.now?.start ?? 0) < order.start) await this.#launch(order, stillMine).catch(this.#cutOff);
      return this.report();
    });
  }

  /** How the node is, as far as this object knows. */
  report(): NodeReport {
    const progress = this.#record.now ? this.progress() : 0;
    return { role: this.role, n: this.n, ...this.#record.report(), progress };
  }

  /** Asks the container to end, and ends it after the grace. Answers at once. */
  stop(): Promise<NodeReport> {
    return this.#turns.take(TURN_MS, async () => {
      const kept = this.#record.now;
      if (kept && this.#container.running) {
        if (kept.stopAskedAt === null) this.#record.change({ state: "stopping", stopAskedAt: Date.now() });
        this.#end(kept.start, false);
      } else if (kept && isAlive(kept.state)) this.#record.change({ state: "stopped", endedAt: Date.now() });
      return this.report();
    });
  }

  /** Ends the container, forgets everything this node kept, and starts nothing any more. */
  erase(): Promise<void> {
    return this.#turns.take(ERASE_MS, async (stillMine) => {
      // An erasure that broke off elsewhere comes again, and here finds nothing any more.
      if (this.#erased) return;
      this.#record.forget();
      if (this.#container.running) await this.#container.destroy();
      this.#gone(null);
      await this.onErase();
      stillMine();
      await this.ctx.storage.deleteAlarm();
      await this.ctx.storage.deleteAll();
      this.ctx.storage.kv.put("erased", true);
      this.#erased = true;
    });
  }

  /**
   * Carries a request to the container; the URL's port is the container's.
   * @returns 503 NODE_NOT_RUNNING where no container runs or it does not answer
   */
  override fetch(request: Request): Promise<Response> {
    const port = this.port(Number(new URL(request.url).port || "80"));
    return carry(port, this.role, request, (error) => this.onError(error));
  }

  /** Takes a peer's connection that its gate dialled; see gates/mesh.ts. */
  override connect(socket: Socket): Promise<void> {
    return this.peers.serve(socket);
  }

  /** Whether the container runs and served when it was last heard of. */
  protected get serving(): boolean {
    return this.#record.now?.state === "running" && this.#container.running;
  }

  /** Whether it is being stopped; whoever comes now is to come again later. */
  protected get stopping(): boolean {
    return this.#record.now?.state === "stopping";
  }

  /** Asks the container something for the edge itself: unlike a request that is carried, this is no use of the node. */
  ask(port: number, path: string, headers: Record<string, string>): Promise<Told> {
    return told(this.port(port), path, headers);
  }

  /** A port of the running container, or null. */
  protected port(n: number): ContainerPort | null {
    return this.#container.running ? this.#container.getTcpPort(n) : null;
  }

  /** The container behind this object; tests put another in its place. */
  protected containerOf(ctx: DurableObjectState): Container {
    if (!ctx.container) throw new Error("this object's class has no containers in the Worker's configuration");
    return ctx.container;
  }

  get #container(): Container {
    return this.containerOf(this.ctx);
  }

  async #launch(order: StartOrder, stillMine: () => void): Promise<void> {
    const { env, image: key } = order;
    const image = this.#container.images[key];
    if (!image) throw new EdgeError("NODE_START_REFUSED", `This deployment has no ${this.role} image named ${key}.`);
    if (this.#container.running) await this.#container.destroy();
    await this.#intercept(order);
    stillMine();
    try {
      // By its labels an operator finds a tenant's containers in the engine's own list.
      const labels = { tenant: this.tenant, role: this.role, n: String(this.n) };
      this.#container.start({ image, instance: order.instance, env, labels, enableInternet: false });
    } catch (error) {
      throw new EdgeError("NODE_START_REFUSED", `The ${this.role} was not started: ${messageOf(error)}`);
    }
    this.#record.begin(order, image);
    this.onStart(order.start);
    this.#watch(order.start);
    this.#awaitReady(order.start);
  }

  /**
   * What runs the containers was gone for a moment: this object's way to it stays broken, though it be back. The next
   * order finds a new object, with a way of its own.
   */
  readonly #cutOff = (error: unknown): never => {
    if (isCutOff(error)) this.ctx.abort(messageOf(error));
    throw error;
  };

  async #intercept({ generation, start }: { generation: number; start: number }): Promise<void> {
    const props = { tenant: this.tenant, role: this.role, n: this.n, generation, start };
    for (const name of interceptedNames(this.role)) {
      await this.#container.interceptOutboundHttp(name, this.ctx.exports.Gate({ props }));
    }
  }

  /** After a restart of the runtime: take up a container that still runs, and tell of one that ended meanwhile. */
  async #reattach(): Promise<void> {
    // Hooks belong to subclasses, whose fields exist only once every constructor is through.
    await undefined;
    const kept = this.#record.now;
    if (!kept) return;
    if (!this.#container.running) {
      if (isAlive(kept.state) || kept.state === "stopping") this.#ended(kept.start, null);
      return;
    }
    try {
      await this.#intercept(kept);
    } catch (error) {
      this.onError(error);
    }
    this.#watch(kept.start);
    if (kept.state === "starting") this.#awaitReady(kept.start);
    if (kept.state === "running") this.ctx.waitUntil(this.onReattach().catch((error: unknown) => this.onError(error)));
    if (kept.stopAskedAt !== null) this.#end(kept.start, true);
  }

  /** Called when a running container was taken up again after a restart of the runtime. */
  protected async onReattach(): Promise<void> {}

  #watch(start: number): void {
    this.#container.monitor().then(
      () => this.#ended(start, 0),
      (error: unknown) => this.#ended(start, exitCodeOf(error)),
    );
  }

  #ended(start: number, exitCode: number | null): void {
    const kept = this.#record.now;
    if (!kept || kept.start !== start || kept.state === "stopped" || kept.state === "failed") return;
    this.#record.change({ state: kept.stopAskedAt === null ? "failed" : "stopped", exitCode, endedAt: Date.now() });
    this.#gone(exitCode);
    this.#tell();
  }

  #gone(exitCode: number | null): void {
    this.peers.closeAll();
    this.onStop(exitCode);
  }

  #awaitReady(start: number): void {
    const stillStarting = () => this.#record.now?.start === start && this.#record.now.state === "starting";
    const poll = async () => {
      if (!(await servesOnceReady(() => this.#serves(), stillStarting))) return;
      this.#record.change({ state: "running" });
      this.#tell();
    };
    this.ctx.waitUntil(poll().catch((error: unknown) => this.onError(error)));
  }

  async #serves(): Promise<boolean> {
    try {
      if (!(await this.probe(AbortSignal.timeout(PROBE_TIMEOUT_MS)))) return false;
    } catch {
      // A refused connection is what "not yet" looks like; the tenant object holds the deadline.
      return false;
    }
    try {
      await this.beforeReady();
      return true;
    } catch (error) {
      this.onError(error);
      return false;
    }
  }

  /** @param goesOn an object before this one began with it */
  #end(start: number, goesOn: boolean): void {
    const isMine = () => this.#record.now?.start === start && this.stopping && this.#container.running;
    const work = this.#ending.of({
      start,
      running: () => (isMine() ? this.#container : null),
      drain: () => this.drain(goesOn),
      failed: (error) => this.onError(error),
    });
    this.ctx.waitUntil(work);
  }

  /** Tells the tenant object; it also looks by itself now and then, so a lost report only costs time. */
  #tell(): void {
    const told = this.env.TENANT.getByName(this.tenant).nodeReported(this.report());
    this.ctx.waitUntil(told.catch((error: unknown) => this.onError(error)));
  }
}

const isAlive = (state: NodeState) => state === "starting" || state === "running";
