import { boundedBytes } from "../../body";

/** More than any call of the edge is answered with: a page of 500 agents is about 150 KiB. */
const MAX_BYTES = 1024 * 1024;

/** What a container answered; undefined where that is no JSON, or longer than is read of it. */
export async function jsonAnswer(answer: Response): Promise<unknown> {
  const bytes = await boundedBytes(answer.body, MAX_BYTES);
  try {
    return bytes && JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return undefined;
  }
}
