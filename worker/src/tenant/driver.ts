/** Drives the tenant: look, decide, record, act, until there is nothing to do but wait. */
import { messageOf } from "../errors";
import { log } from "../log";
import type { Role } from "../schemas/plan";
import type { Observed } from "../schemas/tenant";
import { act, givenNow, incarnationOf } from "./acts";
import { forgetAdopted } from "./adopted";
import { planBackups } from "./backups";
import { certificateFits, publishCertificates } from "./certificates";
import { contentFact } from "./content_work";
import type { TenantContext } from "./context";
import { within } from "./deadline";
import { effortOf } from "./efforts";
import { type Action, type Decision, type Facts, WATCH_MS } from "./facts";
import { watchHealth } from "./health_checks";
import { publishHealth, unwell } from "./health_rows";
import { planIdleCheck } from "./idle";
import { decide } from "./lifecycle";
import { factOf, nodeRows, type PlannedNode, plannedNodes, takeReport } from "./node_records";
import { anyNodeStub } from "./nodes/names";
import { preludeFact } from "./preludes";
import { endRotation, renewAt, rotationFact } from "./rotation";
import { countAttempt, hasSettled, latestRun, recordDecision } from "./runs";
import { endWaking, sleepFact } from "./sleep";
import { endUpgrade, upgradeFact, versionTrouble } from "./versions";
import { noteStream, publishView } from "./view";

/** More actions in a row than any plan needs; the rest follows after the alarm has let others in. */
const MAX_ACTIONS = 40;
/** Nor does one visit begin anything after this long; with the longest action it stays within its deadline. */
const VISIT_MS = 5 * 60_000;
/** A node on its way was asked this long ago at most; one that serves, at each watch. */
const ASK_AGAIN_MS = { moving: 1500, still: WATCH_MS - 1000 };
/** How long an object may take to say how it is. */
const ANSWER_WITHIN_MS = 10_000;
/** Actions that begin an attempt of their step; what follows them belongs to the same attempt. */
const ATTEMPTS: Action["do"][] = [
  ...(["start", "generate", "switch", "verify", "erase"] as const),
  ...(["backup", "put_state", "copy", "snapshot", "content_apply", "content_check"] as const),
];

/** One visit. Always leaves a due row behind where something is to be looked at later. */
export async function drive(ctx: TenantContext): Promise<void> {
  if (!ctx.record()) return;
  const end = ctx.now() + VISIT_MS;
  await Promise.all([look(ctx), lookAtStream(ctx)]);
  for (let actions = 0; actions < MAX_ACTIONS && ctx.now() < end; actions++) {
    const decision = ctx.transaction(() => decideAndRecord(ctx));
    if (!decision.action) return;
    const { action, step } = decision;
    log("info", "acting", { tenant: ctx.id, step, action: action.do, because: decision.because });
    if (step && beginsAttempt(ctx, decision.observed, action)) countAttempt(ctx, step);
    await act(ctx, action);
  }
  ctx.schedule("drive", ctx.now());
}

/** A tenth later at most, so that tenants that started together do not look together for ever. */
const spread = (now: number, at: number) => at + Math.round(Math.random() * 0.1 * (at - now));

function beginsAttempt(ctx: TenantContext, observed: Observed, action: Action): boolean {
  if (action.do === "mint") return effortOf(ctx, "mint").failures > 0;
  return ATTEMPTS.includes(action.do) || (action.do === "stop" && observed === "stopping");
}

/** Asks nodes that have not reported for a while; a node object that lost its memory of a container tells so now. */
async function look(ctx: TenantContext): Promise<void> {
  const now = ctx.now();
  const silent = nodeRows(ctx).filter((row) => {
    if (row.state === "running") return now - row.checked_at >= ASK_AGAIN_MS.still;
    return ["starting", "stopping", "absent"].includes(row.state) && now - row.checked_at >= ASK_AGAIN_MS.moving;
  });
  await Promise.all(
    silent.map(async (row) => {
      try {
        const node = anyNodeStub(ctx.env, ctx.id, row.role as Role, row.n);
        takeReport(ctx, await within(ANSWER_WITHIN_MS, node.report()), row.start);
      } catch (error) {
        // No answer says nothing about the node; it is asked again at the next visit.
        log("warn", "a node object did not answer", {
          tenant: ctx.id,
          role: row.role,
          n: row.n,
          error: messageOf(error),
        });
      }
    }),
  );
}

/** "Last event" in lists comes from the view, so the stream's position goes into it now and then. */
async function lookAtStream(ctx: TenantContext): Promise<void> {
  if (!["running", "degraded"].includes(ctx.record()?.observed ?? "")) return;
  try {
    noteStream(ctx, await within(ANSWER_WITHIN_MS, ctx.env.WAZUH_EVENTS.getByName(ctx.id).position()));
  } catch (error) {
    log("warn", "the event stream did not answer", { tenant: ctx.id, error: messageOf(error) });
  }
}

function decideAndRecord(ctx: TenantContext): Decision {
  const decision = decide(factsOf(ctx));
  const before = ctx.record();
  const run = latestRun(ctx);
  recordDecision(ctx, decision);
  endRotation(ctx, decision);
  endUpgrade(ctx, decision);
  if (decision.outcome === "gave_up") forgetAdopted(ctx);
  endWaking(ctx, decision);
  ctx.sql.exec(
    "UPDATE tenant SET observed = ?, reason = ?, observed_generation = CASE WHEN ? THEN generation ELSE observed_generation END",
    decision.observed,
    decision.reason ? JSON.stringify(decision.reason) : null,
    Number(decision.outcome === "reached"),
  );
  if (before && before.observed !== decision.observed && decision.observed !== "absent") {
    ctx.emit("lifecycle", { observed: decision.observed, before: before.observed, reason: decision.reason });
  }
  if (decision.observed === "running") {
    planBackups(ctx);
    planIdleCheck(ctx);
  }
  publishCertificates(ctx);
  publishHealth(ctx);
  publishView(ctx);
  watchHealth(ctx);
  if (decision.wakeAt !== null) ctx.schedule("drive", spread(ctx.now(), decision.wakeAt));
  // A restore that was given up must not leave the nodes stopped: the next decision is one without it.
  if (decision.outcome === "gave_up" && run?.kind === "restore" && run.state === "running")
    ctx.schedule("drive", ctx.now());
  return decision;
}

/** What the tenant needs next as it is now; for whoever only looks. */
export const whatIsNext = (ctx: TenantContext): Decision => decide(factsOf(ctx));

function factsOf(ctx: TenantContext): Facts {
  const record = ctx.record();
  const plan = record?.plan ?? null;
  const run = latestRun(ctx);
  const rotation = rotationFact(ctx);
  const proving = rotation?.what === "credentials" && (rotation.switched || rotation.back !== null);
  const given = givenNow(ctx);
  const fact = (node: PlannedNode) =>
    factOf(ctx, node, plan ? incarnationOf(ctx, plan, node.role, given) : "", given.certificate, proving);
  return {
    now: ctx.now(),
    requested: record?.requested ?? "stopped",
    settled: hasSettled(ctx),
    resizing: run?.kind === "resize" && run.state === "running",
    prelude: preludeFact(ctx, run),
    certificateFits: plan !== null && certificateFits(ctx, plan),
    renewAt: plan ? renewAt(ctx, plan) : Number.POSITIVE_INFINITY,
    rotation,
    upgrade: upgradeFact(ctx, plan),
    versionTrouble: versionTrouble(ctx),
    sleep: sleepFact(ctx),
    content: contentFact(ctx, plan, run),
    certs: fact({ role: "certs", n: 0, wanted: true }),
    nodes: plannedNodes(ctx, plan).map(fact),
    ...marksOf(ctx),
    unwell: unwell(ctx),
    efforts: effortsOf(ctx),
  };
}

/** What was reached once and is not read off the nodes. */
function marksOf(ctx: TenantContext): { verified: boolean; erased: boolean } {
  type Marks = { erased: number; verified: number };
  const query = "SELECT erased, verified IS NOT NULL AND verified = operation_id AS verified FROM tenant";
  const { erased, verified } = ctx.sql.exec<Marks>(query).one();
  return { erased: erased === 1, verified: verified === 1 };
}

const effortsOf = (ctx: TenantContext): Facts["efforts"] => ({
  mint: effortOf(ctx, "mint"),
  verify: effortOf(ctx, "verify"),
  stop: effortOf(ctx, "stop"),
  erase: effortOf(ctx, "erase"),
});
