"""Celery's entry points of status: checks by the clock."""

from celery import shared_task
from django.utils import timezone

from controlplane.celery import wake
from tenants.provisioning.models import Cell
from tenants.status import components, periods, subscriptions


@shared_task(name="tenants.tasks.check_platform")
def check_platform() -> None:
    """Look at the portal's own components, and wake a look at each cell: one that hangs holds up no other."""
    for cell in Cell.objects.order_by("id"):
        wake(check_cell, cell.pk, queue="bulk")
    _check(components.of_portal())


@shared_task(name="tenants.tasks.check_cell", expires=25)
def check_cell(cell_id: str) -> None:
    """Look at the doors of one edge deployment."""
    _check(components.of_cell(Cell.objects.get(pk=cell_id)))


@shared_task(name="tenants.tasks.forget_old_status")
def forget_old_status() -> None:
    """Remove history that is not shown any more, and addresses that did not confirm in time."""
    periods.forget(timezone.now())
    subscriptions.forget(timezone.now())


def _check(listed: list[components.Component]) -> None:
    for component in listed:
        reading = component.check()
        periods.note(component.key, reading, timezone.now())
