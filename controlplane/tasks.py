"""Celery's entry points of the control plane."""

from celery import shared_task

from controlplane import outbox, retention

BEAT_SCHEDULE = {
    "deliver-outbox": {"task": "controlplane.tasks.deliver_outbox", "schedule": 3.0, "options": {"expires": 10}},
    "forget-old-rows": {"task": "controlplane.tasks.forget_old_rows", "schedule": 3600.0},
}


@shared_task
def deliver_outbox() -> None:
    """Delivers published facts that are due, until none is left."""
    while outbox.deliver_due() == outbox.BATCH:
        continue


@shared_task
def forget_old_rows() -> None:
    """Removes delivered facts and remembered answers that nobody will ask for again."""
    retention.forget_old_rows()
