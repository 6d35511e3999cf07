/** The calls of a fake manager about its rules; strict where the real one is. What it keeps goes into its archives. */
import { OWN_LIST } from "../../src/schemas/content";
import type { FakeContainer } from "./containers";

type Answered = Response | Promise<Response>;
type Call = (request: Request, node: FakeContainer, ...named: string[]) => Answered;

/** What a fake manager keeps of its rules: files by `kind/name` or `groups/name`, and its settings. */
interface Kept {
  files: Record<string, string>;
  settings: string;
}

/** Its place in an archive; a clone gets what is below `configuration/`. */
const PLACE = "configuration/ruleset";
const SETTINGS = "<ossec_config>\n  <ruleset>\n    <rule_dir>etc/rules</rule_dir>\n  </ruleset>\n</ossec_config>\n";
const kept = (node: FakeContainer): Kept => {
  const text = node.files[PLACE];
  return text === undefined ? { files: {}, settings: SETTINGS } : (JSON.parse(text) as Kept);
};
const keep = (node: FakeContainer, change: (before: Kept) => void) => {
  const after = kept(node);
  change(after);
  node.files[PLACE] = JSON.stringify(after);
};

export const settingsAt = (node: FakeContainer) => kept(node).settings;
/** The files at a manager but the edge's own list. */
export const filesAt = (node: FakeContainer) =>
  Object.fromEntries(Object.entries(kept(node).files).filter(([path]) => path !== `lists/${OWN_LIST}`));

/** What was asked of each container, and the rules that it has in use. */
interface Use {
  asked: string[];
  loaded: Record<string, string>;
  /** Tokens of the sessions of tests that are open. */
  sessions: Set<string>;
}
const uses = new WeakMap<FakeContainer, Use>();
export const useOf = (node: FakeContainer): Use => {
  const known = uses.get(node) ?? { asked: [], loaded: {}, sessions: new Set() };
  uses.set(node, known);
  return known;
};

/** Words in a file by which it is refused: when it is put, when all is looked through, and when it is loaded. */
export const UNREADABLE = "<broken";
export const INVALID = "<!-- invalid -->";
export const CRITICAL = "<!-- critical -->";
/** In a decoder of which another name is used by a rule of this word. */
export const RENAMED = "<!-- renamed -->";
/** A file that loads with a warning about a rule. */
export const DOUBTFUL = "<!-- doubtful -->";

const told = (items: unknown[], failed: [id: string, code: number, message: string][] = []) =>
  Response.json({
    data: {
      affected_items: items,
      failed_items: failed.map(([id, code, message]) => ({ error: { code, message }, id: [id] })),
    },
    message: "told",
    error: failed.length > 0 ? 1 : 0,
  });
const refused = (code: number, detail: string, status = 400) =>
  Response.json({ title: "Wazuh Error", detail, error: code }, { status });

const CALLS: [method: string, path: RegExp, call: Call][] = [
  ["PUT", /^\/logtest$/, logtest],
  ["DELETE", /^\/logtest\/sessions\/([0-9a-f]{8})$/, endSession],
  ["GET", /^\/lists\/files\/([\w.-]+)$/, showList],
  ["PUT", /^\/(rules|decoders|lists)\/files\/([\w.-]+)$/, putFile],
  ["DELETE", /^\/(rules|decoders|lists)\/files\/([\w.-]+)$/, removeFile],
  ["POST", /^\/groups$/, () => Response.json({ message: "created", error: 0 })],
  ["PUT", /^\/groups\/([\w.-]+)\/configuration$/, configureGroup],
  [
    "GET",
    /^\/(manager|cluster\/[\w-]+)\/configuration$/,
    (_, node, place = "") => new Response(settingsFor(node, place)),
  ],
  ["PUT", /^\/(manager|cluster\/[\w-]+)\/configuration$/, putSettings],
  ["GET", /^\/(?:manager|cluster)\/configuration\/validation$/, validate],
  ["PUT", /^\/(?:manager|cluster)\/analysisd\/reload$/, reload],
  ["GET", /^\/cluster\/ruleset\/synchronization$/, () => told([{ name: "manager-1", synced: true }])],
];

/** What it answers, or null to a call that is about something else. */
export function rulesetAnswer(request: Request, node: FakeContainer): Answered | null {
  const { pathname, search } = new URL(request.url);
  for (const [method, path, call] of CALLS) {
    const found = request.method === method ? path.exec(pathname) : null;
    if (!found) continue;
    useOf(node).asked.push(`${method} ${pathname}${search}`);
    return call(request, node, ...found.slice(1));
  }
  return null;
}

const textOf = async (request: Request) => new TextDecoder().decode(await request.arrayBuffer());

async function putFile(request: Request, node: FakeContainer, kind = "", name = ""): Promise<Response> {
  if (request.headers.get("content-type") !== "application/octet-stream")
    return refused(6002, "Invalid content-type", 415);
  const [path, text] = [`etc/${kind}/${name}`, await textOf(request)];
  const there = `${kind}/${name}` in kept(node).files;
  if (there && !request.url.endsWith("?overwrite=true")) return told([], [[path, 1905, "File already exists"]]);
  if (text.includes(UNREADABLE)) return told([], [[path, 1113, "XML syntax error: not well-formed (invalid token)"]]);
  if (kind === "decoders" && text.includes(RENAMED) && holding(node, "<decoded_as>before<"))
    return told([], [[path, 1113, "(2106): Invalid decoder name: 'before'."]]);
  keep(node, ({ files }) => {
    files[`${kind}/${name}`] = text;
  });
  return told([path]);
}

function removeFile(_request: Request, node: FakeContainer, kind = "", name = ""): Response {
  const path = `etc/${kind}/${name}`;
  if (!(`${kind}/${name}` in kept(node).files)) return told([], [[path, 1906, "File does not exist"]]);
  keep(node, ({ files }) => {
    delete files[`${kind}/${name}`];
  });
  return told([path]);
}

function showList(_request: Request, node: FakeContainer, name = ""): Response {
  const text = kept(node).files[`lists/${name}`];
  if (text === undefined) return told([], [[`etc/lists/${name}`, 1906, "File does not exist"]]);
  return told([
    Object.fromEntries(
      text
        .trim()
        .split("\n")
        .map((line) => line.split(":")),
    ),
  ]);
}

async function configureGroup(request: Request, node: FakeContainer, group = ""): Promise<Response> {
  if (request.headers.get("content-type") !== "application/xml") return refused(6002, "Invalid content-type", 415);
  const text = await textOf(request);
  if (text.includes(UNREADABLE)) return refused(1113, "XML syntax error: agent.conf");
  keep(node, ({ files }) => {
    files[`groups/${group}`] = text;
  });
  return Response.json({ message: "Agent configuration was successfully updated", error: 0 });
}

/** A worker's settings lie beside the master's, who is asked for them. */
const settingsFor = (node: FakeContainer, place: string) =>
  place === "manager" ? kept(node).settings : (kept(node).files[`settings/${place}`] ?? SETTINGS);

async function putSettings(request: Request, node: FakeContainer, place = ""): Promise<Response> {
  const text = await textOf(request);
  keep(node, (now) => {
    if (place === "manager") now.settings = text;
    else now.files[`settings/${place}`] = text;
  });
  return told([place]);
}

const holding = (node: FakeContainer, word: string) =>
  Object.entries(kept(node).files).find(([, text]) => text.includes(word))?.[0];

function validate(_request: Request, node: FakeContainer): Response {
  const path = holding(node, INVALID);
  if (!path) return told([{ name: "manager-0", status: "OK" }]);
  return told(
    [],
    [["manager-0", 1908, `Error validating configuration: (1226): Error reading XML file 'etc/${path}'`]],
  );
}

function reload(request: Request, node: FakeContainer): Response {
  const path = holding(node, CRITICAL);
  if (path)
    return told([], [["manager-0", 1914, `Error reloading ruleset: (1230): Invalid element in 'etc/${path}'.`]]);
  useOf(node).loaded = filesAt(node);
  const names = new URL(request.url).searchParams.get("nodes_list")?.split(",") ?? ["manager-0"];
  const msg = holding(node, DOUBTFUL)
    ? "(7612): Rule ID '100100' is duplicated."
    : "Ruleset reload request sent successfully.";
  return told(names.map((name) => ({ name, msg })));
}

/** Every event is one of rule 100100, unless it says that it is none. */
async function logtest(request: Request, node: FakeContainer): Promise<Response> {
  type Asked = { event: string; log_format: string; location: string; token?: string };
  const { event, log_format, location, token = "0a1b2c3d" } = (await request.json()) as Asked;
  if (!["syslog", "json"].includes(log_format)) return refused(7300, "Invalid log format");
  useOf(node).sessions.add(token);
  const rule = { id: "100100", level: 7, description: `Seen by ${node.name}`, groups: ["local"], firedtimes: 1 };
  const matches = !event.includes("harmless");
  const output = { ...(matches ? { rule } : {}), decoder: { name: "app" }, data: { word: "hello" }, location };
  const messages = ["WARNING: (7003): '0a1b2c3d' token expires"];
  return Response.json({ data: { token, messages, output, alert: matches, codemsg: 0 }, error: 0 });
}

function endSession(_request: Request, node: FakeContainer, token = ""): Response {
  if (!useOf(node).sessions.delete(token)) return refused(7316, "Failure to remove session. token not found");
  return Response.json({ data: { messages: ["session closed"] }, error: 0 });
}
