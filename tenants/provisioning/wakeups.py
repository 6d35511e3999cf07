"""Wake-ups: what is due stands in the tenant's row, the message only makes somebody look at once."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from django.utils import timezone

from controlplane.celery import wake_on_commit
from tenants.provisioning.models import Tenant

INTERACTIVE, BULK, FEEDS = "interactive", "bulk", "feeds"
"""Queues: what somebody waits for; what may take its time; what reads the edge's changes without end."""

FEW = 5
"""So many tenants of an organization at once are looked at in front of bulk work; of more, people expect to wait."""

_bulk: ContextVar[bool] = ContextVar("bulk", default=False)

INTENT = ("requested", "sent_hash", "halted_at", "attempts", "next_attempt_at")


def act_on(tenant: Tenant) -> None:
    """Save a tenant's intent and have the reconciler act on it once this has committed, also where it had given up."""
    tenant.halted_at, tenant.attempts, tenant.next_attempt_at = None, 0, timezone.now()
    tenant.save(update_fields=INTENT)
    wake_reconciler(tenant)


def look_at(tenant: Tenant) -> None:
    """Have the reconciler look as soon as this transaction has committed; one that has given up does no more."""
    tenant.next_attempt_at = timezone.now()
    tenant.save(update_fields=["next_attempt_at"])
    wake_reconciler(tenant)


@contextmanager
def in_bulk() -> Iterator[None]:
    """What is asked for inside is left to the sweep, which takes it up in turn: nobody waits for it."""
    token = _bulk.set(True)
    try:
        yield
    finally:
        _bulk.reset(token)


def wake_reconciler(tenant: Tenant) -> None:
    """
    Send the wake-up when this transaction has committed; outside one, now.

    Where many tenants of an organization wait already none is sent: the sweep takes them up in turn with those of
    others, which must not wait behind them.
    """
    from tenants.provisioning.tasks import reconcile  # here, because the task calls what calls this

    if _bulk.get():
        return
    waiting = Tenant.objects.filter(organization_id=tenant.organization_id, next_attempt_at__lte=timezone.now())
    if waiting.exclude(pk=tenant.pk)[:FEW].count() < FEW:
        wake_on_commit(reconcile, tenant.pk, queue=INTERACTIVE)


def wake_consumer(cell_id: str) -> None:
    """Have the next consumer of a cell's changes begin."""
    from tenants.provisioning.tasks import consume_changes  # here, because the task calls what calls this

    wake_on_commit(consume_changes, cell_id, queue=FEEDS)
