"""The database of one test process: a copy of one that was migrated, used as `app`, and emptied between tests."""

import fcntl
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from django.core.management import call_command
from django.db import connection, connections, transaction
from psycopg import sql

from controlplane.roles import one_at_a_time, prepare
from local.postgres import admin_dsn

type Rows = dict[str, list[tuple[object, ...]]]

TEMPLATE = "garrison_template"

_reference: Rows = {}
_copies: dict[str, bytes] = {}
_superuser: list[psycopg.Connection] = []


def make_sqlite(folder: Path, shared: Path) -> None:
    """
    Makes this process's SQLite file. A file, not memory, so that threads compete for it as processes do.

    Args: shared: a folder that all processes of the run have; the first of them migrates for all.
    """
    template = shared / f"{TEMPLATE}.sqlite3"
    with _alone(shared):
        if not template.exists():
            _migrate_sqlite(template)
    _use_sqlite(Path(shutil.copy(template, folder / "test.sqlite3")))
    _reference.update({table: rows for table in tables() if (rows := _sqlite_rows(table))})


def _migrate_sqlite(template: Path) -> None:
    unfinished = template.with_suffix(".unfinished")
    _use_sqlite(unfinished)
    call_command("migrate", verbosity=0)
    connection.close()
    unfinished.rename(template)


def _use_sqlite(file: Path) -> None:
    connection.close()  # whatever asked for a database before, got one in memory
    connection.settings_dict["NAME"] = str(file)


def make_postgres(socket_directory: str, name: str, shared: Path) -> None:
    """Makes this process's database in the run's server. Args: shared: as for SQLite."""
    server = admin_dsn(socket_directory)
    with _alone(shared), psycopg.connect(server, autocommit=True) as admin:
        if not admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", [TEMPLATE]).fetchone():
            _migrate_postgres(socket_directory)
        names = map(sql.Identifier, (name, "owner", TEMPLATE))
        admin.execute(sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {}").format(*names))
    prepare(server, name, {})
    _connect_as("app", socket_directory, name)
    _superuser[:] = [psycopg.connect(admin_dsn(socket_directory, name), autocommit=True)]
    _copies.update({table: copy for table in tables() if (copy := _copy_out(_superuser[0], table))})


def _migrate_postgres(socket_directory: str) -> None:
    server = admin_dsn(socket_directory)
    prepare(server, TEMPLATE, {})
    with one_at_a_time(server) as admin:
        # A step that asks by another connection than the one that migrates would wait for itself.
        admin.execute(sql.SQL("ALTER DATABASE {} SET lock_timeout = '30s'").format(sql.Identifier(TEMPLATE)))
        # Lets `all_rows` look past row-level security; NOINHERIT keeps `app` itself bound by it.
        admin.execute("ALTER ROLE app NOINHERIT")
        admin.execute("GRANT owner TO app")
    _connect_as("app", socket_directory, TEMPLATE)
    with _owner_beside():
        call_command("migrate", database="owner", verbosity=0)
    connection.close()
    connection.close_pool()


@contextmanager
def _owner_beside() -> Iterator[None]:
    """Has a connection `owner` beside `app`, as production has for its migrations."""
    connections.settings["owner"] = {**connection.settings_dict, "USER": "owner"}
    yield
    connections["owner"].close()
    connections["owner"].close_pool()
    del connections["owner"], connections.settings["owner"]


@contextmanager
def _alone(shared: Path) -> Iterator[None]:
    """Lets the processes of a run in one after the other."""
    with (shared / f"{TEMPLATE}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _connect_as(role: str, socket_directory: str, name: str) -> None:
    connection.close()
    connection.close_pool()
    connection.settings_dict.update(USER=role, HOST=socket_directory, PORT="", NAME=name)


def empty() -> None:
    """Brings the database back to what it was after the migrations, audit trail included."""
    if connection.vendor == "sqlite":
        _empty_sqlite()
    else:
        _empty_postgres()


def tables() -> list[str]:
    return sorted(set(connection.introspection.table_names()) - {"django_migrations"})


def _sqlite_rows(table: str) -> list[tuple[object, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(f'SELECT * FROM "{table}"')
        return list(cursor.fetchall())


def _empty_sqlite() -> None:
    connection.close()
    with sqlite3.connect(connection.settings_dict["NAME"], timeout=20) as raw:
        raw.execute("PRAGMA synchronous=OFF")
        triggers = raw.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _ in triggers:
            raw.execute(f'DROP TRIGGER "{name}"')
        for table in tables():
            _restore(raw, table, _reference.get(table, []))
        for _, text in triggers:
            raw.execute(text)
    raw.close()


def _restore(raw: sqlite3.Connection, table: str, rows: list[tuple[object, ...]]) -> None:
    if raw.execute(f'SELECT * FROM "{table}"').fetchall() != rows:
        raw.execute(f'DELETE FROM "{table}"')
        for row in rows:
            raw.execute(f'INSERT INTO "{table}" VALUES ({", ".join("?" * len(row))})', row)


def _copy_out(admin: psycopg.Connection, table: str) -> bytes:
    with admin.cursor().copy(sql.SQL("COPY {} TO STDOUT").format(sql.Identifier(table))) as copy:
        return b"".join(bytes(block) for block in copy)


def _empty_postgres() -> None:
    (admin,) = _superuser
    with admin.transaction():
        # The superuser's way past triggers, the append-only ones among them. TRUNCATE would make every file anew.
        admin.execute("SET LOCAL session_replication_role = replica")
        admin.execute("; ".join(f'DELETE FROM "{table}"' for table in tables()))
        for table, rows in _copies.items():
            with admin.cursor().copy(sql.SQL("COPY {} FROM STDIN").format(sql.Identifier(table))) as copy:
                copy.write(rows)


@contextmanager
def without_triggers() -> Iterator[Callable[[str], object]]:
    """Runs statements as somebody with the database's files in hand would: past triggers and row-level security."""
    if connection.vendor == "postgresql":
        settings = connection.settings_dict
        with psycopg.connect(admin_dsn(settings["HOST"], settings["NAME"])) as admin:
            admin.execute("SET session_replication_role = replica")
            yield admin.execute
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
        triggers = cursor.fetchall()
        for name, _ in triggers:
            cursor.execute(f'DROP TRIGGER "{name}"')
        yield cursor.execute
        for _, text in triggers:
            cursor.execute(text)


@contextmanager
def all_rows() -> Iterator[None]:
    """Arranges or inspects rows as the owner, past row-level security. Never around the code under test."""
    if connection.vendor == "sqlite":
        yield
        return
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL ROLE owner")
        yield
        cursor.execute("RESET ROLE")
