"""The database roles on Postgres, and what each may do.

``owner`` owns tables and functions and runs migrations. ``app`` (portal) and ``worker`` (Celery) read and write rows
under row-level security; neither may change tables, make temporary ones, or call a function that was not given to it.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import psycopg
from psycopg import sql

from controlplane.rls_operations import APP_ROLE, OWNER_ROLE, WORKER_ROLE

ROLES = (OWNER_ROLE, APP_ROLE, WORKER_ROLE)
ATTRIBUTES = "LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS"


def prepare(admin_dsn: str, database: str, passwords: Mapping[str, str]) -> None:
    """Makes roles and database, and sets what they should be where they exist: safe to repeat.

    Args: admin_dsn: connection of a superuser; database: name; passwords: by role, none for roles that sign in
    otherwise.
    """
    with one_at_a_time(admin_dsn) as admin:
        for role in ROLES:
            _make_role(admin, role, passwords.get(role))
        exists = admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database]).fetchone()
        if not exists:
            admin.execute(
                sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(database), sql.Identifier(OWNER_ROLE))
            )
    with psycopg.connect(admin_dsn, dbname=database, autocommit=True) as inside:
        for statement in _grants(database):
            inside.execute(statement)


@contextmanager
def one_at_a_time(admin_dsn: str) -> Iterator[psycopg.Connection]:
    """Connects as the superuser, alone: roles belong to the whole server, and two runs at once would collide."""
    with psycopg.connect(admin_dsn, autocommit=True) as admin:
        admin.execute("SELECT pg_advisory_lock(hashtext('garrison.roles'))")
        yield admin


def _make_role(admin: psycopg.Connection, role: str, password: str | None) -> None:
    name = sql.Identifier(role)
    if not admin.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone():
        admin.execute(sql.SQL("CREATE ROLE {}").format(name))
    admin.execute(sql.SQL("ALTER ROLE {} WITH {}").format(name, sql.SQL(ATTRIBUTES)))
    if password:
        admin.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(name, sql.Literal(password)))


def _grants(database: str) -> Iterator[sql.Composed]:
    names = {
        "database": sql.Identifier(database),
        "owner": sql.Identifier(OWNER_ROLE),
        "users": sql.SQL(", ").join([sql.Identifier(APP_ROLE), sql.Identifier(WORKER_ROLE)]),
    }
    for text in (
        # Compiling pays for statements that run for seconds. Ours run for milliseconds, and for a list with many
        # conditions the compiler alone took ten seconds.
        "ALTER DATABASE {database} SET jit = off",
        "REVOKE ALL ON DATABASE {database} FROM PUBLIC",
        "GRANT CONNECT ON DATABASE {database} TO {owner}, {users}",
        "ALTER SCHEMA public OWNER TO {owner}",
        "REVOKE ALL ON SCHEMA public FROM PUBLIC",
        "GRANT USAGE ON SCHEMA public TO {users}",
        "ALTER DEFAULT PRIVILEGES FOR ROLE {owner} GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {users}",
        "ALTER DEFAULT PRIVILEGES FOR ROLE {owner} GRANT USAGE, SELECT ON SEQUENCES TO {users}",
        # Functions of the owner run with the owner's rights: nobody may call one that was not given to them.
        "ALTER DEFAULT PRIVILEGES FOR ROLE {owner} REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC",
    ):
        yield sql.SQL(text).format(**names)
