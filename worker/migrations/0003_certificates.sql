-- Every generation of every tenant's certificates, as its tenant object told it last. Times in milliseconds since 1970.
CREATE TABLE certificates (
  tenant TEXT NOT NULL,
  generation INTEGER NOT NULL,
  object_seq INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('pending', 'active', 'previous', 'destroyed')),
  fingerprint TEXT NOT NULL,
  ca_fingerprint TEXT NOT NULL,
  minted_at INTEGER NOT NULL,
  not_after INTEGER NOT NULL,
  PRIMARY KEY (tenant, generation)
) WITHOUT ROWID;
-- Which certificates in use end first.
CREATE INDEX certificates_by_end ON certificates (not_after) WHERE state = 'active';
