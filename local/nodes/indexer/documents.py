"""Documents by index and id, in one SQLite file on the node's disk; what was acknowledged is committed."""

import fnmatch
import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

SCHEMA = """
CREATE TABLE IF NOT EXISTS indices (
    name TEXT PRIMARY KEY, created_at REAL NOT NULL, settings TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS documents (
    index_name TEXT NOT NULL REFERENCES indices(name) ON DELETE CASCADE,
    id TEXT NOT NULL,
    version INTEGER NOT NULL,
    source TEXT NOT NULL,
    PRIMARY KEY (index_name, id)
);
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""


TABLES = {"indices": 3, "documents": 4, "facts": 2}
"""With how many columns each has; a table after those that it refers to."""


@dataclass(frozen=True)
class Document:
    index: str
    id: str
    version: int
    source: dict[str, Any]
    place: int = 0
    """Where it lies in its index, as `_seq_no` does: no other one has it."""


@dataclass(frozen=True)
class IndexSettings:
    """How an index is kept, fixed when it is made. The stand-in tells it; every write can be found at once."""

    shards: int = 1
    replicas: int = 0
    refresh_seconds: int = 5


class Reader:
    """Reads documents through one connection."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def indices(self, expression: str = "*") -> list[str]:
        """Names that a comma list of patterns matches, in order."""
        names = [name for (name,) in self._database.execute("SELECT name FROM indices ORDER BY name")]
        patterns = ["*" if part == "_all" else part for part in expression.split(",")]
        return [name for name in names if any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)]

    def get(self, index: str, id: str) -> Document | None:
        row = self._database.execute(
            "SELECT version, source, rowid FROM documents WHERE index_name = ? AND id = ?", (index, id)
        ).fetchone()
        return Document(index, id, row[0], json.loads(row[1]), row[2]) if row else None

    def scan(self, indices: list[str]) -> Iterator[Document]:
        """Every document of the indices by id, one at a time, so that a large index is never in memory at once."""
        for index in indices:
            rows = self._database.execute(
                "SELECT id, version, source, rowid FROM documents WHERE index_name = ? ORDER BY id", (index,)
            )
            for id, version, source, place in rows:
                yield Document(index, id, version, json.loads(source), place)

    def settings(self, index: str) -> IndexSettings:
        """What an index was made with."""
        (text,) = self._database.execute("SELECT settings FROM indices WHERE name = ?", (index,)).fetchone()
        return IndexSettings(**json.loads(text))

    def statistics(self, index: str) -> tuple[int, int, float]:
        """Number of documents, their bytes, and when the index was made."""
        count, size = self._database.execute(
            "SELECT count(*), coalesce(sum(length(source)), 0) FROM documents WHERE index_name = ?", (index,)
        ).fetchone()
        (created_at,) = self._database.execute("SELECT created_at FROM indices WHERE name = ?", (index,)).fetchone()
        return count, size, created_at


class Documents(Reader):
    """All indices of one node, read and written through one connection, which belongs to the thread that made it."""

    def __init__(self, file: Path, settings: IndexSettings = IndexSettings()) -> None:
        super().__init__(sqlite3.connect(file, isolation_level=None))
        self._settings = json.dumps(asdict(settings))
        self._address = f"{file.resolve().as_uri()}?mode=ro"
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA foreign_keys=ON")
        self._database.executescript(SCHEMA)

    def close(self) -> None:
        self._database.close()

    @contextmanager
    def reading(self) -> Iterator[Reader]:
        """What is committed at this moment, for any thread: a long scan sees nothing of a write that is under way."""
        with closing(sqlite3.connect(self._address, uri=True, isolation_level=None)) as database:
            database.execute("BEGIN")
            yield Reader(database)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """What is written within is committed together, or not at all where it raises."""
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")

    def fact(self, name: str) -> str | None:
        """What was noted of the node itself, beside its documents."""
        row = self._database.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return str(row[0]) if row else None

    def note_fact(self, name: str, value: str) -> None:
        self._database.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, value))

    def content(self) -> dict[str, list[list[Any]]]:
        """Everything, for another node of the same cluster; see `load`."""
        return {table: list(map(list, self._database.execute(f"SELECT * FROM {table}"))) for table in TABLES}  # noqa: S608

    def load(self, content: dict[str, list[list[Any]]]) -> None:
        """Puts another node's content in the place of what is here."""
        with self.transaction():
            for table in reversed(TABLES):
                self._database.execute(f"DELETE FROM {table}")  # noqa: S608
            for table in TABLES:
                places = ", ".join("?" * TABLES[table])
                self._database.executemany(f"INSERT INTO {table} VALUES ({places})", content[table])  # noqa: S608

    def create_index(self, name: str) -> None:
        self._database.execute("INSERT OR IGNORE INTO indices VALUES (?, ?, ?)", (name, time.time(), self._settings))

    def delete_index(self, name: str) -> None:
        self._database.execute("DELETE FROM indices WHERE name = ?", (name,))

    def put(self, index: str, id: str, source: dict[str, Any]) -> int:
        """Stores a document, making its index where there is none; returns the document's version (1: it is new)."""
        self.create_index(index)
        (version,) = self._database.execute(
            """INSERT INTO documents VALUES (?, ?, 1, ?)
               ON CONFLICT DO UPDATE SET version = version + 1, source = excluded.source RETURNING version""",
            (index, id, json.dumps(source, separators=(",", ":"))),
        ).fetchone()
        return int(version)

    def delete(self, index: str, id: str) -> bool:
        """False where there was none."""
        cursor = self._database.execute("DELETE FROM documents WHERE index_name = ? AND id = ?", (index, id))
        return cursor.rowcount > 0
