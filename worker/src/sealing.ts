/** AES-256-GCM as the edge uses it: the nonce in front, and a context that has to be named again to open. */
const NONCE_BYTES = 12;

type Bytes = Uint8Array<ArrayBuffer>;

/** @param raw 32 bytes */
export const importSealingKey = (raw: Bytes): Promise<CryptoKey> =>
  crypto.subtle.importKey("raw", raw, "AES-GCM", false, ["encrypt", "decrypt"]);

export async function sealBytes(key: CryptoKey, context: string, bytes: Bytes): Promise<Bytes> {
  const nonce = crypto.getRandomValues(new Uint8Array(NONCE_BYTES));
  const sealed = await crypto.subtle.encrypt(parameters(nonce, context), key, bytes);
  return new Uint8Array(Buffer.concat([nonce, new Uint8Array(sealed)]));
}

/** @throws Error where the bytes were sealed under another key or context, or changed */
export async function openBytes(key: CryptoKey, context: string, sealed: Bytes): Promise<Bytes> {
  const nonce = sealed.slice(0, NONCE_BYTES);
  return new Uint8Array(await crypto.subtle.decrypt(parameters(nonce, context), key, sealed.slice(NONCE_BYTES)));
}

const parameters = (iv: Bytes, context: string) => ({
  name: "AES-GCM",
  iv,
  additionalData: new TextEncoder().encode(context),
});
