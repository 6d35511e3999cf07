"""Wake-ups of the reconciler and of the consumers of changes. Messages carry ids only; truth stands in rows."""

import datetime as dt
import time

from celery import shared_task
from django.utils import timezone

from controlplane.celery import wake
from tenants.provisioning import claims, feed, reconciler, scheduling, wakeups
from tenants.provisioning.models import Cell

EXPIRES = 4
"""Seconds, two sweeps, after which a wake-up that no worker took is dropped: the next sweep sends another."""

HANDS = 16
"""Workers that a sweep asks to help at most. Those that find nothing to do end at once."""

SHIFT_SECONDS = 10.0

SETTLED_FOR = dt.timedelta(hours=6)
"""For how long the edge may tell nothing of a tenant that has come to rest before it is asked."""
SETTLED_AT_ONCE = 100
"""How many are asked for in one sweep. Each minute one: 36,000 tenants in six hours."""


@shared_task(name="tenants.tasks.reconcile", expires=EXPIRES)
def reconcile(tenant_id: str) -> None:
    """Do what is next for one tenant, if it is due."""
    reconciler.reconcile(tenant_id)


@shared_task(name="tenants.tasks.sweep_due")
def sweep_due() -> None:
    """Have what is due worked off: retries, looks, mass work, and whatever lost its message with the broker."""
    for _ in claims.due_tenants(HANDS):
        wake(work_off, queue=wakeups.BULK)


@shared_task(name="tenants.tasks.sweep_settled")
def sweep_settled() -> None:
    """Have what has come to rest looked at a few times a day, so that drift is found and repaired."""
    claims.look_at_settled(timezone.now() - SETTLED_FOR, SETTLED_AT_ONCE)


@shared_task(name="tenants.tasks.work_off", expires=EXPIRES)
def work_off() -> None:
    """
    Do what is next for one due tenant after the other, for a while.

    Each is chosen when there is a hand for it, so that a backlog lies in rows, never in the broker, and whose turn it
    is is judged anew each time.
    """
    end = time.monotonic() + SHIFT_SECONDS
    while _did_one() and time.monotonic() < end:
        pass


def _did_one() -> bool:
    """Whether there was a due tenant that nobody else took first."""
    return any(reconciler.reconcile(tenant_id) is not None for tenant_id in claims.due_tenants(HANDS))


@shared_task(name="tenants.tasks.consume_changes")
def consume_changes(cell_id: str) -> None:
    """Read one cell's changes for a while, then hand over to the next shift."""
    if feed.consume(cell_id):
        wakeups.wake_consumer(cell_id)


@shared_task(name="tenants.tasks.start_consumers")
def start_consumers() -> None:
    """Begin to read the changes of every cell that nobody reads: at the start, and after a consumer was killed."""
    for cell in Cell.objects.all():
        if feed.is_unread(cell, timezone.now()):
            wakeups.wake_consumer(cell.pk)


@shared_task(name="tenants.tasks.sweep_scheduled")
def sweep_scheduled() -> None:
    """Wake a look at each operation whose maintenance window has begun or is near."""
    for row in scheduling.due():
        wake(begin_scheduled, row["organization_id"], row["id"], queue=wakeups.BULK)


@shared_task(name="tenants.tasks.begin_scheduled", expires=15)
def begin_scheduled(organization_id: str, operation_id: str) -> None:
    """Begin one scheduled operation, or tell people that it is near."""
    scheduling.look(organization_id, operation_id)
