/** Marks of alerts on their way into the feed: at most one of a tenant waits, and it stands for those before it. */
import type { Mark } from "../events/alert_mark";
import type { LiveContext } from "./live_context";

/** Tells the feed how far the alerts have come. */
export function noteAlerts(ctx: LiveContext, { latest, highest }: Mark): void {
  if (!ctx.isLive()) return;
  ctx.transaction(() => {
    const waiting = ctx.outbox.takeBack("changes", "alerts") as unknown as Mark[];
    ctx.publish("alerts", { latest, highest: Math.max(highest, ...waiting.map((mark) => mark.highest)) });
  });
}
