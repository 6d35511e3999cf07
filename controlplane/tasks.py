"""Celery's entry points of the control plane."""

from celery import shared_task
from django.utils import timezone

from controlplane import audit_checks, outbox, repetitions, retention
from controlplane.celery import wake

EXPIRES = 10
"""Seconds after which a wake-up that nobody took is dropped: the sweep sends another while its row is due."""

BEAT_SCHEDULE = {
    "deliver-outbox": {"task": "controlplane.tasks.deliver_outbox", "schedule": 3.0, "options": {"expires": EXPIRES}},
    "check-audit-chains": {
        "task": "controlplane.tasks.check_audit_chains",
        "schedule": 3600.0,
        "options": {"expires": 3000, "queue": "bulk"},
    },
    "settle-refusals": {"task": "controlplane.tasks.settle_refusals", "schedule": 60.0},
    "forget-old-rows": {"task": "controlplane.tasks.forget_old_rows", "schedule": 3600.0},
}


@shared_task
def deliver_outbox() -> None:
    """Wakes a task for every delivery that is due: retries, and whatever lost its message with the broker."""
    for delivery in outbox.due():
        wake(deliver, *delivery, queue="bulk")


@shared_task(expires=EXPIRES)
def deliver(delivery_id: int, organization_id: str) -> None:
    """Delivers one published fact to one subscriber."""
    outbox.deliver(delivery_id, organization_id)


@shared_task
def settle_refusals() -> None:
    """Writes down how often what was refused was repeated, once its window has ended."""
    repetitions.settle(timezone.now())


@shared_task
def forget_old_rows() -> None:
    """Removes delivered facts, ended mails and remembered answers that nobody will ask for again."""
    retention.forget_old_rows()


@shared_task
def check_audit_chains() -> None:
    """Wakes a check of every chain."""
    for chain in audit_checks.chains():
        wake(check_audit_chain, chain, queue="bulk")


@shared_task
def check_audit_chain(organization_id: str) -> None:
    """Checks a piece of one chain, and wakes the next while there is more."""
    if audit_checks.check(organization_id):
        wake(check_audit_chain, organization_id, queue="bulk")
