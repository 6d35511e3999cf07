/** A node object: owns one container, starts it as told, watches it, and carries its traffic. */
import { DurableObject } from "cloudflare:workers";
import type { Env } from "../../bindings";
import { EdgeError, messageOf } from "../../errors";
import { interceptedNames } from "../../gates/table";
import { log } from "../../log";
import type { Role } from "../../schemas/plan";
import type { NodeState } from "../../schemas/tenant";
import { MeshLinks, meshPort } from "../../tunnel/links";
import { within } from "../deadline";
import { carry } from "./carry";
import { partsOf } from "./names";
import { servesOnceReady } from "./readiness";
import type { NodeReport, StartOrder } from "./reports";
import { exitCodeOf, isCutOff } from "./runtime_words";
import { type Told, told } from "./told";
import { Turns } from "./turns";

/** What of a start stays on disk: enough to look after the container again, and no secret. */
interface Kept extends Omit<StartOrder, "env" | "image"> {
  image: string;
  state: NodeState;
  startedAt: number;
  exitCode: number | null;
  /** When it ended, or was seen to be gone; missing where an earlier version kept it. */
  endedAt?: number | null;
  /** When the stop was asked for; null where it was not. */
  stopAskedAt: number | null;
  /** Counts what was told of this start; missing where an earlier version kept it. */
  told?: number;
}

const PROBE_TIMEOUT_MS = 2000;
/** How long a container has to end once it was told to; then it is destroyed. */
const STOP_GRACE_MS = 30_000;
/** What a node can't finish by then it finishes after its restart, or the journal has it. */
const DRAIN_MS = 8000;
const SIGTERM = 15;
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
  #kept: Kept | null;
  /** The start whose container this object is ending. */
  #ending: number | null = null;
  /** For good: no tenant's id comes back, but a late order may. */
  #erased: boolean;
  readonly #turns = new Turns();
  readonly #links = new MeshLinks(() => {
    const port = meshPort(this.role);
    return port === null ? null : this.port(port);
  });

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    ({ tenant: this.tenant, role: this.role, n: this.n } = partsOf(ctx.id.name));
    this.#kept = ctx.storage.kv.get<Kept>("start") ?? null;
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
      if (!this.#kept || this.#kept.start < order.start) await this.#launch(order, stillMine).catch(this.#cutOff);
      return this.report();
    });
  }

  /** How the node is, as far as this object knows. */
  report(): NodeReport {
    const kept = this.#kept;
    return {
      role: this.role,
      n: this.n,
      start: kept?.start ?? 0,
      state: kept?.state ?? "absent",
      image: kept?.image ?? null,
      started_at: kept?.startedAt ?? null,
      exit_code: kept?.exitCode ?? null,
      at: Date.now(),
      ended_at: kept?.endedAt ?? null,
      told: kept?.told ?? 0,
      progress: kept ? this.progress() : 0,
    };
  }

  /** Asks the container to end, and ends it after the grace. Answers at once. */
  stop(): Promise<NodeReport> {
    return this.#turns.take(TURN_MS, async () => {
      const kept = this.#kept;
      if (kept && this.#container.running) {
        if (kept.stopAskedAt === null) this.#keep({ state: "stopping", stopAskedAt: Date.now() });
        this.#signalThenDestroy(false);
      } else if (kept && isAlive(kept.state)) this.#keep({ state: "stopped", endedAt: Date.now() });
      return this.report();
    });
  }

  /** Ends the container, forgets everything this node kept, and starts nothing any more. */
  erase(): Promise<void> {
    return this.#turns.take(ERASE_MS, async (stillMine) => {
      // What ends from here on is nobody's news, and must write nothing.
      this.#kept = null;
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
    return this.#links.serve(socket);
  }

  /** Whether the container runs and served when it was last heard of. */
  protected get serving(): boolean {
    return this.#kept?.state === "running" && this.#container.running;
  }

  /** Whether it is being stopped; whoever comes now is to come again later. */
  protected get stopping(): boolean {
    return this.#kept?.state === "stopping";
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
    const { env, image: key, ...rest } = order;
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
    this.#kept = { ...rest, image, state: "starting", startedAt: Date.now(), exitCode: null, stopAskedAt: null };
    this.#keep({});
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
    const kept = this.#kept;
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
    if (kept.stopAskedAt !== null) this.#signalThenDestroy(true);
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
    const kept = this.#kept;
    if (!kept || kept.start !== start || kept.state === "stopped" || kept.state === "failed") return;
    this.#keep({ state: kept.stopAskedAt === null ? "failed" : "stopped", exitCode, endedAt: Date.now() });
    this.#gone(exitCode);
    this.#tell();
  }

  #gone(exitCode: number | null): void {
    this.#links.closeAll();
    this.onStop(exitCode);
  }

  #awaitReady(start: number): void {
    const stillStarting = () => this.#kept?.start === start && this.#kept.state === "starting";
    const poll = async () => {
      if (!(await servesOnceReady(() => this.#serves(), stillStarting))) return;
      this.#keep({ state: "running" });
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

  /** Whoever asks again meanwhile must not cut short what is under way: a second drain would find nobody to wait for. */
  #signalThenDestroy(goesOn: boolean): void {
    const start = this.#kept?.start ?? null;
    if (start === null || this.#ending === start) return;
    this.#ending = start;
    const isMine = () => this.#kept?.start === start && this.#container.running;
    const finish = async () => {
      await within(DRAIN_MS, this.drain(goesOn)).catch((error: unknown) => this.onError(error));
      if (isMine()) this.#container.signal(SIGTERM);
      // From here on, not from when it was asked: the runtime may have been away in between, and the container needs its time.
      await scheduler.wait(STOP_GRACE_MS);
      if (isMine() && this.stopping) await this.#container.destroy();
    };
    const ended = finish().catch((error: unknown) => this.onError(error));
    this.ctx.waitUntil(
      ended.then(() => {
        if (this.#ending === start) this.#ending = null;
      }),
    );
  }

  #keep(change: Partial<Kept>): void {
    if (!this.#kept) return;
    this.#kept = { ...this.#kept, ...change, told: (this.#kept.told ?? 0) + 1 };
    this.ctx.storage.kv.put("start", this.#kept);
  }

  /** Tells the tenant object; it also looks by itself now and then, so a lost report only costs time. */
  #tell(): void {
    const told = this.env.TENANT.getByName(this.tenant).nodeReported(this.report());
    this.ctx.waitUntil(told.catch((error: unknown) => this.onError(error)));
  }
}

const isAlive = (state: NodeState) => state === "starting" || state === "running";
