-- The edge's registry of tenants: the view each tenant object published last.
CREATE TABLE tenants (
  id TEXT PRIMARY KEY,
  object_seq INTEGER NOT NULL,
  -- 1 where nothing is to be looked after: it is stopped or gone, as asked.
  resting INTEGER NOT NULL,
  view TEXT NOT NULL,
  swept_at INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX tenants_by_sweep ON tenants (resting, swept_at);

-- The changes feed. AUTOINCREMENT: a number that was read once is never given to another change.
CREATE TABLE changes (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  tenant TEXT NOT NULL,
  object_seq INTEGER NOT NULL,
  kind TEXT NOT NULL,
  at INTEGER NOT NULL,
  data TEXT NOT NULL,
  UNIQUE (tenant, object_seq)
);
CREATE INDEX changes_by_time ON changes (at);

-- One row: the name of this feed. A feed that was restored or made anew has another one, and its readers resync.
CREATE TABLE feed (
  epoch TEXT NOT NULL,
  next_oldest INTEGER NOT NULL
);
INSERT INTO feed (epoch, next_oldest) VALUES (lower(hex(randomblob(8))), 1);
