import { describe, expect, it } from "vitest";
import { ManagerApi } from "../src/tenant/manager_api";
import { NotYet } from "../src/tenant/not_yet";
import { JOINED } from "./support/containers";

type Answer = (path: string, request: Request) => Response | Promise<Response>;

/** A manager that lets the edge in and answers everything else as the test says. */
function manager(answer: Answer, answerWithinMs = 1000) {
  const asked: string[] = [];
  const send = async (request: Request) => {
    const { pathname, search } = new URL(request.url);
    if (pathname === "/security/user/authenticate") return Response.json({ data: { token: "t" }, error: 0 });
    asked.push(pathname + search);
    return answer(pathname, request);
  };
  return { asked, api: new ManagerApi(send, { username: "u", password: "p" }, answerWithinMs) };
}

const listing = (items: unknown[], total = items.length) =>
  Response.json({ data: { affected_items: items, total_affected_items: total }, error: 0 });
const never = () => new Promise<Response>(() => {});
const endless = (chunk: string) =>
  new ReadableStream({ pull: (controller) => controller.enqueue(new TextEncoder().encode(chunk)) });

describe("a manager's API that does not answer", () => {
  it("is given up after its time, at the head of an answer and in its body", async () => {
    await expect(manager(never, 30).api.agents(10)).rejects.toThrow("did not answer");
    const silent = () => new Response(new ReadableStream());
    await expect(manager(silent, 30).api.agents(10)).rejects.toThrow("did not answer");
  });

  it("because of too many calls is left alone for a minute", async () => {
    const { api, asked } = manager(() => Response.json({ error: 6001 }, { status: 429 }));
    const refusals = [await api.agents(10).catch((error) => error), await api.agents(10).catch((error) => error)];
    for (const refusal of refusals) expect(refusal).toBeInstanceOf(NotYet);
    expect((refusals[1] as NotYet).afterMs).toBeGreaterThan(50_000);
    expect(asked).toHaveLength(1);
  });
});

describe("the enrollment password of a manager", () => {
  it.each([
    ["is what its file holds", { auth: { use_password: "yes" }, "authd.pass": "p" }, "p"],
    ["is none where nobody is asked for it", { auth: { use_password: "no" }, "authd.pass": "p" }, null],
    ["is none where there is no file", { auth: { use_password: "yes" } }, null],
  ])("%s", async (_, item, password) => {
    const { api, asked } = manager(() => listing([item]));
    expect(await api.enrollmentPassword()).toBe(password);
    expect(asked).toEqual(["/manager/configuration/auth/auth"]);
  });

  it("is unknown where the daemon that enrolls does not answer", async () => {
    const { api } = manager(() => listing([]));
    await expect(api.enrollmentPassword()).rejects.toThrow("does not say how it enrolls");
  });
});

describe("a manager that its tenant's administrator took over", () => {
  it("is not read further than there can be agents", async () => {
    const full = Array.from({ length: 500 }, (_, n) => ({ id: String(n + 1).padStart(3, "0"), status: "active" }));
    const { api, asked } = manager(() => listing(full, 1_000_000_000));
    await api.agents(1200);
    expect(asked).toHaveLength(3);
  });

  it("can't make the edge hold an endless answer", async () => {
    const { api } = manager(() => new Response(endless('{"data":'.repeat(1000))));
    await expect(api.agents(10)).rejects.toThrow("not an answer of the API");
  });

  it("can't pass on rows that are none, or text that a reader can't hold", async () => {
    const long = `${"v".repeat(5000)}`;
    const rows = [
      { id: "../../etc", status: "active" },
      { id: "007", status: "hacked", version: long, ip: "1.2.3.4\u0000\ud800", lastKeepAlive: "never", group: 7 },
      "nonsense",
    ];
    const { api } = manager(() => listing(rows));
    expect(await api.agents(10)).toEqual([
      { id: "007", status: "pending", version: "v".repeat(300), ip: "1.2.3.4 \ufffd", lastKeepAlive: null, groups: [] },
    ]);
  });

  it("can't make its reasons longer than a row bears", async () => {
    const { api } = manager(() => Response.json({ detail: "x".repeat(500_000), error: 4000 }, { status: 400 }));
    const refusal = (await api.agents(10).catch((error) => error)) as Error;
    expect(refusal.message.length).toBeLessThan(500);
  });
});

describe("a manager that is asked about a worker", () => {
  const status = (change: object) => listing([{ info: { name: "manager-1" }, status: { ...JOINED, ...change } }]);

  it("says that it joined once both compared what they know", async () => {
    const { api, asked } = manager(() => status({}));
    expect(await api.hasJoined("manager-1")).toBe(true);
    expect(asked).toEqual(["/cluster/healthcheck?nodes_list=manager-1"]);
  });

  it.each([
    ["is still taking what its master knows", () => status({ sync_integrity_free: false })],
    ["has compared nothing yet", () => status({ last_check_integrity: { date_end_master: "1970-01-01T00:00:00Z" } })],
    ["has no date", () => status({ last_check_integrity: { date_end_master: "n/a" } })],
    ["is a master", () => listing([{ info: { name: "manager-0" } }])],
    ["is not listed", () => listing([])],
  ])("does not where it %s", async (_, answer) => {
    expect(await manager(answer).api.hasJoined("manager-1")).toBe(false);
  });

  it("does not where it knows no such node", async () => {
    const failed_items = [{ error: { code: 1730, message: "Node does not exist" }, id: ["manager-1"] }];
    const { api } = manager(() => Response.json({ data: { affected_items: [], failed_items }, error: 1 }));
    expect(await api.hasJoined("manager-1")).toBe(false);
  });

  it("passes on how the worker's processes are", async () => {
    const { api, asked } = manager(() => listing([{ "wazuh-remoted": "running" }]));
    expect(await api.daemons("manager-1")).toEqual({ "wazuh-remoted": "running" });
    expect(asked).toEqual(["/cluster/manager-1/status"]);
  });
});
