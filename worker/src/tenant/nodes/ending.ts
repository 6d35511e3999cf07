import { within } from "../deadline";

/** What a node can't finish by then it finishes after its restart, or the journal has it. */
const DRAIN_MS = 8000;
/** How long a container has to end once it was told to; then it is destroyed. */
const GRACE_MS = 30_000;
const SIGTERM = 15;

/** A container that is to end. */
export interface ToEnd {
  /** The number of its start. */
  start: number;
  /** The container, as long as it runs and is that of this start. */
  running(): Container | null;
  drain(): Promise<void>;
  failed(error: unknown): void;
}

/** Ends a container: it is drained, told to end, and destroyed where it does not. */
export class Ending {
  #start: number | null = null;

  /** Whoever asks again meanwhile must not cut short what is under way: a second drain would find nobody to wait for. */
  async of(container: ToEnd): Promise<void> {
    const { start } = container;
    if (this.#start === start) return;
    this.#start = start;
    await inOrder(container).catch((error: unknown) => container.failed(error));
    if (this.#start === start) this.#start = null;
  }
}

async function inOrder({ running, drain, failed }: ToEnd): Promise<void> {
  await within(DRAIN_MS, drain()).catch(failed);
  running()?.signal(SIGTERM);
  // From here on, not from when it was asked: the runtime may have been away in between, and the container needs its time.
  await scheduler.wait(GRACE_MS);
  await running()?.destroy();
}
