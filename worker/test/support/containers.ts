/** Containers for tests inside workerd, where `ctx.container` does not exist: the same interface over plain functions. */
import { digest } from "../../src/ids";
import type { Role } from "../../src/schemas/plan";
import { rulesetAnswer } from "./ruleset";

type Answer = (request: Request, port: number, node: FakeContainer) => Response | Promise<Response>;

/** What goes wrong, and what ran; tests set and read it. Containers outlive the objects that started them. */
interface World {
  containers: Map<string, FakeContainer>;
  /** Object name (or its end, such as `:indexer:0`), with `@image` where only that one exits → exit code of each start. */
  exits: Map<string, number>;
  /** The same of containers that run but never serve; with `:port` behind the name, not at that one. */
  silent: Set<string>;
  /** Object names (or ends) whose containers go on with the passwords of their start before. */
  stubborn: Set<string>;
  /** What every indexer says that its disk holds. */
  usedBytes: number;
  /** Object names (or ends) of indexers → the uuid of the cluster that they belong to from their next start on. */
  clusters: Map<string, string>;
  /** What each cluster that was named holds. */
  held: Map<string, Map<string, unknown>>;
  /** Object name (or its end) and path, such as `:indexer:0/_cluster/health` → the JSON that is answered there. */
  says: Map<string, unknown>;
}

const shared = globalThis as unknown as { testWorld?: World };
shared.testWorld ??= {
  ...{ containers: new Map(), exits: new Map(), silent: new Set(), stubborn: new Set() },
  ...{ usedBytes: 1000, says: new Map(), clusters: new Map(), held: new Map() },
};
export const world: World = shared.testWorld;

/** The one object that this indexer's repository has. */
const SNAPSHOT = "http://repository.internal/snapshots/indices/documents";

const covers = (name: string, pattern: string) => name.endsWith(pattern);

export class FakeContainer {
  running = false;
  starts = 0;
  env: Record<string, string> = {};
  /** The environment whose passwords it lets in. */
  passwords: Record<string, string> = {};
  internet: boolean | undefined;
  image = "";
  instance = "";
  intercepted: string[] = [];
  documents = new Map<string, unknown>();
  /** In which index a document was written. */
  indices = new Map<string, string>();
  /** An indexer's cluster: of its own with each start, or the one that is named. */
  cluster = "";
  /** Documents that this node itself was given since its start. */
  writes = 0;
  /** What a manager keeps; an indexer keeps its documents. */
  files: Record<string, string> = {};
  /** Serves once it has taken up its state, as the real images do. */
  ready = false;
  /** Saves wait for this after they gathered what they send. */
  gathered: Promise<void> = Promise.resolve();
  saves = 0;
  /** What it does when it is told to save, in place of its own way; then a test does what it does at its start, too. */
  saving: (() => Promise<Response>) | null = null;
  /** It ends by itself before it serves anything. */
  #exits = false;
  #stateDoor: Fetcher | null = null;
  #repositoryDoor: Fetcher | null = null;
  readonly images = {
    ...{ v4146: "wazuh:4.14.6", v4147: "wazuh:4.14.7", v4148: "wazuh:4.14.8", v4200: "wazuh:4.20.0" },
    v500rc: "wazuh:5.0.0-rc",
  };
  #watchers: { resolve: () => void; reject: (reason: Error) => void }[] = [];

  constructor(
    readonly name: string,
    readonly role: Role,
  ) {}

  start(options?: ContainerStartupOptions): void {
    if (this.running) throw new Error("start() cannot be called on a container that is already running.");
    this.running = true;
    this.starts += 1;
    const stubborn = [...world.stubborn].some((pattern) => covers(this.name, pattern));
    this.passwords = stubborn ? this.passwords : (options?.env ?? {});
    this.env = options?.env ?? {};
    this.internet = options?.enableInternet;
    this.files = {};
    this.#join([...world.clusters].find(([pattern]) => covers(this.name, pattern))?.[1]);
    this.ready = this.#stateDoor === null;
    void this.#restore().finally(() => {
      this.ready = true;
    });
    this.image = options?.image ?? "";
    this.instance = (options as { instance?: string } | undefined)?.instance ?? "";
    const exit = [...world.exits].find(([pattern]) => this.#isNamed(pattern));
    this.#exits = exit !== undefined;
    if (exit) setTimeout(() => this.exit(exit[1]), 5);
  }

  /** Nodes of a cluster hold the same documents, whoever of them comes and goes. */
  #join(cluster: string | undefined): void {
    this.cluster = cluster ?? `own-${Math.random()}`;
    const held = world.held.get(this.cluster) ?? new Map<string, unknown>();
    if (cluster) world.held.set(cluster, held);
    this.documents = held;
    this.writes = 0;
  }

  #isNamed(pattern: string): boolean {
    return covers(this.name, pattern) || covers(`${this.name}@${this.image}`, pattern);
  }

  /** One object watches a container: whoever watched before has been evicted. */
  monitor(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#watchers = [{ resolve, reject }];
    });
  }

  /** The runtime that watched is gone; its promises must not be settled any more. */
  unwatched(): this {
    this.#watchers = [];
    return this;
  }

  /** Ends the process, as seen from outside. */
  exit(code: number): void {
    if (!this.running) return;
    this.running = false;
    const watchers = this.#watchers.splice(0);
    for (const { resolve, reject } of watchers) {
      if (code === 0) resolve();
      else reject(new Error(`Container exited with unexpected exit code: ${code}`));
    }
  }

  async destroy(): Promise<void> {
    this.exit(137);
  }

  signal(number: number): void {
    setTimeout(() => this.exit(128 + number), 1);
  }

  async interceptOutboundHttp(name: string, door?: Fetcher): Promise<void> {
    this.intercepted.push(name);
    if (name === "state.internal" && door) this.#stateDoor = door;
    if (name === "repository.internal" && door) this.#repositoryDoor = door;
  }

  getTcpPort(port: number) {
    return {
      fetch: async (input: RequestInfo, init?: RequestInit): Promise<Response> => {
        const silent = [...world.silent].some((some) => this.#isNamed(some) || covers(`${this.name}:${port}`, some));
        if (!this.running || silent || this.#exits || !this.ready)
          throw new Error("the container refused the connection");
        const request = new Request(input, init);
        const { pathname } = new URL(request.url);
        const said = [...world.says].find(([pattern]) => covers(this.name + pathname, pattern));
        if (said) return Response.json(said[1]);
        return port === 9199 ? this.#takeOrder(pathname) : ANSWERS[this.role](request, port, this);
      },
    };
  }

  async #restore(): Promise<void> {
    if (this.saving) return;
    // Into a cluster that lives nothing is restored.
    if (world.held.has(this.cluster) && this.documents.size > 0) return;
    const latest = await this.#state("GET", "/latest");
    if (latest?.status !== 200) return;
    const { number, files } = (await latest.json()) as { number: number; files: { name: string; sha256: string }[] };
    for (const { name, sha256 } of files)
      this.files[name] = (await (await this.#state("GET", `/files/${sha256}`))?.text()) ?? "";
    if (this.role === "indexer") await this.#restoreSnapshot(number);
    await this.#state("POST", "/restored", JSON.stringify({ number }));
  }

  async #restoreSnapshot(number: number): Promise<void> {
    await this.#state("POST", "/front", JSON.stringify({ number }));
    const read = await this.#repositoryDoor?.fetch(SNAPSHOT);
    const saved = read?.ok ? ((await read.json()) as [string, unknown][]) : [];
    for (const [id, document] of saved) this.documents.set(id, document);
  }

  async #takeOrder(path: string): Promise<Response> {
    if (path !== "/save") return new Response(null, { status: 404 });
    return this.saving ? this.saving() : this.#save();
  }

  async #save(): Promise<Response> {
    if (this.role === "indexer") return this.#takeSnapshot();
    const files = Object.entries({ "identity/keys": "none", ...this.files });
    const sums = files.map(([name, body]) => ({
      name,
      sha256: digest(body),
      bytes: Buffer.byteLength(body),
    }));
    this.saves += 1;
    await this.gathered;
    for (const [at, [, body]] of files.entries()) await this.#state("PUT", `/files/${sums[at]?.sha256}`, body);
    return (
      (await this.#state("POST", "/archives", JSON.stringify({ files: sums }))) ?? new Response(null, { status: 503 })
    );
  }

  async #takeSnapshot(): Promise<Response> {
    const body = JSON.stringify([...this.documents]);
    this.saves += 1;
    await this.gathered;
    const written = await this.#repositoryDoor?.fetch(SNAPSHOT, { method: "PUT", body });
    const made = written?.ok ? await this.#state("POST", "/snapshots") : written;
    return made ?? new Response(null, { status: 503 });
  }

  #state(method: string, path: string, body?: string): Promise<Response> | undefined {
    return this.#stateDoor?.fetch(`http://state.internal${path}`, { method, ...(body === undefined ? {} : { body }) });
  }
}

const ANSWERS: Record<Role, Answer> = {
  certs: async (request) => {
    if (new URL(request.url).pathname === "/health") return new Response("ok");
    const { days, nodes } = (await request.json()) as { days: number; nodes: Record<string, { name: string }[]> };
    const names = Object.values(nodes).flatMap((list) => list.map(({ name }) => name));
    const files = ["root-ca", "admin", ...names].flatMap((name) => [`${name}.pem`, `${name}-key.pem`]);
    const key = { "root-ca.key": "PEM of the authority's key" };
    return Response.json({
      files: { ...key, ...Object.fromEntries(files.map((name) => [name, `PEM of ${name} ${Math.random()}`])) },
      not_after: new Date(Date.now() + days * 86_400_000).toISOString(),
      fingerprint: digest(`${Math.random()}`),
    });
  },
  indexer: indexerAnswer,
  manager: (request, _port, node) => {
    const { pathname } = new URL(request.url);
    const isIn =
      pathname === "/security/user/authenticate"
        ? presents(request, "wazuh-wui", node.passwords.API_PASSWORD)
        : request.headers.get("authorization") === "Bearer t";
    if (!isIn) return Response.json({ title: "Unauthorized" }, { status: 401 });
    const told = () => Response.json({ data: { token: "t", affected_items: managerItems(request, node) }, error: 0 });
    return rulesetAnswer(request, node) ?? told();
  },
  dashboard: (request, _port, node) => {
    if (!request.headers.has("x-proxy-user")) return new Response("Unauthorized", { status: 401 });
    const indexer = world.containers.get(node.name.replace(/:dashboard:\d+$/, ":indexer:0"));
    const letIn = indexer?.passwords.DASHBOARD_PASSWORD === node.passwords.INDEXER_PASSWORD;
    const overall = { state: letIn ? "green" : "red" };
    return Response.json({ status: { overall } }, { status: letIn ? 200 : 503 });
  },
};

/** A worker has joined once its container runs. */
function managerItems(request: Request, { name: master, passwords }: FakeContainer): unknown[] {
  const { pathname, searchParams } = new URL(request.url);
  if (pathname === "/manager/configuration/auth/auth") return [enrollingWith(passwords.AUTHD_PASSWORD)];
  if (pathname === "/manager/status") return [DAEMONS];
  const named = /^\/cluster\/manager-(\d)\/status$/.exec(pathname)?.[1] ?? searchParams.get("nodes_list")?.slice(-1);
  if (named === undefined || !world.containers.get(master.replace(/\d$/, named))?.running) return [];
  return pathname.endsWith("/status") ? [DAEMONS] : [{ status: JOINED }];
}

/** How a manager says that it enrolls. */
export const enrollingWith = (password: string | undefined) => ({
  auth: { port: 1515, disabled: "no", remote_enrollment: "no", use_password: "yes" },
  "authd.pass": password,
});

export const JOINED = {
  sync_integrity_free: true,
  last_check_integrity: { date_end_master: "2026-11-26 10:00:00.342140+00:00" },
};

const presents = (request: Request, user: string, password = "") =>
  request.headers.get("authorization") === `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;

export const DAEMONS = {
  ...{ "wazuh-analysisd": "running", "wazuh-remoted": "running", "wazuh-db": "running", "wazuh-authd": "running" },
  ...{ "wazuh-execd": "running", "wazuh-modulesd": "running", "wazuh-monitord": "running", "wazuh-maild": "stopped" },
  "wazuh-clusterd": "running",
};

/** What an indexer says of its disk. */
export const diskOf = (total: number, available: number) => ({
  nodes: {
    "4mfQ": { fs: { total: { total_in_bytes: total, free_in_bytes: available, available_in_bytes: available } } },
  },
});

async function indexerAnswer(request: Request, _port: number, node: FakeContainer): Promise<Response> {
  const { pathname } = new URL(request.url);
  if (pathname === "/_plugins/_security/health") return Response.json({ status: "UP" });
  const isAdmin = presents(request, "admin", node.passwords.INDEXER_PASSWORD);
  const isDashboard = presents(request, "kibanaserver", node.passwords.DASHBOARD_PASSWORD);
  if (!isAdmin && !(isDashboard && pathname === "/_plugins/_security/authinfo"))
    return new Response("", { status: 401 });
  if (pathname.endsWith("/_search")) {
    const asked = (await request.json()) as Search;
    if (!asked.query) return searched(node, pathname.split("/")[1] ?? "", asked);
    const { query } = asked;
    const hits = query.ids.values.filter((id) => node.documents.has(id)).map((id) => ({ _id: id }));
    return Response.json({ hits: { hits } });
  }
  if (pathname === "/_cat/indices") return Response.json([{ "store.size": `${world.usedBytes}` }]);
  if (pathname.startsWith("/_cat/indices/"))
    return Response.json(
      [...new Set(heldBy(node).map(({ index }) => index))].map((index) => ({ index, status: "open" })),
    );
  if (pathname === "/_mget") return looked(node, (await request.json()) as { docs: { _index: string; _id: string }[] });
  if (pathname === "/_bulk") return bulk(await request.text(), node);
  if (pathname === "/") return Response.json({ cluster_uuid: node.cluster });
  if (pathname === "/_cluster/health") {
    const [number_of_nodes, discovered_cluster_manager] = [nodesOf(node.cluster), true];
    return Response.json({ status: "green", number_of_nodes, discovered_cluster_manager });
  }
  if (pathname === "/_nodes/stats/fs") return Response.json(diskOf(1000, 600));
  return Response.json({ status: "UP" });
}

interface Search {
  query?: { ids: { values: string[] } };
  size?: number;
  search_after?: [number, string, number];
}

/** What an indexer holds, each with its place. */
const heldBy = (node: FakeContainer) =>
  [...node.documents].map(([id, source], place) => ({ id, source, place, index: node.indices.get(id) ?? "" }));

/** A search of an index by time, alert id and place, as an export asks for it. */
function searched(node: FakeContainer, index: string, { size = 10, search_after }: Search): Response {
  const hits = heldBy(node)
    .filter((held) => held.index === index)
    .map(({ id, source, place }) => {
      const { timestamp, id: alert } = source as { timestamp?: string; id: string };
      return { _index: index, _id: id, _source: source, sort: [Date.parse(timestamp ?? "2026-01-01"), alert, place] };
    })
    .sort((one, other) => compared(one.sort, other.sort));
  const after = search_after ? hits.filter(({ sort }) => compared(sort, search_after) > 0) : hits;
  return Response.json({ timed_out: false, _shards: { failed: 0 }, hits: { hits: after.slice(0, size) } });
}

const compared = (one: (string | number)[], other: (string | number)[]): number => {
  const at = one.findIndex((value, place) => value !== other[place]);
  return at < 0 ? 0 : (one[at] ?? 0) < (other[at] ?? 0) ? -1 : 1;
};

function looked(node: FakeContainer, { docs }: { docs: { _index: string; _id: string }[] }): Response {
  return Response.json({ docs: docs.map((doc) => ({ ...doc, found: node.documents.has(doc._id) })) });
}

const nodesOf = (cluster: string) =>
  [...world.containers.values()].filter((node) => node.running && node.ready && node.cluster === cluster).length;

function bulk(body: string, node: FakeContainer): Response {
  const lines = body.split("\n").filter(Boolean);
  const items = [];
  for (let line = lines.shift(); line; line = lines.shift()) {
    type Action = { _id: string; _index: string };
    const [verb = "", { _id, _index }] = Object.entries(JSON.parse(line) as Record<string, Action>)[0] ?? [
      "",
      { _id: "", _index: "" },
    ];
    if (verb === "delete") node.documents.delete(_id);
    else {
      node.documents.set(_id, JSON.parse(lines.shift() ?? "null"));
      node.indices.set(_id, _index);
      node.writes += 1;
    }
    items.push({ [verb]: { _id, status: 200 } });
  }
  return Response.json({ errors: false, items });
}

/** The container behind an object; the same one after the object was evicted. */
export function containerNamed(name: string, role: Role): FakeContainer {
  const known = world.containers.get(name) ?? new FakeContainer(name, role);
  world.containers.set(name, known);
  return known;
}
