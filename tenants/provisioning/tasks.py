"""Wake-ups of the reconciler and of the consumers of changes. Messages carry ids only; truth stands in rows."""

from celery import shared_task
from django.utils import timezone

from controlplane.celery import wake
from tenants.provisioning import claims, feed, reconciler, scheduling, wakeups
from tenants.provisioning.models import Cell

SWEEP_LIMIT = 500
EXPIRES = 4
"""Seconds, two sweeps, after which a wake-up that no worker took is dropped: whose turn it is then, a sweep tells."""


@shared_task(name="tenants.tasks.reconcile", expires=EXPIRES)
def reconcile(tenant_id: str) -> None:
    """Do what is next for one tenant, if it is due."""
    reconciler.reconcile(tenant_id)


@shared_task(name="tenants.tasks.sweep_due")
def sweep_due() -> None:
    """Wake everything that is due: retries, looks, and whatever lost its message with the broker."""
    for tenant_id in claims.due_tenants(SWEEP_LIMIT):
        wake(reconcile, tenant_id, queue=wakeups.BULK)


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
