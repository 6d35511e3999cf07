/** How content reaches a tenant's managers, and what becomes of a bundle that they refuse. */
import { env, runInDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import { OWN_LIST } from "../src/schemas/content";
import { fileIn } from "../src/tenant/content_work";
import { withLists } from "../src/tenant/list_entries";
import { nodeStub } from "../src/tenant/nodes/names";
import { restore, restoreBody } from "./support/backup_calls";
import { backedUp, managerOf, restored } from "./support/backups";
import { digestOf, putContent } from "./support/calls";
import { stopped } from "./support/causes";
import { answered, newTenantId, PLAN } from "./support/edge";
import { CRITICAL, DOUBTFUL, filesAt, INVALID, RENAMED, settingsAt, UNREADABLE, useOf } from "./support/ruleset";
import { asleepTenant, change, runs } from "./support/sleeping";
import { getTenant, newOperation, putTenant, runningTenant, specOf, until } from "./support/tenants";

const rules = (text: string, name = "local_rules.xml") => ({ kind: "rules", name, text });
const RULE = '<group name="local,"><rule id="100100" level="7"/></group>';
const FIRST = [rules(RULE)];

async function stored(id: string, files: object[]): Promise<string> {
  const digest = digestOf({ files: [...files].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1)) });
  expect([200, 201]).toContain((await putContent(id, { files }, digest)).status);
  return digest;
}
const keyOf = (file: object) => `${(file as { kind: string }).kind} ${(file as { name: string }).name}`;

/** Gives a tenant a bundle by a plan that differs in nothing else; the tenant once the run has ended. */
async function give(id: string, generation: number, files: object[] | null, plan: object = PLAN) {
  const content = files && (await stored(id, files));
  await putTenant(id, specOf(generation, { plan: { ...plan, content } }));
  return until(id, ({ generation: at, run }) => at === generation && run?.state !== "running");
}
const steps = (view: Awaited<ReturnType<typeof getTenant>>) => view.run?.steps.map(({ name, state }) => [name, state]);
const starts = (id: string) => managerOf(id).starts;
/** The manager's process ends, as its object sees it. */
const managerDies = (id: string) => runInDurableObject(nodeStub(env, id, "manager", 0), () => managerOf(id).exit(137));
/** What was asked of a manager that changes something. */
const changes = (id: string) => useOf(managerOf(id)).asked.filter((asked) => !asked.startsWith("GET"));

describe("a change of content alone", () => {
  it("comes to the manager by its API in a run of its own, and restarts no container", async () => {
    const id = await runningTenant();
    const before = starts(id);
    const view = await give(id, 2, FIRST);
    const digest = digestOf({ files: FIRST });
    expect(view.run).toMatchObject({ kind: "content", state: "succeeded" });
    expect(steps(view)).toEqual([
      ["content_apply", "succeeded"],
      ["content_check", "succeeded"],
    ]);
    expect(view).toMatchObject({ observed: "running", observed_generation: 2 });
    expect(view.content).toEqual({ wanted: digest, applied: digest, error: null });
    expect(useOf(managerOf(id)).loaded).toEqual({ "rules/local_rules.xml": RULE });
    expect(starts(id)).toBe(before);
  });

  it("puts groups, lists, decoders and rules in this order, and looks before it loads", async () => {
    const id = await runningTenant();
    await give(id, 2, [
      rules(RULE),
      { kind: "decoders", name: "app.xml", text: "<decoder/>" },
      { kind: "lists", name: "bad", text: "10.0.0.1:\n" },
      { kind: "agent_configuration", name: "web", text: "<agent_config/>" },
    ]);
    const { asked } = useOf(managerOf(id));
    expect(asked.slice(asked.indexOf("POST /groups"))).toEqual([
      "POST /groups",
      "PUT /groups/web/configuration",
      "PUT /lists/files/bad?overwrite=true",
      "GET /manager/configuration?raw=true",
      "PUT /manager/configuration",
      "PUT /decoders/files/app.xml?overwrite=true",
      "PUT /rules/files/local_rules.xml?overwrite=true",
      `PUT /lists/files/${OWN_LIST}?overwrite=true`,
      "GET /manager/configuration/validation",
      "PUT /manager/analysisd/reload",
    ]);
    expect(settingsAt(managerOf(id))).toContain("<list>etc/lists/bad</list>");
  });

  it("puts what differs only, and takes away the files of before, but nobody else's", async () => {
    const id = await runningTenant();
    const list = { kind: "lists", name: "bad", text: "a:\n" };
    const group = { kind: "agent_configuration", name: "web", text: "<agent_config/>" };
    await give(id, 2, [...FIRST, rules("<group/>", "old.xml"), list, group]);
    managerOf(id).files["configuration/ruleset"] = (managerOf(id).files["configuration/ruleset"] ?? "").replace(
      '"files":{',
      '"files":{"rules/people.xml":"theirs",',
    );
    useOf(managerOf(id)).asked.length = 0;
    await give(id, 3, [...FIRST, rules("<group/>", "new.xml")]);
    expect(filesAt(managerOf(id))).toEqual({
      "rules/people.xml": "theirs",
      "rules/local_rules.xml": RULE,
      "rules/new.xml": "<group/>",
      "groups/web": expect.stringContaining("Shared agent configuration here"),
    });
    expect(changes(id).filter((asked) => asked.includes("local_rules.xml"))).toEqual([]);
    expect(settingsAt(managerOf(id))).not.toContain("etc/lists/bad");
    const none = await give(id, 4, null);
    expect(none.content).toEqual({ wanted: null, applied: null, error: null });
    expect(filesAt(managerOf(id))).toMatchObject({ "rules/people.xml": "theirs" });
    expect(filesAt(managerOf(id))).not.toHaveProperty("rules/local_rules.xml");
  });

  it("may rename a decoder together with the rules that name it", async () => {
    const id = await runningTenant();
    const decoder = (text: string) => ({ kind: "decoders", name: "app.xml", text });
    await give(id, 2, [decoder("<decoder/>"), rules("<decoded_as>before</decoded_as>")]);
    const after = [decoder(RENAMED), rules("<decoded_as>after</decoded_as>")];
    expect((await give(id, 3, after)).run).toMatchObject({ kind: "content", state: "succeeded" });
    expect(Object.values(filesAt(managerOf(id)))).toEqual(after.map(({ text }) => text));
  });

  it("that comes with another change of the plan is brought in that one's run", async () => {
    const id = await runningTenant();
    const view = await give(id, 2, FIRST, { ...PLAN, retention_days: 29 });
    expect(view).toMatchObject({ run: { kind: "start", state: "succeeded" }, content: { error: null } });
    expect(view.content.applied).toBe(view.content.wanted);
  });
});

describe("a bundle that the manager refuses", () => {
  const words: [string, string, string, string][] = [
    ["as it is put", UNREADABLE, "content_apply", "XML syntax error: not well-formed (invalid token)"],
    ["as it is looked through", INVALID, "content_check", "(1226): Error reading XML file 'etc/rules/local_rules.xml'"],
    ["as it is loaded", CRITICAL, "content_check", "(1230): Invalid element in 'etc/rules/local_rules.xml'."],
    [
      "for a rule that would be ignored",
      `${DOUBTFUL}${RULE}`,
      "content_check",
      "(7612): Rule ID '100100' is duplicated.",
    ],
  ];
  it.each(words)("%s fails with file and words, and what was there before is in use", async (_, text, step, said) => {
    const id = await runningTenant();
    const first = (await give(id, 2, FIRST)).content.applied;
    const view = await give(id, 3, [rules("<group/>", "a.xml"), rules(text)]);
    expect(view.run).toMatchObject({ kind: "content", state: "failed" });
    const failed = view.run?.steps.find(({ state }) => state === "failed");
    expect(failed).toMatchObject({ name: step, error: { code: "CONTENT_REFUSED", retryable: false } });
    expect(view).toMatchObject({ observed: "running", reason: { code: "CONTENT_REFUSED" } });
    expect(view.content).toMatchObject({ applied: first, error: failed?.error });
    expect(failed?.error?.message).toContain("The manager refused rules/local_rules.xml: ");
    expect(failed?.error?.message).toContain(said);
    expect(filesAt(managerOf(id))).toEqual({ "rules/local_rules.xml": RULE });
    expect(useOf(managerOf(id)).loaded).toEqual({ "rules/local_rules.xml": RULE });
  });

  it("is tried again once somebody asks for it again, and forgotten for another one", async () => {
    const id = await runningTenant();
    const operation_id = newOperation();
    const content = await stored(id, [rules(INVALID)]);
    await putTenant(id, specOf(2, { plan: { ...PLAN, content }, operation_id }));
    await until(id, ({ run }) => run?.state === "failed");
    useOf(managerOf(id)).asked.length = 0;
    await putTenant(id, specOf(3, { plan: { ...PLAN, content }, operation_id }));
    const again = await until(id, ({ generation, run }) => generation === 3 && run?.state === "failed");
    expect(again.run?.kind).toBe("content");
    expect(changes(id)).toContain("PUT /rules/files/local_rules.xml?overwrite=true");
    expect((await give(id, 4, FIRST)).content).toMatchObject({ error: null });
  });

  it("keeps no new tenant from running, and its view says so", async () => {
    const id = newTenantId();
    await putTenant(id, stopped());
    const content = await stored(id, [rules(UNREADABLE)]);
    await putTenant(id, specOf(2, { plan: { ...PLAN, content } }));
    const view = await until(id, ({ observed }) => observed === "running");
    expect(view).toMatchObject({ run: { kind: "start", state: "succeeded" }, reason: { code: "CONTENT_REFUSED" } });
    expect(view.content).toMatchObject({ wanted: content, applied: null, error: { code: "CONTENT_REFUSED" } });
    expect(filesAt(managerOf(id))).toEqual({});
  });
});

describe("a manager that starts anew", () => {
  const withFirst = async (id: string) => {
    await give(id, 2, FIRST, { ...PLAN, sleep: { after_minutes: 15 } });
    return id;
  };

  it("has the content before it is ready, with its disk or without", async () => {
    const id = await withFirst(await runningTenant());
    const before = starts(id);
    await managerDies(id);
    await until(id, ({ nodes }) => nodes.some(({ role, restarts }) => role === "manager" && restarts > 0));
    const view = await until(id, ({ observed, run }) => observed === "running" && run?.state !== "running");
    expect(starts(id)).toBeGreaterThan(before);
    expect(filesAt(managerOf(id))).toEqual({ "rules/local_rules.xml": RULE });
    expect(view.content.applied).toBe(view.content.wanted);
  });

  it("after sleep has it as well", async () => {
    const id = await asleepTenant(await withFirst(await runningTenant()));
    expect((await getTenant(id)).content).toMatchObject({ applied: digestOf({ files: FIRST }) });
    await answered(change(id, "wake"), 202);
    await until(id, runs);
    expect(filesAt(managerOf(id))).toEqual({ "rules/local_rules.xml": RULE });
  });

  it("from a backup of before has what is wanted now", async () => {
    const id = await withFirst(await runningTenant());
    const backup = await backedUp(id);
    await give(id, 3, [rules("<group/>", "second.xml")], { ...PLAN, sleep: { after_minutes: 15 } });
    await answered(restore(id, restoreBody({ backup: backup.id })), 202);
    await until(id, restored);
    expect(filesAt(managerOf(id))).toEqual({ "rules/second.xml": "<group/>" });
    expect(useOf(managerOf(id)).loaded).toEqual({ "rules/second.xml": "<group/>" });
  });

  it("of a clone has what the clone's plan wants", async () => {
    const source = await withFirst(await runningTenant());
    const from = { tenant: source, backup: (await backedUp(source)).id };
    const [same, none] = [newTenantId(), newTenantId()];
    await putTenant(same, specOf(1, { from, plan: { ...PLAN, content: digestOf({ files: FIRST }) } }));
    await putTenant(none, specOf(1, { from }));
    for (const clone of [same, none]) await until(clone, ({ observed }) => observed === "running");
    expect(filesAt(managerOf(same))).toEqual({ "rules/local_rules.xml": RULE });
    expect(filesAt(managerOf(none))).toEqual({});
  });
});

describe("a manager of Wazuh 5", () => {
  it("is asked nothing about rules, which it does not have", async () => {
    const id = newTenantId();
    await putTenant(id, specOf(1, { plan: { ...PLAN, version: "5.0.0-rc" } }));
    await until(id, ({ observed }) => observed === "running");
    expect(useOf(managerOf(id)).asked).toEqual([]);
  });
});

describe("several managers", () => {
  it("get it through their master, load it each, and each names the lists in its settings", async () => {
    const id = newTenantId();
    const plan = { ...PLAN, roles: { ...PLAN.roles, manager: { ...PLAN.roles.manager, count: 2 } } };
    await putTenant(id, specOf(1, { plan }));
    await until(id, ({ observed }) => observed === "running");
    const view = await give(id, 2, [...FIRST, { kind: "lists", name: "bad", text: "a:\n" }], plan);
    expect(view.run).toMatchObject({ kind: "content", state: "succeeded" });
    const { asked } = useOf(managerOf(id));
    const order = [
      "/cluster/configuration/validation",
      "/cluster/manager-1/configuration",
      "/cluster/ruleset/synchronization",
    ];
    const at = order.map((path) => asked.findIndex((one) => one.includes(path)));
    expect(at).toEqual([...at].sort((a, b) => a - b));
    expect(at).not.toContain(-1);
    expect(asked.at(-1)).toBe("PUT /cluster/analysisd/reload?nodes_list=manager-0,manager-1");
    expect(filesAt(managerOf(id))["settings/cluster/manager-1"]).toContain("<list>etc/lists/bad</list>");
  });
});

describe("a manager's settings", () => {
  const SETTINGS = "<ossec_config>\n  <ruleset>\n    <list>etc/lists/theirs</list>\n  </ruleset>\n</ossec_config>\n";
  it("name the lists of content beside people's own, and are as before without them", () => {
    const named = withLists(SETTINGS, ["b", "a", "theirs"]);
    expect(named).toContain("<list>etc/lists/a</list>\n    <list>etc/lists/b</list>\n");
    expect(named?.match(/etc\/lists\/theirs/g)).toHaveLength(1);
    expect(withLists(named ?? "", ["a", "b"])).toBe(named);
    expect(withLists(named ?? "", [])).toBe(SETTINGS);
  });
  it("without a rule set take none", () => {
    expect(withLists("<ossec_config/>", ["a"])).toBeNull();
    expect(withLists("<ossec_config/>", [])).toBe("<ossec_config/>");
  });
});

describe("words of a manager", () => {
  const files = [
    { kind: "rules" as const, name: "a.xml", text: '<rule id="100100" level="3"/>' },
    { kind: "lists" as const, name: "bad-ips", text: "a:" },
  ];
  it.each([
    ["Error reading XML file 'etc/rules/a.xml'", "rules/a.xml"],
    ["(7612): Rule ID '100100' is duplicated.", "rules/a.xml"],
    ["List 'etc/lists/bad-ips' could not be loaded.", "lists/bad-ips"],
    ["Error reading XML file 'etc/rules/data.xml'", null],
    ["(7612): Rule ID '1001' is duplicated.", null],
  ])("%s name the file that they are about", (words, file) => {
    expect(fileIn(words, files)).toBe(file);
  });
});
