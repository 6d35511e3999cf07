/** Tables of a tenant object. Every part that keeps rows brings its own migrations; they run when it is constructed. */

const MIGRATIONS = [
  `CREATE TABLE tenant (
     one INTEGER PRIMARY KEY CHECK (one = 1),
     epoch INTEGER NOT NULL, generation INTEGER NOT NULL, operation_id TEXT NOT NULL, requested TEXT NOT NULL,
     plan TEXT, body_hash TEXT NOT NULL,
     observed TEXT NOT NULL, observed_generation INTEGER NOT NULL, reason TEXT,
     erased INTEGER NOT NULL DEFAULT 0, verified TEXT, stream TEXT,
     view_hash TEXT, view_seq INTEGER NOT NULL DEFAULT 0, updated_at INTEGER NOT NULL
   ) STRICT;
   CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
   CREATE TABLE spent_proofs (jti TEXT PRIMARY KEY, expires_at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
   CREATE TABLE due (
     kind TEXT NOT NULL, key TEXT NOT NULL, at INTEGER NOT NULL, attempts INTEGER NOT NULL,
     PRIMARY KEY (kind, key)
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE outbox (
     seq INTEGER PRIMARY KEY, target TEXT NOT NULL, kind TEXT NOT NULL, at INTEGER NOT NULL, data TEXT NOT NULL
   ) STRICT;
   CREATE TABLE runs (
     operation_id TEXT PRIMARY KEY, position INTEGER NOT NULL, kind TEXT NOT NULL, generation INTEGER NOT NULL,
     state TEXT NOT NULL
   ) STRICT;
   CREATE TABLE steps (
     operation_id TEXT NOT NULL, position INTEGER NOT NULL, name TEXT NOT NULL, state TEXT NOT NULL,
     attempts INTEGER NOT NULL, started_at INTEGER, finished_at INTEGER, error TEXT,
     PRIMARY KEY (operation_id, position)
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE nodes (
     role TEXT NOT NULL, n INTEGER NOT NULL, start INTEGER NOT NULL, state TEXT NOT NULL, incarnation TEXT NOT NULL,
     image TEXT, instance TEXT, started_at INTEGER, ready_at INTEGER, restarts INTEGER NOT NULL, exit_code INTEGER,
     prepared INTEGER NOT NULL, checked_at INTEGER NOT NULL,
     PRIMARY KEY (role, n)
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE efforts (
     subject TEXT PRIMARY KEY, failures INTEGER NOT NULL, retry_at INTEGER NOT NULL, error TEXT
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE secrets (name TEXT PRIMARY KEY, sealed TEXT NOT NULL) STRICT, WITHOUT ROWID;
   CREATE TABLE data_keys (version INTEGER PRIMARY KEY, kek TEXT NOT NULL, wrapped TEXT NOT NULL) STRICT;
   CREATE TABLE certificates (
     generation INTEGER PRIMARY KEY, fit TEXT NOT NULL, not_after INTEGER NOT NULL, fingerprint TEXT NOT NULL,
     sealed TEXT NOT NULL
   ) STRICT;`,
  `ALTER TABLE nodes ADD COLUMN told INTEGER NOT NULL DEFAULT 0;
   ALTER TABLE nodes ADD COLUMN progress INTEGER NOT NULL DEFAULT 0;
   ALTER TABLE nodes ADD COLUMN moved_at INTEGER;`,
  // The fingerprint that was kept was the authority's. When a bundle was minted follows from the plan's lifetime.
  `ALTER TABLE certificates ADD COLUMN ca_fingerprint TEXT NOT NULL DEFAULT '';
   ALTER TABLE certificates ADD COLUMN minted_at INTEGER NOT NULL DEFAULT 0;
   ALTER TABLE certificates ADD COLUMN state TEXT NOT NULL DEFAULT 'destroyed';
   ALTER TABLE certificates ADD COLUMN told TEXT NOT NULL DEFAULT '';
   UPDATE certificates SET ca_fingerprint = fingerprint,
     minted_at = not_after - 86400000 * coalesce((SELECT json_extract(plan, '$.certificate_days') FROM tenant), 0);
   UPDATE certificates SET state = 'active' WHERE generation = (SELECT max(generation) FROM certificates);
   UPDATE certificates SET state = 'previous' WHERE generation = (SELECT max(generation) - 1 FROM certificates);
   UPDATE certificates SET sealed = '' WHERE state = 'destroyed';
   CREATE TABLE rotation (
     one INTEGER PRIMARY KEY CHECK (one = 1),
     operation_id TEXT NOT NULL, from_generation INTEGER NOT NULL, verified INTEGER NOT NULL DEFAULT 0, back TEXT
   ) STRICT;`,
  "ALTER TABLE nodes ADD COLUMN behind_since INTEGER",
  "ALTER TABLE rotation ADD COLUMN what TEXT NOT NULL DEFAULT 'certificates'",
  "ALTER TABLE certificates ADD COLUMN authority TEXT NOT NULL DEFAULT ''",
];

/** What stays of a deleted tenant: the tombstone, what is still to be delivered, and the last run. No secret among it. */
const KEPT_TABLES = [
  ...["tenant", "counters", "spent_proofs", "due", "outbox", "runs", "steps", "schema_versions"],
  // The end of the audit trail, whose records are gone, and of the portal's.
  ...["audit_head", "portal_trail"],
  // The certificate of its erasure.
  "erasure",
];

/**
 * Brings one part's tables up to date; each list grows at its end and never changes before it.
 * @param part name under which the version is kept
 */
export function migrate(storage: DurableObjectStorage, part: string, migrations: readonly string[]): void {
  const { sql } = storage;
  sql.exec("CREATE TABLE IF NOT EXISTS schema_versions (part TEXT PRIMARY KEY, version INTEGER NOT NULL) STRICT");
  const row = sql.exec<{ version: number }>("SELECT version FROM schema_versions WHERE part = ?", part).toArray()[0];
  const version = row?.version ?? 0;
  if (version >= migrations.length) return;
  storage.transactionSync(() => {
    for (const statements of migrations.slice(version)) sql.exec(statements);
    sql.exec("INSERT OR REPLACE INTO schema_versions (part, version) VALUES (?, ?)", part, migrations.length);
  });
}

export function migrateTenant(storage: DurableObjectStorage): void {
  migrate(storage, "tenant", MIGRATIONS);
}

/** Empties every table of every part but the tombstone's. */
export function eraseRows(sql: SqlStorage): void {
  const tables = sql
    .exec<{ name: string }>(
      "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE '\\_cf\\_%' ESCAPE '\\'",
    )
    .toArray();
  for (const { name } of tables) if (!KEPT_TABLES.includes(name)) sql.exec(`DELETE FROM "${name}"`);
}
