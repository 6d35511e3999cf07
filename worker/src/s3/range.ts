import { S3Error } from "./errors";

/**
 * The part of an object that a header `Range` asks for, `to` excluded; null where all of it is asked for. One range of
 * bytes is understood (RFC 9110, 14.1.2); what is none is passed over, as in S3.
 * @throws S3Error InvalidRange where it lies behind the object
 */
export function rangeOf(header: string | null, bytes: number): { from: number; to: number } | null {
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header ?? "");
  const [, first = "", last = ""] = match ?? [];
  if (first === "" && last === "") return null;
  const from = first === "" ? Math.max(0, bytes - Number(last)) : Number(first);
  const to = first === "" || last === "" ? bytes : Math.min(bytes, Number(last) + 1);
  if (first !== "" && last !== "" && Number(last) < from) return null;
  if (from >= to) throw new S3Error("InvalidRange", `The object has ${bytes} bytes.`);
  return { from, to };
}
