import type { NodeState } from "../../schemas/tenant";
import type { NodeReport, StartOrder } from "./reports";

/** What of a start stays on disk: enough to look after the container again, and no secret. */
interface Kept extends Omit<StartOrder, "env" | "image"> {
  image: string;
  state: NodeState;
  startedAt: number;
  exitCode: number | null;
  /** When it ended, or was seen to be gone; missing where an earlier version kept it. */
  endedAt?: number | null;
  /** When the stop was asked for; null where it was not. */
  stopAskedAt: number | null;
  /** Counts what was told of this start; missing where an earlier version kept it. */
  told?: number;
}

/** What a node object keeps of the newest start it made. */
export class StartRecord {
  #kept: Kept | null;

  constructor(private readonly kv: SyncKvStorage) {
    this.#kept = kv.get<Kept>("start") ?? null;
  }

  /** Null where it made none, or was erased. */
  get now(): Readonly<Kept> | null {
    return this.#kept;
  }

  begin({ start, generation, instance }: StartOrder, image: string): void {
    const ended = { exitCode: null, stopAskedAt: null };
    this.#kept = { start, generation, instance, image, state: "starting", startedAt: Date.now(), ...ended };
    this.change({});
  }

  change(change: Partial<Kept>): void {
    if (!this.#kept) return;
    this.#kept = { ...this.#kept, ...change, told: (this.#kept.told ?? 0) + 1 };
    this.kv.put("start", this.#kept);
  }

  /** What becomes of it from here on is nobody's news, and writes nothing. */
  forget(): void {
    this.#kept = null;
  }

  report(): Omit<NodeReport, "role" | "n" | "progress"> {
    const kept = this.#kept;
    return {
      start: kept?.start ?? 0,
      state: kept?.state ?? "absent",
      image: kept?.image ?? null,
      started_at: kept?.startedAt ?? null,
      exit_code: kept?.exitCode ?? null,
      at: Date.now(),
      ended_at: kept?.endedAt ?? null,
      told: kept?.told ?? 0,
    };
  }
}
