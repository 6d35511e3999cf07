/** The calls of a fake manager about its rules; strict where the real one is. */
import type { FakeContainer } from "./containers";

type Call = (request: Request, node: FakeContainer, name: string) => Response | Promise<Response>;

/** Tokens of the sessions of tests that are open, by container. */
export const sessions = new WeakMap<FakeContainer, Set<string>>();
const sessionsOf = (node: FakeContainer) => {
  const known = sessions.get(node) ?? new Set<string>();
  sessions.set(node, known);
  return known;
};

const refused = (code: number, detail: string, status = 400) =>
  Response.json({ title: "Wazuh Error", detail, error: code }, { status });

const CALLS: [method: string, path: RegExp, call: Call][] = [
  ["PUT", /^\/logtest$/, logtest],
  ["DELETE", /^\/logtest\/sessions\/([0-9a-f]{8})$/, endSession],
];

/** What it answers, or null to a call that is about something else. */
export async function rulesetAnswer(request: Request, node: FakeContainer): Promise<Response | null> {
  const { pathname } = new URL(request.url);
  for (const [method, path, call] of CALLS) {
    const found = request.method === method ? path.exec(pathname) : null;
    if (found) return call(request, node, found[1] ?? "");
  }
  return null;
}

/** Every event is one of rule 100100, unless it says that it is none. */
async function logtest(request: Request, node: FakeContainer): Promise<Response> {
  type Asked = { event: string; log_format: string; location: string; token?: string };
  const { event, log_format, location, token = "0a1b2c3d" } = (await request.json()) as Asked;
  if (!["syslog", "json"].includes(log_format)) return refused(7300, "Invalid log format");
  sessionsOf(node).add(token);
  const rule = { id: "100100", level: 7, description: `Seen by ${node.name}`, groups: ["local"], firedtimes: 1 };
  const matches = !event.includes("harmless");
  const output = { ...(matches ? { rule } : {}), decoder: { name: "app" }, data: { word: "hello" }, location };
  const messages = ["WARNING: (7003): '0a1b2c3d' token expires"];
  return Response.json({ data: { token, messages, output, alert: matches, codemsg: 0 }, error: 0 });
}

function endSession(_request: Request, node: FakeContainer, token: string): Response {
  if (!sessionsOf(node).delete(token)) return refused(7316, "Failure to remove session. token not found");
  return Response.json({ data: { messages: ["session closed"] }, error: 0 });
}
