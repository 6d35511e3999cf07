"""Rows that are made once a process and put back for each test that needs them."""

import json

from django.db import connection, transaction

from tests.database import all_rows, tables

# The database itself fills these by triggers; what it has written by then is not written again.
FILLED_BY_TRIGGERS = ("organizations_access",)


class Remembered:
    """What is written to a database after this was made, as statements that write it again.

    Keys come back as they were, so nothing else may have been written yet where it is put back.
    """

    def __init__(self) -> None:
        self._before = _rows()
        self._statements: list[str] = []

    def keep(self) -> None:
        """Remembers what is there now and was not before."""
        for table, rows in _rows().items():
            known = set(self._before.get(table, ()))
            assert known <= set(rows), f"a row of {table} was changed, not added"
            if added := [row for row in rows if row not in known]:
                self._statements += _writing(table, added)

    def put_back(self) -> None:
        """Writes what was remembered; only at the end of it rows need to have those that they refer to."""
        with transaction.atomic(), all_rows(), connection.cursor() as cursor:
            for statement in self._statements:
                cursor.execute(statement)


def _rows() -> dict[str, list[str]]:
    """Every row as a text that keeps each type: on SQLite a list of literals, on Postgres JSON."""
    names = sorted(tables(), key=lambda table: table in FILLED_BY_TRIGGERS)
    with all_rows(), connection.cursor() as cursor:
        return {table: _rows_of(cursor, table) for table in names}


def _rows_of(cursor: object, table: str) -> list[str]:
    what = "to_json(t)::text" if connection.vendor == "postgresql" else _literals(cursor, table)
    cursor.execute(f'SELECT {what} FROM "{table}" t')
    return [row[0] for row in cursor.fetchall()]


def _literals(cursor: object, table: str) -> str:
    cursor.execute(f'PRAGMA table_info("{table}")')
    return " || ',' || ".join(f'quote("{column[1]}")' for column in cursor.fetchall())


def _writing(table: str, rows: list[str]) -> list[str]:
    if connection.vendor == "sqlite":
        values = ", ".join(f"({row})" for row in rows)
        return [f'INSERT INTO "{table}" VALUES {values} ON CONFLICT DO NOTHING']
    document = f"[{','.join(rows)}]".replace("'", "''")
    columns = _written_columns(table)
    source = f"SELECT {columns} FROM json_populate_recordset(NULL::\"{table}\", '{document}')"
    write = f'INSERT INTO "{table}" ({columns}) OVERRIDING SYSTEM VALUE {source} ON CONFLICT DO NOTHING'
    numbers = [name for name, value in json.loads(rows[0]).items() if type(value) is int]
    return [write, *(_counting_on(table, name) for name in numbers)]


def _written_columns(table: str) -> str:
    """All but those that Postgres computes from others."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT string_agg(quote_ident(column_name), ', ') FROM information_schema.columns"
            " WHERE table_schema = 'public' AND table_name = %s AND is_generated = 'NEVER'",
            [table],
        )
        return cursor.fetchone()[0]


def _counting_on(table: str, column: str) -> str:
    """Where the database numbers rows by a column, it goes on behind those that are there."""
    last = f'(SELECT MAX("{column}") FROM "{table}")'
    sequence = f"pg_get_serial_sequence('\"{table}\"', '{column}')"
    return f"SELECT setval({sequence}, {last}) WHERE {sequence} IS NOT NULL"
