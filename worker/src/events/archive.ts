/** Where sealed segments go. Keys are relative; what is stored under a key never changes. */
export interface Archive {
  put(key: string, bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  /** @returns null when nothing is stored there. */
  get(key: string): Promise<Uint8Array<ArrayBuffer> | null>;
  remove(key: string): Promise<void>;
  removeAll(): Promise<void>;
}

/** Seals and opens bytes under the tenant's own data key; `context` is authenticated with them. */
export interface Sealer {
  seal(context: string, bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>>;
  open(context: string, bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>>;
}

/**
 * An archive in R2 under one prefix: gzip, then sealed.
 *
 * The object key is authenticated with the bytes, so that whoever can write the bucket cannot pass one range, or one
 * tenant's range, off as another.
 */
export class SealedArchive implements Archive {
  constructor(
    private readonly bucket: R2Bucket,
    private readonly prefix: string,
    private readonly sealer: Sealer,
  ) {}

  async put(key: string, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    const path = this.prefix + key;
    await this.bucket.put(path, await this.sealer.seal(path, await through(bytes, new CompressionStream("gzip"))));
  }

  async get(key: string): Promise<Uint8Array<ArrayBuffer> | null> {
    const path = this.prefix + key;
    const stored = await this.bucket.get(path);
    if (!stored) return null;
    const packed = await this.sealer.open(path, new Uint8Array(await stored.arrayBuffer()));
    return through(packed, new DecompressionStream("gzip"));
  }

  async remove(key: string): Promise<void> {
    await this.bucket.delete(this.prefix + key);
  }

  async removeAll(): Promise<void> {
    for (;;) {
      const page = await this.bucket.list({ prefix: this.prefix, limit: 500 });
      if (page.objects.length === 0) return;
      await this.bucket.delete(page.objects.map((object) => object.key));
    }
  }
}

async function through(
  bytes: Uint8Array<ArrayBuffer>,
  transform: CompressionStream | DecompressionStream,
): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await new Response(new Blob([bytes]).stream().pipeThrough(transform)).arrayBuffer());
}
