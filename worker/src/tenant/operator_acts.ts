/** What an operator of the platform has done to this tenant. Each action and its record are one transaction. */
import { idFrom } from "../ids";
import type { ActionTaken, OperatorAction, OrderAction } from "../schemas/operators";
import { once } from "./answers";
import { orderBackup } from "./backups";
import type { TenantContext } from "./context";
import { clearEfforts } from "./efforts";
import { askAgain } from "./node_records";
import { spend } from "./rates";
import { closeSockets, withdraw } from "./revocations";
import { askForRotation } from "./rotation";
import { kindOfRun } from "./runs";
import { askToWake, requireAwake } from "./sleep";

/** An action that was asked for, and by whom. */
export interface OperatorOrder extends OrderAction {
  action: OperatorAction;
  /** E-mail address, as Access vouches for it. */
  operator: string;
}

interface Act {
  /** What must not be undone by a refusal. */
  before?: (ctx: TenantContext) => void;
  /**
   * Inside the transaction of the record.
   * @param operation under which what takes its time goes on
   * @returns what is to be done once that is committed
   */
  change: (ctx: TenantContext, operation: string) => (() => Promise<unknown>) | null;
  /** Whether it goes on as an operation that the portal adopts. */
  operates: boolean;
}

const rotates = (what: "certificates" | "credentials"): Act => ({
  before: (ctx) => requireAwake(ctx, `Its ${what} were to be exchanged.`),
  change: (ctx, operation) => only(askForRotation(ctx, operation, what, { by: "operator" })),
  operates: true,
});

const only = (_done: unknown) => null;

const ACTS: Record<OperatorAction, Act> = {
  "look-again": { change: lookAgain, operates: false },
  wake: { change: (ctx, operation) => only(askToWake(ctx, operation, "operator")), operates: true },
  "back-up": { change: (ctx) => only(orderBackup(ctx, "on-demand", { by: "operator" })), operates: false },
  "rotate-certificates": rotates("certificates"),
  "rotate-credentials": rotates("credentials"),
  "end-access": { change: endAccess, operates: false },
};

/**
 * Does an action and records operator and reason with it; the same key again is the same action.
 * @throws EdgeError TENANT_UNKNOWN, TENANT_DELETED, RATE_LIMITED, IDEMPOTENCY_CONFLICT, and those of the action
 */
export function operatorActs(ctx: TenantContext, order: OperatorOrder): Promise<ActionTaken> {
  ctx.requireLive();
  spend(ctx, "operators_per_tenant");
  const { action, operator, reason, idempotency_key: key } = order;
  return once(ctx, `operator:${key}`, { action, operator, reason }, async () => {
    const operation = idFrom("op", JSON.stringify([ctx.id, "operator", key]));
    const told = ACTS[action].operates ? operation : null;
    const answer = { tenant: ctx.id, action, operation_id: told };
    // Begun under this key before, by an object that was gone before it could remember its answer.
    if (kindOfRun(ctx, operation)) return answer;
    ACTS[action].before?.(ctx);
    const after = ctx.transaction(() => {
      ctx.audit("operator.acted", "operator", { operator, what: action, reason, operation: told });
      return ACTS[action].change(ctx, operation);
    });
    ctx.viewChanged();
    await after?.();
    return answer;
  });
}

/** Also at what was given up: failures from before say nothing about what is tried now. */
function lookAgain(ctx: TenantContext): null {
  clearEfforts(ctx);
  askAgain(ctx);
  ctx.schedule("drive", ctx.now());
  return null;
}

/** Everything that anybody was given until now; the portal may give it anew. */
function endAccess(ctx: TenantContext): () => Promise<unknown> {
  const rule = { before: ctx.now(), everybody: true } as const;
  withdraw(ctx, rule, "operator");
  return () => closeSockets(ctx, rule);
}
