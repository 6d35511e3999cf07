/** What the container runtime means by the texts of its errors; it has no codes. */
import { messageOf } from "../../errors";

const CUT_OFF = /network connection lost/i;

/** Whether the connection to whatever runs the containers has ended. */
export const isCutOff = (error: unknown) => CUT_OFF.test(messageOf(error));

/** The runtime rejects `monitor()` with the code in its message; null where it does not know one. */
export function exitCodeOf(error: unknown): number | null {
  const match = /exit(?:ed)?\D*(\d+)/i.exec(messageOf(error));
  return match ? Number(match[1]) : null;
}
