"""The database of one test process: made, migrated as the owner, then used as `app`, and emptied between tests."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from django.core.management import call_command
from django.db import connection, transaction
from psycopg import sql

from controlplane.roles import one_at_a_time, prepare
from tests.postgres import admin_dsn

type Rows = dict[str, list[tuple[object, ...]]]

_reference: Rows = {}
_copies: dict[str, bytes] = {}


def make_sqlite(folder: Path) -> None:
    """Makes this process's SQLite file. A file, not memory, so that threads compete for it as processes do."""
    connection.settings_dict["NAME"] = str(folder / "test.sqlite3")
    connection.close()  # whatever asked for a database before, got one in memory
    call_command("migrate", verbosity=0)
    _reference.update({table: rows for table in tables() if (rows := _sqlite_rows(table))})


def make_postgres(socket_directory: str, name: str) -> None:
    """Makes this process's database in the run's server."""
    prepare(admin_dsn(socket_directory), name, {})
    with one_at_a_time(admin_dsn(socket_directory)) as admin:
        # Lets `all_rows` look past row-level security; NOINHERIT keeps `app` itself bound by it.
        admin.execute("ALTER ROLE app NOINHERIT")
        admin.execute("GRANT owner TO app")
    _connect_as("owner", socket_directory, name)
    call_command("migrate", verbosity=0)
    with psycopg.connect(admin_dsn(socket_directory, name)) as admin:
        _copies.update({table: copy for table in tables() if (copy := _copy_out(admin, table))})
    _connect_as("app", socket_directory, name)


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
        triggers = raw.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _ in triggers:
            raw.execute(f'DROP TRIGGER "{name}"')
        for table in tables():
            raw.execute(f'DELETE FROM "{table}"')
            for row in _reference.get(table, []):
                raw.execute(f'INSERT INTO "{table}" VALUES ({", ".join("?" * len(row))})', row)
        for _, text in triggers:
            raw.execute(text)
    raw.close()


def _copy_out(admin: psycopg.Connection, table: str) -> bytes:
    with admin.cursor().copy(sql.SQL("COPY {} TO STDOUT").format(sql.Identifier(table))) as copy:
        return b"".join(bytes(block) for block in copy)


def _empty_postgres() -> None:
    settings = connection.settings_dict
    with psycopg.connect(admin_dsn(settings["HOST"], settings["NAME"])) as admin:
        # The superuser's way past triggers, the append-only ones among them.
        admin.execute("SET session_replication_role = replica")
        names = sql.SQL(", ").join(map(sql.Identifier, tables()))
        admin.execute(sql.SQL("TRUNCATE {} RESTART IDENTITY CASCADE").format(names))
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
