/** Ids and tokens: their shape, their check, and how a tenant's id is proven before any object is touched. */
import { createHash, createHmac, randomInt, timingSafeEqual } from "node:crypto";
import type { Settings } from "./bindings";

const BASE32 = "abcdefghijklmnopqrstuvwxyz234567";
const BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const TENANT_ID = /^[a-z2-7]{26}$/;
const CHECKED_PART = 18;

/** RFC 4648 base32 in lower case, without padding; the input's bits must be a multiple of five. */
function base32(bytes: Uint8Array): string {
  const bits = Array.from(bytes, (byte) => byte.toString(2).padStart(8, "0")).join("");
  return (bits.match(/.{5}/g) ?? []).map((five) => BASE32[Number.parseInt(five, 2)]).join("");
}

function checkOf(settings: Settings, checkedPart: string): string {
  const mac = createHmac("sha256", settings.cellIdKey).update(checkedPart, "ascii").digest();
  return base32(mac.subarray(0, 5));
}

/**
 * Whether this cell's control plane made the id: right cell, right check. Touches no object, so that guessed ids
 * cost nothing and leave nothing.
 */
export function isTenantId(settings: Settings, text: string): boolean {
  if (!TENANT_ID.test(text) || !text.startsWith(settings.cellId)) return false;
  const check = Buffer.from(text.slice(CHECKED_PART), "ascii");
  return timingSafeEqual(check, Buffer.from(checkOf(settings, text.slice(0, CHECKED_PART)), "ascii"));
}

/** A tenant id of this cell from 16 random characters; the control plane makes them, tests make them here. */
export function tenantIdFrom(settings: Settings, random: string): string {
  const checkedPart = settings.cellId + random;
  return checkedPart + checkOf(settings, checkedPart);
}

const randomText = (alphabet: string, length: number) =>
  Array.from({ length }, () => alphabet[randomInt(alphabet.length)]).join("");

/** `<kind>_` and 20 random characters of [a-z2-7]. */
export const newId = (kind: string) => `${kind}_${randomText(BASE32, 20)}`;

/** The id of that kind which belongs to a text: always the same one, and nobody can find another text for it. */
export const idFrom = (kind: string, text: string) =>
  `${kind}_${base32(createHash("sha256").update(text, "utf8").digest().subarray(0, 15)).slice(0, 20)}`;

/** Random characters of [a-z2-7], five bits each. */
export const randomBase32 = (length: number) => randomText(BASE32, length);

/** Random characters of [0-9A-Za-z], just under six bits each. */
export const randomBase62 = (length: number) => randomText(BASE62, length);

/** SHA-256 in hex: what is stored of a token. */
export const digest = (text: string) => createHash("sha256").update(text, "utf8").digest("hex");

export type TokenPrefix = "enr" | "code" | "con";

export interface ParsedToken {
  prefix: TokenPrefix;
  owner: string;
  id: string;
}

const TOKEN = /^(enr|code|con)_([a-z2-7]{10,40})_([a-z0-9]{1,20})_([0-9A-Za-z]{22})([0-9A-Za-z]{6})$/;

/** A new token: `<prefix>_<owner>_<id>_<22 base62 characters><CRC32 as 6 base62 characters>`. */
export function makeToken(prefix: TokenPrefix, owner: string, id: string): string {
  return tokenFrom(prefix, owner, id, randomBase62(22));
}

/** The token around a secret that exists already. */
export function tokenFrom(prefix: TokenPrefix, owner: string, id: string, secret: string): string {
  const body = `${prefix}_${owner}_${id}_${secret}`;
  return body + base62Check(body);
}

/** The parts of a token, or null where it is misspelled. Says nothing about whether the token is known. */
export function parseToken(text: string): ParsedToken | null {
  const match = TOKEN.exec(text);
  if (!match || text.slice(-6) !== base62Check(text.slice(0, -6))) return null;
  return { prefix: match[1] as TokenPrefix, owner: match[2] ?? "", id: match[3] ?? "" };
}

function base62Check(text: string): string {
  let rest = crc32(text);
  let out = "";
  for (let i = 0; i < 6; i++) {
    out = BASE62[rest % 62] + out;
    rest = Math.floor(rest / 62);
  }
  return out;
}

/** CRC-32 (IEEE 802.3) of ASCII text. */
function crc32(text: string): number {
  let crc = 0xffffffff;
  for (const byte of Buffer.from(text, "ascii")) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return (crc ^ 0xffffffff) >>> 0;
}
