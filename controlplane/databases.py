"""Turns database addresses into Django's settings, the same way for SQLite and Postgres."""

from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

# IMMEDIATE takes the write lock when a transaction begins: with the default mode four writers got "database is locked"
# in spite of the timeout, because a read transaction can't be upgraded.
SQLITE_OPTIONS: dict[str, Any] = {
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA busy_timeout=20000;",
}
POOL_OPTIONS: dict[str, Any] = {"min_size": 1, "max_size": 8, "timeout": 10}


def database_from_url(url: str) -> dict[str, Any]:
    """Returns one entry of ``DATABASES``.

    Args: url: ``sqlite:///absolute/path``, ``sqlite://:memory:`` or ``postgres://user:password@host:port/name?host=/socket``.
    """
    if url.startswith("sqlite://"):
        return _sqlite(url.removeprefix("sqlite://"))
    return _postgres(url)


def _sqlite(name: str) -> dict[str, Any]:
    path = name if name == ":memory:" else str(Path(name))
    return {"ENGINE": "django.db.backends.sqlite3", "NAME": path, "OPTIONS": dict(SQLITE_OPTIONS)}


def _postgres(url: str) -> dict[str, Any]:
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query))
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": options.pop("host", parts.hostname or ""),
        "PORT": str(parts.port or ""),
        "OPTIONS": {**options, "pool": dict(POOL_OPTIONS)},
        "DISABLE_SERVER_SIDE_CURSORS": True,
    }
