"""Celery's entry points of this room."""

from celery import shared_task

from organizations import retention

BEAT_SCHEDULE = {
    "forget-spent-sign-in-rows": {"task": "organizations.tasks.forget_spent_rows", "schedule": 3600.0},
}


@shared_task
def forget_spent_rows() -> None:
    """Removes what sign-in and sign-up left behind and nobody can use any more."""
    retention.forget_spent_rows()
    retention.forget_unfinished_sign_ups()
