/**
 * The tenant's secrets. A key-encryption key of the deployment wraps one data key a tenant; the data key seals
 * everything else. Erasing the wrapped data key makes every sealed copy unreadable, wherever it lies.
 */
import { randomInt } from "node:crypto";
import type { Settings } from "../bindings";
import { EdgeError } from "../errors";
import { randomBase62 } from "../ids";
import { importSealingKey, openBytes, sealBytes } from "../sealing";

const KEY_BYTES = 32;

/** Symbols that Wazuh takes in passwords and that mean nothing to a shell, a URL or YAML. */
const SYMBOLS = ".+-";

/** The API wants upper case, lower case, digit and symbol; one of each is put in front of the random part. */
function password(): string {
  const one = (alphabet: string) => alphabet[randomInt(alphabet.length)] ?? "";
  const required =
    one("ABCDEFGHIJKLMNOPQRSTUVWXYZ") + one("abcdefghijklmnopqrstuvwxyz") + one("0123456789") + one(SYMBOLS);
  return required + randomBase62(28);
}

/** Every generated credential and how it is made. */
export const SECRET_RULES: Record<string, () => string> = {
  indexer_admin: password,
  indexer_dashboard: password,
  manager_api: password,
  manager_enrollment: password,
  manager_cluster: () => randomBase62(32),
  dashboard_cookie: () => randomBase62(43),
};

/** The first generation was sealed before there were others. */
const purposeOf = (name: string, generation: number) => `secret:${name}${generation === 1 ? "" : `:${generation}`}`;

const encode = (text: string) => new Uint8Array(new TextEncoder().encode(text));

const toText = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64");
const fromText = (text: string) => new Uint8Array(Buffer.from(text, "base64"));

/** What is said of a tenant whose data key nothing here can unwrap. */
export const missingWords = (kek: string) =>
  `The key-encryption key ${kek}, which holds this tenant's secrets, is not in DATA_KEYS.`;

type WrappedKey = { version: number; kek: string; wrapped: string };

interface DataKey {
  version: number;
  raw: Uint8Array<ArrayBuffer>;
  key: CryptoKey;
}

export class Vault {
  #current: Promise<DataKey> | null = null;

  constructor(
    private readonly tenant: string,
    private readonly sql: SqlStorage,
    private readonly settings: Settings,
    /** Called in the transaction in which the data key was wrapped. */
    private readonly wrapped: () => void = () => undefined,
  ) {}

  /** @param purpose what the text is; the same purpose is needed to open it */
  async seal(purpose: string, text: string): Promise<string> {
    const { version, key } = await this.#dataKey();
    return `${version}.${toText(await sealBytes(key, this.#context(purpose, version), encode(text)))}`;
  }

  async open(purpose: string, sealed: string): Promise<string> {
    const { version, key } = await this.#dataKey();
    const [sealedVersion, body] = sealed.split(".", 2);
    if (Number(sealedVersion) !== version || !body) throw new Error(`the sealed ${purpose} is of an unknown data key`);
    return new TextDecoder().decode(await openBytes(key, this.#context(purpose, version), fromText(body)));
  }

  /**
   * Wraps the data key under the current key-encryption key. What the data key sealed stays as it is.
   * @throws EdgeError KEY_MISSING where the key it is wrapped under is not configured
   */
  async rewrap(): Promise<void> {
    const row = this.#wrapped();
    const { current } = this.settings.dataKeys;
    if (!row || row.kek === current) return;
    const wrapped = await this.#wrap(row.version, await this.#unwrap(row));
    // Only over what was read: an erasure meanwhile must not be undone.
    const change = "UPDATE data_keys SET kek = ?, wrapped = ? WHERE version = ? AND wrapped = ?";
    if (this.sql.exec(change, current, wrapped, row.version, row.wrapped).rowsWritten > 0) this.wrapped();
  }

  async dataKey(): Promise<Uint8Array<ArrayBuffer>> {
    return (await this.#dataKey()).raw;
  }

  /**
   * A generated credential of a generation, made at first use. Racing callers get the one that was stored first.
   * @throws Error for a generation that is destroyed or was never there
   */
  async secret(name: string, generation: number): Promise<string> {
    if (!this.#stored(name, generation)) {
      const sealed = await this.#generate(name, generation);
      this.sql.exec(
        `INSERT OR IGNORE INTO secrets (name, generation, sealed)
         SELECT ?, generation, ? FROM credentials WHERE generation = ? AND state <> 'destroyed'`,
        ...[name, sealed, generation],
      );
    }
    const sealed = this.#stored(name, generation);
    if (!sealed) throw new Error(`there are no credentials of generation ${generation}`);
    return this.open(purposeOf(name, generation), sealed);
  }

  /** A new value of every credential, sealed for a generation; storing them is the caller's. */
  generate(generation: number): Promise<[name: string, sealed: string][]> {
    const names = Object.keys(SECRET_RULES);
    return Promise.all(names.map(async (name) => [name, await this.#generate(name, generation)]));
  }

  async #generate(name: string, generation: number): Promise<string> {
    const make = SECRET_RULES[name];
    if (!make) throw new Error(`there is no rule for a secret named ${name}`);
    return this.seal(purposeOf(name, generation), make());
  }

  /** Forgets the keys in memory; their rows go with the erasure. */
  forget(): void {
    this.#current = null;
  }

  #stored(name: string, generation: number): string | undefined {
    const query = "SELECT sealed FROM secrets WHERE name = ? AND generation = ?";
    return this.sql.exec<{ sealed: string }>(query, name, generation).toArray()[0]?.sealed;
  }

  #context(purpose: string, version: number): string {
    return `${this.tenant}|${purpose}|${version}`;
  }

  #dataKey(): Promise<DataKey> {
    this.#current ??= this.#loadDataKey().catch((error: unknown) => {
      // A passing failure must not be remembered as the key.
      this.#current = null;
      throw error;
    });
    return this.#current;
  }

  async #loadDataKey(): Promise<DataKey> {
    const row = this.#wrapped() ?? (await this.#makeDataKey());
    const raw = await this.#unwrap(row);
    return { version: row.version, raw, key: await importSealingKey(raw) };
  }

  #wrapped() {
    return this.sql
      .exec<WrappedKey>("SELECT version, kek, wrapped FROM data_keys ORDER BY version DESC LIMIT 1")
      .toArray()[0];
  }

  /** Racing callers get the one that was stored first; a tenant that was erased gets none. */
  async #makeDataKey(): Promise<WrappedKey> {
    const wrapped = await this.#wrap(1, crypto.getRandomValues(new Uint8Array(KEY_BYTES)));
    const made = this.sql.exec(
      `INSERT OR IGNORE INTO data_keys (version, kek, wrapped)
       SELECT 1, ?, ? WHERE NOT EXISTS (SELECT 1 FROM tenant WHERE erased = 1)`,
      ...[this.settings.dataKeys.current, wrapped],
    );
    if (made.rowsWritten > 0) this.wrapped();
    const row = this.#wrapped();
    if (!row) throw new Error("the tenant is gone, and its data key with it");
    return row;
  }

  async #wrap(version: number, raw: Uint8Array<ArrayBuffer>): Promise<string> {
    const kek = await this.#kek(this.settings.dataKeys.current);
    return toText(await sealBytes(kek, this.#context("data-key", version), raw));
  }

  async #unwrap({ version, kek, wrapped }: WrappedKey): Promise<Uint8Array<ArrayBuffer>> {
    return openBytes(await this.#kek(kek), this.#context("data-key", version), fromText(wrapped));
  }

  async #kek(id: string): Promise<CryptoKey> {
    const raw = this.settings.dataKeys.keys.get(id);
    if (!raw) throw new EdgeError("KEY_MISSING", missingWords(id));
    return importSealingKey(new Uint8Array(raw));
  }
}
