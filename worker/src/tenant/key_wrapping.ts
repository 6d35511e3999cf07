/** Under which key-encryption key the tenant's data key lies: seen to that it is the current one, and told to D1. */
import { asEdgeError, errorBody } from "../errors";
import type { Reason } from "../schemas/basics";
import type { TenantContext } from "./context";
import type { LiveContext } from "./live_context";
import { migrate } from "./schema";
import { missingWords } from "./secrets";

const MIGRATIONS = [
  // The key that D1 was told of last.
  "ALTER TABLE data_keys ADD COLUMN told TEXT NOT NULL DEFAULT ''",
];

export const migrateKeys = (storage: DurableObjectStorage) => migrate(storage, "keys", MIGRATIONS);

const keyOf = (ctx: TenantContext) =>
  ctx.sql.exec<{ kek: string; told: string }>("SELECT kek, told FROM data_keys").toArray()[0] ?? null;

/** Tells D1 where it does not know. Call in the transaction of the change. */
export function publishKey(ctx: TenantContext): void {
  const key = keyOf(ctx);
  if (!key || key.kek === key.told) return;
  ctx.tellKey(key.kek);
  ctx.sql.exec("UPDATE data_keys SET told = kek");
}

/** What whoever wakes the object has it see to: the first that a new deployment does with every tenant. */
export function lookAfterKey(ctx: TenantContext): void {
  publishKey(ctx);
  const key = keyOf(ctx);
  if (key && key.kek !== ctx.settings.dataKeys.current) ctx.schedule("rewrap", ctx.now());
}

/** The same for the sweep, which asks where D1 does not know of any key. */
export function answerForKey(ctx: TenantContext): void {
  ctx.transaction(() => {
    if (!keyOf(ctx)) ctx.tellKey("");
    lookAfterKey(ctx);
  });
}

/** Without the old key there is nothing to do but to say so: the next deployment and the sweep try again. */
export async function rewrapDue(ctx: LiveContext): Promise<void> {
  try {
    await ctx.vault.rewrap();
  } catch (error) {
    if (asEdgeError(error)?.code !== "KEY_MISSING") throw error;
  }
  ctx.viewChanged();
}

/** Said of the tenant before anything else: with its key gone, no step can tell more. */
export function keyTrouble(ctx: TenantContext): Reason | null {
  const key = keyOf(ctx);
  if (!key || ctx.settings.dataKeys.keys.has(key.kek)) return null;
  const { code, message, hint } = errorBody("KEY_MISSING", missingWords(key.kek));
  return { code, message, hint };
}
