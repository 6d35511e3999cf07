/** What becomes of a tenant's generations of certificates, or of credentials, when they are exchanged. Pure: states in, states out. */

export const BUNDLE_STATES = ["pending", "active", "previous", "destroyed"] as const;
export type BundleState = (typeof BUNDLE_STATES)[number];

/** One generation. Numbers rise and are never given twice; exactly one is active once any was. */
export interface Bundle {
  generation: number;
  state: BundleState;
}

/**
 * - `switch`: the pending bundle takes the place of the active one, which is kept for the way back
 * - `back`: the newest bundle that was kept takes its place again, and the failed one is destroyed
 * - `finish`: what was kept for a way back before the last one is not needed any more
 * - `drop`: a bundle that was minted and is not wanted
 * - `return`: as `back`, but the failed one is kept until what it was given to has been given the old one
 * - `settle`: only the active one is left
 * - `erase`: the tenant is gone
 */
export type Move = "switch" | "back" | "finish" | "drop" | "return" | "settle" | "erase";

type States = Partial<Record<BundleState, BundleState>>;

const MOVES: Record<Move, { kept: States; older: States }> = {
  switch: { kept: { pending: "active", active: "previous" }, older: {} },
  back: { kept: { pending: "destroyed", active: "destroyed", previous: "active" }, older: {} },
  finish: { kept: { pending: "destroyed" }, older: { previous: "destroyed" } },
  drop: { kept: { pending: "destroyed" }, older: {} },
  return: { kept: { pending: "destroyed", active: "previous", previous: "active" }, older: {} },
  settle: { kept: { pending: "destroyed", previous: "destroyed" }, older: { previous: "destroyed" } },
  erase: {
    kept: { pending: "destroyed", active: "destroyed", previous: "destroyed" },
    older: { previous: "destroyed" },
  },
};

/** The bundles after a move. Of several that were kept, only the newest is the way back. */
export function moved(bundles: readonly Bundle[], move: Move): Bundle[] {
  const { kept, older } = MOVES[move];
  const way = Math.max(...bundles.filter(({ state }) => state === "previous").map(({ generation }) => generation));
  return bundles.map(({ generation, state }) => {
    const states = state === "previous" && generation !== way ? older : kept;
    return { generation, state: states[state] ?? state };
  });
}
