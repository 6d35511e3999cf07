"""Celery's entry points of access."""

from celery import shared_task

from controlplane.celery import wake
from tenants.access import trail_heads
from tenants.provisioning.wakeups import BULK


@shared_task(name="tenants.tasks.exchange_trails")
def exchange_trails() -> None:
    """Wake an exchange for every organization of which an end of a trail has moved."""
    for organization_id in trail_heads.due():
        wake(exchange_trail, organization_id, queue=BULK)


@shared_task(name="tenants.tasks.exchange_trail")
def exchange_trail(organization_id: str) -> None:
    """Have one organization's trail and those of its tenants tell each other where they end."""
    trail_heads.exchange(organization_id)
