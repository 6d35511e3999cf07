/** What a node's own answers say about its health, and what becomes of it over time. Pure; the asking is in health_checks.ts. */
import type { HealthDetail, HealthState, NodeState } from "../schemas/tenant";

/** Failing checks in a row after which a tenant counts as degraded: one alone may be a pause of the node's. */
export const CHECKS_TO_PERSIST = 3;
/** A reading older than this says nothing about now. */
export const STALE_MS = 5 * 60_000;
/** How often nodes are asked: while all are well, and while one fails. */
export const ASK_MS = { well: 60_000, failing: 20_000 };
/** How often an alert is written and read to see that it can be; after a failure, at each check. */
export const PROBE_EVERY_MS = 15 * 60_000;

/** What is wrong with a node; null where nothing is. */
export type Finding = ({ state: "warning" | "failing" } & HealthDetail) | null;

/** What a node is told to be: in the tenant's view, in D1 and in the stream. */
export interface Health {
  state: HealthState;
  detail: HealthDetail | null;
}

/** The newest check of a node. */
export interface Reading {
  /** The start that was asked; a later one says nothing about it. */
  start: number;
  finding: Finding;
  /** Failing checks in a row, this one among them. */
  failures: number;
  checkedAt: number;
}

const UNKNOWN: Health = { state: "unknown", detail: null };

const finding = (state: "warning" | "failing", code: string, message: string): Finding => ({ state, code, message });

/** The gravest of several findings; among equals the first. */
export const gravest = (findings: Finding[]): Finding =>
  findings.find((one) => one?.state === "failing") ?? findings.find((one) => one?.state === "warning") ?? null;

export const silent = (why: string): Finding =>
  finding("failing", "NO_ANSWER", `It did not answer as it should: ${why}`);
export const unverified = (why: string): Finding => finding("failing", "INGEST_NOT_VERIFIED", why);

/** By OpenSearch's colours; on one node yellow means copies that have no second place. */
const CLUSTER_STATES = new Map<string, Finding>([
  ["green", null],
  ["yellow", finding("warning", "CLUSTER_YELLOW", "Copies of some indices have no place (cluster status yellow).")],
  ["red", finding("failing", "CLUSTER_RED", "Some alerts can be neither stored nor found (cluster status red).")],
]);

/** Above this OpenSearch takes no document any more. */
export const DISK_FULL_PERCENT = 95;

/**
 * @param disk bytes of the node's whole disk and of what is left of it; null where it did not tell
 * @param warningPercent the plan's threshold
 */
export function indexerFinding(
  status: string,
  disk: { total: number; available: number } | null,
  warningPercent: number,
): Finding {
  const used = disk && disk.total > 0 ? 100 * (1 - disk.available / disk.total) : 0;
  return gravest([byState(CLUSTER_STATES, status), diskFinding(used, warningPercent)]);
}

function diskFinding(used: number, warningPercent: number): Finding {
  const full = `Its disk is more than ${DISK_FULL_PERCENT} % full: no alert is taken.`;
  if (used > DISK_FULL_PERCENT) return finding("failing", "DISK_FULL", full);
  if (used <= warningPercent) return null;
  return finding("warning", "DISK_FILLING", `Its disk is more than ${warningPercent} % full.`);
}

/** Without these no event is received, analysed or answered; a manager without one of the others does less. */
const NEEDED_DAEMONS = ["wazuh-analysisd", "wazuh-remoted", "wazuh-db"];
/** Runs on a manager alone as well, but nothing depends on it there. */
const CLUSTER_DAEMON = "wazuh-clusterd";
const USEFUL_DAEMONS = ["wazuh-authd", "wazuh-execd", "wazuh-modulesd", "wazuh-monitord"];

/**
 * @param daemons what the manager says of each of its processes
 * @param clustered whether it is one of several
 */
export function managerFinding(daemons: Record<string, string>, clustered = false): Finding {
  const down = (names: string[]) => names.filter((name) => name in daemons && daemons[name] !== "running");
  const mustRun = clustered ? [...NEEDED_DAEMONS, CLUSTER_DAEMON] : NEEDED_DAEMONS;
  const missing = mustRun.filter((name) => !(name in daemons));
  const [needed, useful] = [[...missing, ...down(mustRun)], down(USEFUL_DAEMONS)];
  return gravest([
    needed.length > 0 ? finding("failing", "DAEMON_DOWN", `${needed.join(", ")} does not run.`) : null,
    useful.length > 0 ? finding("warning", "DAEMON_MISSING", `${useful.join(", ")} does not run.`) : null,
  ]);
}

const DASHBOARD_STATES = new Map<string, Finding>([
  ["green", null],
  ["yellow", finding("warning", "DASHBOARD_YELLOW", "A part of the dashboard does not work fully.")],
  ["red", finding("failing", "DASHBOARD_RED", "The dashboard says itself that it does not work.")],
]);

export const dashboardFinding = (state: string): Finding => byState(DASHBOARD_STATES, state);

/** A word that nobody knows is no answer. */
const byState = (states: Map<string, Finding>, state: string): Finding =>
  states.has(state) ? (states.get(state) ?? null) : silent("its state is not known.");

/** The reading after another check. */
export function nextReading(before: Reading | null, start: number, found: Finding, now: number): Reading {
  const earlier = before?.start === start ? before.failures : 0;
  return { start, finding: found, failures: found?.state === "failing" ? earlier + 1 : 0, checkedAt: now };
}

/** What is known of a node now: nothing while it does not run, and nothing of what was known long ago. */
export function healthOf(reading: Reading | null, node: { state: NodeState; start: number }, now: number): Health {
  if (!reading || node.state !== "running" || reading.start !== node.start) return UNKNOWN;
  if (now - reading.checkedAt > STALE_MS) return UNKNOWN;
  if (!reading.finding) return { state: "ok", detail: null };
  const { state, code, message } = reading.finding;
  return { state, detail: { code, message } };
}

/** Whether it is news: the words of a detail may change without that. */
export const differs = (one: Health, other: Health): boolean =>
  one.state !== other.state || one.detail?.code !== other.detail?.code;

/** Whether it is worth an event: that a node is well is none, unless it was not before. */
export const isEvent = (before: Health, now: Health): boolean =>
  [before, now].some(({ state }) => state === "failing" || state === "warning");

/** Whether it fails for so long that the whole tenant counts as degraded. */
export const persists = (reading: Reading | null, health: Health): boolean =>
  health.state === "failing" && (reading?.failures ?? 0) >= CHECKS_TO_PERSIST;
