import { boundedBytes } from "../../body";
import { messageOf } from "../../errors";
import type { ContainerPort } from "./base";

/** A node that hangs is told as such before whoever asked gives up on its object. */
const ANSWER_WITHIN_MS = 6000;
/** A node is hostile: what it says of itself is small. */
const MAX_BYTES = 64 * 1024;

/** What a container said when its own object asked it. */
export interface Told {
  /** Of the answer; 0 where there was none. */
  status: number;
  /** Of the answer, or why there was none; empty where it was too long. */
  text: string;
}

/** @param port null where no container runs */
export async function told(port: ContainerPort | null, path: string, headers: Record<string, string>): Promise<Told> {
  if (!port) return { status: 0, text: "no container runs" };
  try {
    const signal = AbortSignal.timeout(ANSWER_WITHIN_MS);
    const answer = await port.fetch(`http://node${path}`, { headers, signal, redirect: "manual" });
    const bytes = await boundedBytes(answer.body, MAX_BYTES);
    return { status: answer.status, text: new TextDecoder().decode(bytes ?? new Uint8Array()) };
  } catch (error) {
    return { status: 0, text: messageOf(error) };
  }
}
