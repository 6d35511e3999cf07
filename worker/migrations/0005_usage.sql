-- What each tenant used of each thing in each UTC hour, as its tenant object told it. `object_seq` numbers what a tenant tells;
-- AUTOINCREMENT: a number that was read once is never given to another row. Times in milliseconds since 1970.
CREATE TABLE usage (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  tenant TEXT NOT NULL,
  object_seq INTEGER NOT NULL,
  at INTEGER NOT NULL,
  hour INTEGER NOT NULL,
  kind TEXT NOT NULL,
  role TEXT,
  size TEXT,
  quantity REAL NOT NULL CHECK (quantity >= 0),
  UNIQUE (tenant, object_seq)
);
CREATE INDEX usage_by_time ON usage (at);
ALTER TABLE feed ADD COLUMN usage_oldest INTEGER NOT NULL DEFAULT 1;
