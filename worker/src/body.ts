/** Bodies of requests, read with a bound. */

/** Whether a request of this method may carry a body; the platform can't build one of the others that does. */
export const mayCarryBody = (method: string) => method !== "GET" && method !== "HEAD";

/**
 * The whole stream, or null as soon as it grows past `limit` bytes.
 * @param stream null where nothing was sent
 */
export async function boundedBytes(
  stream: ReadableStream<Uint8Array> | null,
  limit: number,
): Promise<Uint8Array<ArrayBuffer> | null> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of stream ?? []) {
    size += chunk.byteLength;
    if (size > limit) return null;
    chunks.push(chunk);
  }
  return new Uint8Array(Buffer.concat(chunks));
}

/** A body of `length` bytes out of pieces, one at a time as the reader takes them. */
export function streamOf(pieces: AsyncGenerator<Uint8Array>, length: number): ReadableStream<Uint8Array> {
  const stream = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { value, done } = await pieces.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
  });
  return stream.pipeThrough(new FixedLengthStream(length));
}
