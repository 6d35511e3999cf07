import type { Sealer } from "../events/archive";

const NONCE_BYTES = 12;

/**
 * Seals archives under a tenant's data key (AES-256-GCM, the context as additional data, the nonce in front).
 *
 * @param fetchKey asks the tenant object, which alone keeps the key; once it erased the key, nothing opens any more.
 */
export class DataKeySealer implements Sealer {
  #key: Promise<CryptoKey> | null = null;

  constructor(private readonly fetchKey: () => Promise<Uint8Array<ArrayBuffer>>) {}

  async seal(context: string, bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
    const nonce = crypto.getRandomValues(new Uint8Array(NONCE_BYTES));
    const sealed = await crypto.subtle.encrypt(parameters(nonce, context), await this.#import(), bytes);
    const whole = new Uint8Array(NONCE_BYTES + sealed.byteLength);
    whole.set(nonce);
    whole.set(new Uint8Array(sealed), NONCE_BYTES);
    return whole;
  }

  async open(context: string, bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
    const nonce = bytes.slice(0, NONCE_BYTES);
    const key = await this.#import();
    return new Uint8Array(await crypto.subtle.decrypt(parameters(nonce, context), key, bytes.slice(NONCE_BYTES)));
  }

  #import(): Promise<CryptoKey> {
    this.#key ??= this.fetchKey()
      .then((raw) => crypto.subtle.importKey("raw", raw, "AES-GCM", false, ["encrypt", "decrypt"]))
      .catch((reason: unknown) => {
        // A passing failure must not be remembered as the key.
        this.#key = null;
        throw reason;
      });
    return this.#key;
  }
}

function parameters(iv: Uint8Array<ArrayBuffer>, context: string) {
  return { name: "AES-GCM", iv, additionalData: new TextEncoder().encode(context) };
}
