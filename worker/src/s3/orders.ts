/** What a request to the repository asks for, read with its bounds. Every reader throws S3Error. */
import { boundedBytes } from "../body";
import { LONGEST_NAME, NAME, REPOSITORY } from "../state/limits";
import type { ListQuery } from "../state/objects";
import type { Target } from "../tenant/nodes/repository";
import { S3Error } from "./errors";
import { insides, textIn } from "./xml";

/** Of a listing and of a deletion, as in S3. */
const MAX_KEYS = 1000;
const MAX_ORDER_BYTES = 1024 * 1024;

export function requireKey(key: string): void {
  if (key.length > LONGEST_NAME) throw new S3Error("KeyTooLongError", `A key may have ${LONGEST_NAME} characters.`);
  if (!NAME.test(key))
    throw new S3Error("InvalidArgument", "A key is at most six names of A-Z, a-z, 0-9, '.', '_' and '-'.");
}

export const uploadOf = (query: URLSearchParams) => query.get("uploadId") ?? "";

export function partOf(name: string, query: URLSearchParams): Target {
  return {
    name,
    upload: uploadOf(query),
    part: requireNumber("partNumber", query.get("partNumber"), REPOSITORY.parts),
  };
}

function requireNumber(what: string, given: string | null, most: number): number {
  const number = /^\d{1,6}$/.test(given ?? "") ? Number(given) : 0;
  if (number < 1 || number > most) throw new S3Error("InvalidArgument", `${what} is a number from 1 to ${most}.`);
  return number;
}

export function listQuery(query: URLSearchParams): ListQuery {
  const given = (word: string) => query.get(word) ?? "";
  const [prefix, delimiter] = [given("prefix"), given("delimiter")];
  if (query.get("list-type") !== "2" || !["", "url"].includes(given("encoding-type")))
    throw new S3Error("NotImplemented", "Objects are listed by ListObjectsV2 here.");
  if (!/^[A-Za-z0-9._/-]{0,200}$/.test(prefix) || !["", "/"].includes(delimiter))
    throw new S3Error("InvalidArgument", "A prefix is the beginning of a key, and the delimiter is '/'.");
  const token = query.get("continuation-token");
  const after = token === null ? given("start-after") : Buffer.from(token, "base64url").toString();
  const most = query.has("max-keys") ? requireNumber("max-keys", query.get("max-keys"), 999_999) : MAX_KEYS;
  return { prefix, delimiter, after, limit: Math.min(most, MAX_KEYS) };
}

/** The parts that an object is to be made of. */
export async function partsIn(request: Request): Promise<{ part: number; etag: string }[]> {
  const order = await xmlOf(request);
  const parts = (insides(order, "Part") ?? []).map((part) => ({
    part: requireNumber("PartNumber", textIn(part, "PartNumber"), REPOSITORY.parts),
    etag: (textIn(part, "ETag") ?? "").replaceAll('"', ""),
  }));
  if (parts.length === 0) throw new S3Error("MalformedXML", "Name the parts that make the object.");
  if (parts.some(({ part }, at) => at > 0 && part <= (parts[at - 1]?.part ?? 0)))
    throw new S3Error("InvalidPartOrder", "The parts' numbers must rise.");
  return parts;
}

async function xmlOf(request: Request): Promise<string> {
  const bytes = await boundedBytes(request.body, MAX_ORDER_BYTES);
  if (!bytes) throw new S3Error("MalformedXML", `An order may have ${MAX_ORDER_BYTES} bytes.`);
  return new TextDecoder().decode(bytes);
}

/** The keys that are to be deleted; `quiet`: the answer names none of them. */
export async function deletionIn(request: Request): Promise<{ keys: string[]; quiet: boolean }> {
  const order = await xmlOf(request);
  const keys = (insides(order, "Object") ?? []).map((object) => textIn(object, "Key") ?? "");
  if (keys.length === 0 || keys.length > MAX_KEYS)
    throw new S3Error("MalformedXML", `Name 1 to ${MAX_KEYS} objects that are to be deleted.`);
  return { keys, quiet: textIn(order, "Quiet") === "true" };
}
