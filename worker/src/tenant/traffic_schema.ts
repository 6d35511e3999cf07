import { migrate } from "./schema";

/** Tables of the tenant object that enrollment and access use. Times are milliseconds since 1970. */
const MIGRATIONS = [
  `CREATE TABLE tokens (
     id TEXT PRIMARY KEY, name TEXT NOT NULL, secret_sha256 TEXT NOT NULL, expires_at INTEGER NOT NULL,
     max_uses INTEGER NOT NULL, uses INTEGER NOT NULL DEFAULT 0, groups TEXT NOT NULL, labels TEXT NOT NULL,
     revoked_at INTEGER, last_used_at INTEGER) STRICT;
   CREATE TABLE agents (
     id TEXT PRIMARY KEY, number INTEGER NOT NULL UNIQUE, name TEXT NOT NULL UNIQUE, token TEXT NOT NULL,
     groups TEXT NOT NULL, version TEXT, address TEXT NOT NULL, credential_sha256 TEXT NOT NULL,
     enrollment_id TEXT NOT NULL UNIQUE, material TEXT NOT NULL, enrolled_at INTEGER NOT NULL,
     quarantined_at INTEGER, quarantine_reason TEXT, pushed INTEGER NOT NULL DEFAULT 0, active INTEGER NOT NULL DEFAULT 0) STRICT;
   CREATE TABLE codes (
     sha256 TEXT PRIMARY KEY, claims TEXT NOT NULL, expires_at INTEGER NOT NULL, used_at INTEGER) STRICT;
   CREATE TABLE sessions (
     sha256 TEXT PRIMARY KEY, claims TEXT NOT NULL, ends_at INTEGER NOT NULL) STRICT;
   CREATE TABLE revocations (
     id INTEGER PRIMARY KEY, rule TEXT NOT NULL, until INTEGER NOT NULL) STRICT;
   CREATE TABLE answers (
     key TEXT PRIMARY KEY, request_sha256 TEXT NOT NULL, answer TEXT NOT NULL, until INTEGER NOT NULL) STRICT;`,
  "ALTER TABLE agents ADD COLUMN seen_at INTEGER",
  "ALTER TABLE agents ADD COLUMN silent_at INTEGER",
  "ALTER TABLE tokens ADD COLUMN names TEXT NOT NULL DEFAULT '[]'",
  "ALTER TABLE tokens ADD COLUMN wazuh5_key TEXT",
];

/** Brings the tables up to date; runs in the object's constructor. */
export function migrateTraffic(storage: DurableObjectStorage): void {
  migrate(storage, "traffic", MIGRATIONS);
}
