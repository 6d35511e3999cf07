import { boundedBytes } from "../../body";

/** More than any call of the edge is answered with: a page of 500 agents is about 150 KiB. */
const MAX_BYTES = 1024 * 1024;

/** What a container answered; undefined where that is no JSON, or longer than is read of it. */
export const jsonAnswer = async (answer: Response): Promise<unknown> => jsonOf(await textAnswer(answer));

/** The text that a container answered; null where it is longer than is read of it. */
export async function textAnswer(answer: Response): Promise<string | null> {
  const bytes = await boundedBytes(answer.body, MAX_BYTES);
  return bytes && new TextDecoder().decode(bytes);
}

export function jsonOf(text: string | null): unknown {
  try {
    return text === null ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}
