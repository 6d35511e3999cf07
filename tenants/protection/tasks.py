"""Celery's entry points of protection."""

from celery import shared_task
from django.utils import timezone

from tenants.protection.deletion import recycling


@shared_task(name="tenants.tasks.look_into_bins")
def look_into_bins() -> None:
    """Announce and ask for the erasures that are due."""
    now = timezone.now()
    for row in recycling.due(now):
        recycling.look(row["organization_id"], row["id"], now)
