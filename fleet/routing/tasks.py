"""Celery's entry points of notices: wake-ups, whose truth stands in rows."""

from celery import shared_task

from controlplane.celery import wake
from fleet.routing import retention, sending
from tenants.provisioning.wakeups import BULK


@shared_task(name="fleet.tasks.sweep_notices")
def sweep_notices() -> None:
    """Wake the sending of each notice that is due."""
    for row in sending.due():
        wake(send_notice, row["organization_id"], row["id"], queue=BULK)


@shared_task(name="fleet.tasks.send_notice", expires=60)
def send_notice(organization_id: str, notice_id: str) -> None:
    """Send one notice."""
    sending.send(organization_id, notice_id)


@shared_task(name="fleet.tasks.forget_notices")
def forget_notices() -> None:
    """Remove old notices."""
    retention.forget()
