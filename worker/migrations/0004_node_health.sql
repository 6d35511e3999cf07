-- How each node is, as its tenant object told it last: written when that changes, not at each check. Times in milliseconds
-- since 1970; `detail` is JSON, null where nothing is wrong.
CREATE TABLE node_health (
  tenant TEXT NOT NULL,
  role TEXT NOT NULL,
  n INTEGER NOT NULL,
  object_seq INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('ok', 'warning', 'failing', 'unknown')),
  detail TEXT NOT NULL,
  since INTEGER NOT NULL,
  checked_at INTEGER NOT NULL,
  PRIMARY KEY (tenant, role, n)
) WITHOUT ROWID;
-- Which nodes are not well.
CREATE INDEX node_health_by_state ON node_health (state, since) WHERE state IN ('warning', 'failing');
