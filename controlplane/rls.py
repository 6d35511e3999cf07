"""Row-level security by actor.

On Postgres each table with an organization's data has policies that join `app.actor`, a setting of the transaction, to
the table ``organizations_access``. No actor, no rows. The setting is always local to a transaction: a session-level one
would leak to the next user of a pooled connection. SQLite has no row-level security; there the queries alone separate
tenants, and only the actor is remembered.

Roles: ``owner`` (migrations, and owner of the narrow functions), ``app`` (portal) and ``worker`` (Celery). None may
bypass row-level security. The migration operations are in `controlplane.rls_operations`.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from typing import Any

from django.db import connection, transaction

from controlplane.rls_operations import PLATFORM, checked_name

__all__ = ["PLATFORM", "acting_as", "actor_of", "call", "current_actor", "reading_as", "remembering", "set_actor"]

_actor: ContextVar[str] = ContextVar("rls_actor", default="")


def current_actor() -> str:
    """Returns the actor that row-level security judges by at this moment; empty if none."""
    return _actor.get()


def actor_of(owner: str) -> str:
    """As whom row-level security shows what an organization owns, or the platform. Args: owner: its id, or PLATFORM."""
    return PLATFORM if owner == PLATFORM else f"org:{owner}"


def set_actor(rls_actor: str) -> None:
    """Changes the actor for the rest of the running transaction, as sign-in by API key does in the middle of a request.

    Raises: RuntimeError outside a transaction, where the setting would be lost at once.
    """
    if connection.vendor == "postgresql":
        if not connection.in_atomic_block:
            raise RuntimeError("An actor can be set inside a transaction only.")
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('app.actor', %s, true)", [rls_actor])
    _actor.set(rls_actor)


@contextmanager
def acting_as(rls_actor: str) -> Iterator[None]:
    """Runs a block in a transaction as ``user:<id>``, ``org:<id>`` or ``platform``; the former actor comes back after.

    Evaluate querysets inside the block: a lazy one evaluated later would see nothing.
    """
    before = _actor.get()
    try:
        with transaction.atomic():
            set_actor(rls_actor)
            yield
            # A block that fails is rolled back, and the setting with it.
            if connection.vendor == "postgresql" and not connection.needs_rollback:
                set_actor(before)
    finally:
        _actor.set(before)


def reading_as(rls_actor: str) -> AbstractContextManager[None]:
    """Runs reads as `acting_as` does, but takes no transaction on SQLite, where one would wait for the write lock."""
    return acting_as(rls_actor) if connection.vendor == "postgresql" else remembering(rls_actor)


@contextmanager
def remembering(rls_actor: str) -> Iterator[None]:
    """Remembers the actor without a transaction. On Postgres nothing can be read until an `acting_as` inside."""
    token = _actor.set(rls_actor)
    try:
        yield
    finally:
        _actor.reset(token)


def call(name: str, *arguments: Any, otherwise: Callable[[], Any]) -> Any:
    """Calls a narrow function and returns its rows as dictionaries.

    Args:
        name: of the function, see `NarrowFunction`.
        otherwise: what gives the same answer on SQLite, where no row-level security stands in the way.
    """
    if connection.vendor != "postgresql":
        return otherwise()
    marks = ", ".join(["%s"] * len(arguments))
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {checked_name(name)}({marks})", list(arguments))  # noqa: S608 - checked name
        columns = [column.name for column in cursor.description or ()]
        return [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]
