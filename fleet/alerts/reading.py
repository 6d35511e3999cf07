"""
Reads a tenant's event stream into the inbox, from where it was read to last.

1. `cursors.claim` gives one process the sole right to read, by a conditional UPDATE with a lease.
2. Pages of alerts that are worth a look are made into groups in memory, a stretch of pages at a time.
3. A stretch is written in one transaction with how far it goes: whatever dies in between, it is counted once.
4. At the end what else is wrong with the tenant is looked at, and the right is given back. A mark that came meanwhile
   makes the stream due at once; without marks it is looked at now and then all the same.
"""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import structlog
from django.utils import timezone

from controlplane import rls
from fleet.alerts import cursors, standing, suppressing
from fleet.alerts.grouping import Group, fold
from fleet.alerts.models import AlertCursor
from fleet.alerts.recording import record
from fleet.alerts.severity import WORTH_A_LOOK
from tenants.access.platform import platform_token
from tenants.provisioning import mirror
from tenants.provisioning.edge_api import EdgeApi
from tenants.provisioning.edge_errors import EdgeError
from tenants.provisioning.models import Cell, Tenant

log = structlog.get_logger(__name__)

A_PAGE = 1000
PAGES_A_STRETCH = 25
"""Groups of so many pages are held in memory before they are written."""

STRETCHES_A_SHIFT = 40
"""After so many, somebody else's stream gets its turn."""

FIRST_LOOK = dt.timedelta(days=7)
"""How far back a stream is read that was never read before."""

A_TICK = dt.timedelta(milliseconds=1)
"""The least time by which one moment of the log lies after another."""

AFTER_A_FAULT = dt.timedelta(seconds=30)
READING = dt.timedelta(minutes=10)
"""How long the credential of one stretch lasts."""


@dataclass
class Stretch:
    """Some pages of a log, as groups, and how far they go."""

    read_to: int
    read_at: dt.datetime | None
    more: bool = True
    groups: dict[str, Group] = field(default_factory=dict)


class Overtaken(Exception):
    """Somebody else reads this stream now; what was read is theirs to count."""


def read(organization_id: str, tenant_id: str) -> None:
    """Bring one tenant's alerts up to date, if that is due and nobody else is at it."""
    with rls.acting_as(f"org:{organization_id}"):
        cursor = cursors.claim(tenant_id)
        tenant = Tenant.objects.select_related("cell").get(pk=tenant_id) if cursor else None
    if cursor is None or tenant is None:
        return
    with structlog.contextvars.bound_contextvars(tenant=tenant_id):
        again_in = _read_on(cursor, tenant)
        with rls.acting_as(f"org:{organization_id}"):
            # Certificates come near their end, and suppressions end, without the edge telling anything.
            standing.look(mirror.locked(tenant_id))
        # A transaction of its own: whoever handles alerts locks them in one order, and these are two.
        with rls.acting_as(f"org:{organization_id}"):
            suppressing.look(mirror.locked(tenant_id))
            cursors.give_back(cursor, again_in=again_in)


def _read_on(cursor: AlertCursor, tenant: Tenant) -> dt.timedelta | None:
    """Read until the log ends or the shift does; when to look again."""
    if tenant.deleted_at is not None:
        return None
    try:
        for stretch in _stretches(cursor, tenant.cell, tenant.pk):
            _write(cursor, tenant, stretch)
            if not stretch.more:
                break
        else:
            return dt.timedelta(0)
    except Overtaken:
        log.info("alerts_read_by_another")
        return AFTER_A_FAULT
    except EdgeError as error:
        log.warning("alerts_not_read", code=error.code, error=error.message)
        return AFTER_A_FAULT if error.retryable else cursors.LOOK_AGAIN
    return cursors.LOOK_AGAIN


def _stretches(cursor: AlertCursor, cell: Cell, tenant_id: str) -> Iterator[Stretch]:
    for _ in range(STRETCHES_A_SHIFT):
        yield _stretch(cursor, cell, tenant_id)


def _stretch(cursor: AlertCursor, cell: Cell, tenant_id: str) -> Stretch:
    bearer = platform_token(cell.id, tenant_id, purpose="alert_inbox", life=READING)
    edge, stretch = EdgeApi(cell), Stretch(cursor.read_to or 0, cursor.read_at)
    since = None if cursor.read_to is not None else timezone.now() - FIRST_LOOK
    for _ in range(PAGES_A_STRETCH):
        asked: dict[str, Any] = {"after": stretch.read_to, "limit": A_PAGE, "kinds": ("alert",), "since": since}
        page = edge.events(bearer=bearer, min_level=WORTH_A_LOOK, **asked)
        if page["latest"] < stretch.read_to:
            # A log that ends before what was read of it is another one: only what it took since then is new.
            log.warning("event_log_set_back", ours=stretch.read_to, theirs=page["latest"])
            stretch.read_to, since = 0, cursor.read_at + A_TICK if cursor.read_at else None
            continue
        fold(stretch.groups, page["events"])
        stretch.read_to, stretch.more = page["next"], page["more"]
        if page["events"]:
            stretch.read_at = dt.datetime.fromisoformat(page["events"][-1]["at"])
        if not stretch.more:
            break
    return stretch


def _write(cursor: AlertCursor, tenant: Tenant, stretch: Stretch) -> None:
    with rls.acting_as(f"org:{tenant.organization_id}"):
        record(mirror.locked(tenant.pk), stretch.groups.values())
        if not cursors.advance(cursor, stretch.read_to, stretch.read_at):
            raise Overtaken
