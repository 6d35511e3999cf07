/** The tenant as others see it. */
import { dashboardOrigin } from "../bindings";
import { digest } from "../ids";
import type { Reason } from "../schemas/basics";
import type { TenantView } from "../schemas/tenant";
import { agentCounts } from "./agents";
import { attentionOf, type Signs } from "./attention";
import { auditHead } from "./audit";
import { nextScheduled, scheduleOf } from "./backups";
import { certificateView } from "./certificates";
import { contentView } from "./content";
import type { TenantContext } from "./context";
import { credentialsView } from "./credentials";
import { healthView, probeOf } from "./health_rows";
import { delayedSince } from "./held_batches";
import { keyTrouble } from "./key_wrapping";
import { nodeRows, shownNodes, viewOf } from "./node_records";
import { portalTrail } from "./portal_trail";
import { latestRun } from "./runs";
import { silentAgents } from "./silence";
import { sleepView } from "./sleep";
import { stateTrouble } from "./state_trouble";
import { runningVersion } from "./versions";

const NOTED_EVERY_MS = 60_000;

interface Published extends Record<string, SqlStorageValue> {
  reason: string | null;
  stream: string | null;
  view_hash: string | null;
  view_seq: number;
  updated_at: number;
}

export function tenantView(ctx: TenantContext): TenantView | null {
  const record = ctx.record();
  if (!record) return null;
  const { epoch, generation, requested, observed, observedGeneration: observed_generation, plan } = record;
  const row = publishedRow(ctx);
  return {
    ...{ id: ctx.id, epoch, generation, requested, observed, observed_generation },
    attention: plan && observed === "running" ? attentionOf(signsOf(ctx, row), plan) : [],
    reason: keyTrouble(ctx) ?? (row.reason ? (JSON.parse(row.reason) as Reason) : null),
    runtime: ctx.settings.runtime,
    version: runningVersion(ctx, plan),
    nodes: shownNodes(ctx, plan).map((node) => ({ ...viewOf(node), health: healthView(ctx, node) })),
    run: latestRun(ctx),
    certificate: certificateView(ctx),
    credentials: credentialsView(ctx),
    content: contentView(ctx, plan),
    state_trouble: stateTrouble(ctx.sql),
    next_backup_at: requested === "running" ? timeOf(nextScheduled(ctx)) : null,
    backup_schedule: scheduleOf(ctx) ?? null,
    sleeping: sleepView(ctx),
    detection_delayed_since: timeOf(delayedSince(ctx.sql)),
    agents: agentCounts(ctx.sql),
    audit: auditHead(ctx.sql),
    portal_trail: portalTrail(ctx.sql),
    stream: streamOf(row.stream),
    ingest: { verified_at: timeOf(probeOf(ctx)?.verifiedAt) },
    dashboard_url: `${dashboardOrigin(ctx.settings, ctx.id)}/dashboard/`,
    seq: row.view_seq,
    updated_at: new Date(row.updated_at).toISOString(),
  };
}

const timeOf = (ms: number | null | undefined) => (ms == null ? null : new Date(ms).toISOString());

function signsOf(ctx: TenantContext, row: Published): Signs {
  const nodes = nodeRows(ctx).filter(({ state }) => state === "running");
  const behind = nodes.flatMap(({ behind_since }) => behind_since ?? []);
  const { last_event_at } = streamOf(row.stream);
  return {
    now: ctx.now(),
    agents: agentCounts(ctx.sql),
    silent: silentAgents(ctx.sql),
    managerSince: nodes.find(({ role }) => role === "manager")?.ready_at ?? null,
    lastEventAt: last_event_at === null ? null : Date.parse(last_event_at),
    behindSince: behind.length > 0 ? Math.min(...behind) : null,
  };
}

type StreamPosition = TenantView["stream"];

/** The position that was noted last; the stream itself moves on with every event. */
const streamOf = (noted: string | null): StreamPosition =>
  noted ? (JSON.parse(noted) as StreamPosition) : { seq: 0, last_event_at: null };

/** Notes where the stream stands if it moved a minute or more, so that a busy tenant changes its view once a minute. */
export function noteStream(ctx: TenantContext, position: StreamPosition): void {
  const noted = streamOf(publishedRow(ctx).stream).last_event_at;
  const moved = Date.parse(position.last_event_at ?? "") - Date.parse(noted ?? "1970-01-01");
  if (!(moved >= NOTED_EVERY_MS)) return;
  ctx.sql.exec("UPDATE tenant SET stream = ?", JSON.stringify(position));
}

function publishedRow(ctx: TenantContext): Published {
  return ctx.sql.exec<Published>("SELECT reason, stream, view_hash, view_seq, updated_at FROM tenant").one();
}

/**
 * Puts the view into the changes feed if it differs from the one put last; call inside the change's transaction.
 * Two views with the same `seq` are equal but for the stream's position, the ends of both audit trails, and when nodes
 * were asked how they are.
 */
export function publishView(ctx: TenantContext): void {
  const view = tenantView(ctx);
  if (!view) return;
  const { seq: _seq, updated_at: _at, audit: _audit, portal_trail: _portal, ...content } = view;
  const hash = digest(JSON.stringify(content, (key, value: unknown) => (key === "checked_at" ? undefined : value)));
  if (hash === publishedRow(ctx).view_hash) return;
  const now = ctx.now();
  ctx.sql.exec("UPDATE tenant SET view_hash = ?, view_seq = view_seq + 1, updated_at = ?", hash, now);
  const published = tenantView(ctx);
  if (published) ctx.publish("tenant", published as unknown as Record<string, unknown>);
}
