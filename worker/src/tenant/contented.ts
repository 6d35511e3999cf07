/** What a tenant of which everything else holds needs next so that its managers have its content. Pure, like lifecycle.ts. */
import type { ContentFact, Decision, Facts } from "./facts";
import { errorOf, HOLDING, reasonOf, type Stage, underWay, type Verdict, workVerdict } from "./verdicts";

/** @param settled what is decided without regard to content */
export function contented(facts: Facts, settled: Decision): Decision {
  const { content } = facts;
  if (!content || settled.action) return settled;
  const stages = stagesOf(facts, content);
  const open = stages.find(({ verdict }) => verdict.is !== "holding");
  const done = stages.filter(({ verdict }) => verdict.is === "holding").map(({ step }) => step);
  const holding = [...settled.holding, ...done];
  if (!open) return { ...settled, holding };
  if (open.verdict.is === "given_up") return withoutIt(settled, content, open, holding);
  const until = open.verdict.is === "waiting" ? open.verdict.until : facts.now;
  return {
    ...underWay(open, holding, errorOf(open.verdict)),
    observed: settled.observed,
    outcome: "going",
    wakeAt: Math.min(until, settled.wakeAt ?? until),
  };
}

function stagesOf(facts: Facts, content: ContentFact): Stage[] {
  const failed = content.refused?.step;
  const refused = (step: Stage["step"]): Verdict | null =>
    content.refused && failed === step
      ? {
          is: "given_up",
          error: content.refused.error,
          retryAt: Number.POSITIVE_INFINITY,
          because: "the manager refused it",
        }
      : null;
  const work = (step: "content_apply" | "content_check", because: string): Verdict =>
    refused(step) ?? workVerdict(facts, content.effort, { do: step }, because, facts.now);
  // What was refused in the check was placed before that.
  const placed = content.applied || content.placed || failed === "content_check";
  return [
    { step: "content_apply", verdict: placed ? HOLDING : work("content_apply", "the manager has other files") },
    { step: "content_check", verdict: content.applied ? HOLDING : work("content_check", "they are not in use yet") },
  ];
}

/** The tenant runs, with what its managers had before; the run that was to bring something else has failed. */
function withoutIt(
  settled: Decision,
  { run }: ContentFact,
  { step, verdict }: Stage,
  holding: Stage["step"][],
): Decision {
  const error = errorOf(verdict);
  const told = { ...settled, holding, reason: error && reasonOf(error) };
  return run ? { ...told, step, error, outcome: "gave_up" } : told;
}
