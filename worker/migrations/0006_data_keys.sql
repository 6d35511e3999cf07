-- Which key-encryption key holds each tenant's data key, as its tenant object told it last: NULL until it did, empty where
-- it has none. A key that no row names can be taken out of the configuration.
CREATE TABLE data_keys (
  tenant TEXT PRIMARY KEY,
  object_seq INTEGER NOT NULL DEFAULT 0,
  kek TEXT,
  -- When the sweep asked last, in milliseconds since 1970.
  asked_at INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE INDEX data_keys_by_kek ON data_keys (kek, asked_at);
INSERT INTO data_keys (tenant, kek) SELECT id, CASE WHEN json_extract(view, '$.observed') = 'absent' THEN '' END FROM tenants;
