"""Migration operations of row-level security; what they mean is told in `controlplane.rls`."""

import re
from collections.abc import Callable, Sequence
from typing import Any

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

OWNER_ROLE, APP_ROLE, WORKER_ROLE = "owner", "app", "worker"
PLATFORM = "platform"

_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")
_ACTOR = "current_setting('app.actor', true)"


def checked_name(name: str) -> str:
    """Returns ``name`` if it can stand in SQL without quotes. Raises: ValueError if it can't."""
    if not _NAME.fullmatch(name):
        raise ValueError("A database name may hold lower-case letters, digits and underscores only.")
    return name


def visible_organizations(column: str) -> str:
    """Returns the SQL condition that ``column`` names an organization visible to the actor.

    The array is computed once a statement, so that an index on the column serves the condition. The actor ``org:<id>``
    sees its own organization without an access row, ``platform`` what belongs to no organization.
    """
    return (
        f"{column} = ANY (ARRAY(SELECT organization_id FROM organizations_access"  # noqa: S608 - no input
        f" UNION ALL SELECT substr({_ACTOR}, 5) WHERE {_ACTOR} LIKE 'org:%'"
        f" UNION ALL SELECT '{PLATFORM}' WHERE {_ACTOR} = '{PLATFORM}'))"
    )


def hashed_organizations(column: str) -> str:
    """Returns the same condition as a look-up in a hash that is made once a statement.

    `visible_organizations` goes through its array for each row that no index on the column brought, which for somebody
    who sees thousands of organizations costs thousands of comparisons a row. This one serves no index, so it is for
    tables of which lists read many rows by other ways.
    """
    return (
        f"{column} IN (SELECT organization_id FROM organizations_access"  # noqa: S608 - no input
        f" UNION ALL SELECT substr({_ACTOR}, 5) WHERE {_ACTOR} LIKE 'org:%'"
        f" UNION ALL SELECT '{PLATFORM}' WHERE {_ACTOR} = '{PLATFORM}')"
    )


class _VendorOperation(Operation):
    """Statements that one kind of database needs; models do not change."""

    vendor = "postgresql"
    reversible = True
    reduces_to_sql = True

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """Nothing to change."""

    def statements(self) -> list[str]:
        """The SQL that does it."""
        raise NotImplementedError

    def reverse_statements(self) -> list[str]:
        """The SQL that undoes it."""
        raise NotImplementedError

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: Any, to_state: Any
    ) -> None:
        """Runs the statements."""
        self._execute(schema_editor, self.statements())

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: Any, to_state: Any
    ) -> None:
        """Runs the reverse statements."""
        self._execute(schema_editor, self.reverse_statements())

    def _execute(self, schema_editor: BaseDatabaseSchemaEditor, statements: Sequence[str]) -> None:
        if schema_editor.connection.vendor == self.vendor:
            for statement in statements:
                schema_editor.execute(statement, params=None)


class EnableRowSecurity(_VendorOperation):
    """Lets actors see and write only rows of organizations they have access to.

    Args:
        table: the table's name.
        organization_column: the column that holds the organization's id.
        using: a SQL condition instead, where one column does not tell; `visible_organizations` helps to write it.
    """

    def __init__(self, table: str, organization_column: str = "organization_id", using: str | None = None) -> None:
        self.table = checked_name(table)
        self.organization_column = checked_name(organization_column)
        self.using = using

    def statements(self) -> list[str]:
        """Turns security on, also for the owner, with one policy for actors and one for the owner's functions."""
        condition = self.using or visible_organizations(f"{self.table}.{self.organization_column}")
        return [
            f"ALTER TABLE {self.table} ENABLE ROW LEVEL SECURITY",
            f"ALTER TABLE {self.table} FORCE ROW LEVEL SECURITY",
            f"CREATE POLICY by_actor ON {self.table} TO {APP_ROLE}, {WORKER_ROLE} USING ({condition})"
            f" WITH CHECK ({condition})",
            # Narrow functions and migrations run as the owner; nothing that serves requests connects as it.
            f"CREATE POLICY by_owner ON {self.table} TO CURRENT_USER USING (true) WITH CHECK (true)",
        ]

    def reverse_statements(self) -> list[str]:
        """Turns it off."""
        return [
            f"DROP POLICY by_owner ON {self.table}",
            f"DROP POLICY by_actor ON {self.table}",
            f"ALTER TABLE {self.table} NO FORCE ROW LEVEL SECURITY",
            f"ALTER TABLE {self.table} DISABLE ROW LEVEL SECURITY",
        ]

    def describe(self) -> str:
        """What the migration's output says."""
        return f"Row-level security on {self.table}"


class HashRowSecurity(_VendorOperation):
    """Has reads of a table that is secured already look organizations up as `hashed_organizations` does.

    Args: table: the table's name. columns: one of which has to name an organization that the actor sees.
    """

    def __init__(self, table: str, *columns: str) -> None:
        self.table = checked_name(table)
        self.columns = [checked_name(column) for column in columns or ("organization_id",)]

    def statements(self) -> list[str]:
        """Changes what may be read; what may be written stays as it was."""
        return [self._reading(hashed_organizations)]

    def reverse_statements(self) -> list[str]:
        """Goes through the array again."""
        return [self._reading(visible_organizations)]

    def _reading(self, visible: Callable[[str], str]) -> str:
        condition = " OR ".join(visible(f"{self.table}.{column}") for column in self.columns)
        return f"ALTER POLICY by_actor ON {self.table} USING ({condition})"

    def describe(self) -> str:
        """What the migration's output says."""
        return f"Hashed row-level security on {self.table}"


class NarrowFunction(_VendorOperation):
    """A SECURITY DEFINER function: the only way past row-level security, one question each.

    Args:
        name: the function's name.
        body: its text, without the dollar quotes.
        arguments: such as ``"wanted integer"``.
        returns: such as ``"TABLE (id text)"`` or ``"trigger"``.
        language: ``sql`` or ``plpgsql``.
        callers: roles that may call it; none for trigger functions.
    """

    def __init__(
        self,
        name: str,
        body: str,
        *,
        arguments: str = "",
        returns: str = "trigger",
        language: str = "plpgsql",
        callers: Sequence[str] = (),
    ) -> None:
        self.name, self.body, self.arguments = checked_name(name), body, arguments
        self.returns, self.language, self.callers = returns, checked_name(language), tuple(callers)

    def statements(self) -> list[str]:
        """Makes the function and lets only the callers call it."""
        made = [
            # A fixed search path: otherwise a caller's temporary table could take the place of a real one.
            f"CREATE OR REPLACE FUNCTION {self.name}({self.arguments}) RETURNS {self.returns}"
            f" LANGUAGE {self.language} SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp"
            f" AS $narrow${self.body}$narrow$",
            f"REVOKE ALL ON FUNCTION {self.name} FROM PUBLIC",
        ]
        return made + [f"GRANT EXECUTE ON FUNCTION {self.name} TO {checked_name(role)}" for role in self.callers]

    def reverse_statements(self) -> list[str]:
        """Drops it."""
        return [f"DROP FUNCTION {self.name}"]

    def describe(self) -> str:
        """What the migration's output says."""
        return f"Narrow function {self.name}"


class PostgresSQL(_VendorOperation):
    """Plain statements that only Postgres needs."""

    def __init__(self, forwards: Sequence[str], backwards: Sequence[str] = ()) -> None:
        self.forwards, self.backwards = tuple(forwards), tuple(backwards)

    def statements(self) -> list[str]:
        """As given."""
        return list(self.forwards)

    def reverse_statements(self) -> list[str]:
        """As given."""
        return list(self.backwards)

    def describe(self) -> str:
        """What the migration's output says."""
        return f"Statements for {self.vendor}"


class SQLiteSQL(PostgresSQL):
    """Plain statements that only SQLite needs, such as its form of a trigger."""

    vendor = "sqlite"
