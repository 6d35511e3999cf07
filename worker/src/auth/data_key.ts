import type { Sealer } from "../events/archive";
import { importSealingKey, openBytes, sealBytes } from "../sealing";

/**
 * Seals archives under a tenant's data key (AES-256-GCM, the context as additional data, the nonce in front).
 *
 * @param fetchKey asks the tenant object, which alone keeps the key; once it erased the key, nothing opens any more.
 */
export class DataKeySealer implements Sealer {
  #key: Promise<CryptoKey> | null = null;

  constructor(private readonly fetchKey: () => Promise<Uint8Array<ArrayBuffer>>) {}

  async seal(context: string, bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
    return sealBytes(await this.#import(), context, bytes);
  }

  async open(context: string, bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
    return openBytes(await this.#import(), context, bytes);
  }

  #import(): Promise<CryptoKey> {
    this.#key ??= this.fetchKey()
      .then(importSealingKey)
      .catch((reason: unknown) => {
        // A passing failure must not be remembered as the key.
        this.#key = null;
        throw reason;
      });
    return this.#key;
  }
}
