/** Errors in S3's form: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html */
import { element, group } from "./xml";

/** Code → status. Clients send 500 and 503 again. */
const STATUS = {
  AccessDenied: 403,
  BadDigest: 400,
  EntityTooLarge: 400,
  IncompleteBody: 400,
  InternalError: 500,
  InvalidArgument: 400,
  InvalidPart: 400,
  InvalidPartOrder: 400,
  InvalidRange: 416,
  KeyTooLongError: 400,
  MalformedXML: 400,
  MissingContentLength: 411,
  NoSuchKey: 404,
  NoSuchUpload: 404,
  NotImplemented: 501,
  PreconditionFailed: 412,
  SlowDown: 503,
  XAmzContentSHA256Mismatch: 400,
} as const;

export type S3Code = keyof typeof STATUS;

/** A refusal as a value: objects pass it on, because errors lose their codes between them. */
export interface S3Refusal {
  refused: S3Code;
  message: string;
}

export const refusedAs = (refused: S3Code, message: string): S3Refusal => ({ refused, message });

/** The same, thrown by what answers one request. */
export class S3Error extends Error {
  constructor(
    readonly code: S3Code,
    message: string,
  ) {
    super(message);
  }
}

/** @throws S3Error where it is a refusal */
export function granted<T extends object>(answer: T): Exclude<T, S3Refusal> {
  const { refused, message } = answer as Partial<S3Refusal>;
  if (refused !== undefined) throw new S3Error(refused, message ?? "");
  return answer as Exclude<T, S3Refusal>;
}

/** @param method of the request: a HEAD is answered without a body */
export function errorAnswer({ code, message }: S3Error, method: string): Response {
  const body = group("Error", [element("Code", code), element("Message", message)]);
  const headers = { "content-type": "application/xml" };
  return new Response(method === "HEAD" ? null : body, { status: STATUS[code], headers });
}
