"""Celery's entry points of the inbox: wake-ups, whose truth stands in rows."""

from celery import shared_task

from controlplane.celery import wake
from fleet.alerts import cursors, reading, retention
from tenants.provisioning.wakeups import BULK


@shared_task(name="fleet.tasks.sweep_alerts")
def sweep_alerts() -> None:
    """Wake a reading of each tenant's stream that is due."""
    for row in cursors.due():
        wake(read_alerts, row["organization_id"], row["tenant_id"], queue=BULK)


@shared_task(name="fleet.tasks.read_alerts", expires=60)
def read_alerts(organization_id: str, tenant_id: str) -> None:
    """Bring one tenant's alerts up to date."""
    reading.read(organization_id, tenant_id)


@shared_task(name="fleet.tasks.forget_alerts")
def forget_alerts() -> None:
    """Remove alerts that nothing was heard of for long."""
    retention.forget()
