"""Celery's entry points of roll-outs: wake-ups, whose truth stands in rows."""

from celery import shared_task

from controlplane.celery import wake
from tenants.provisioning.wakeups import BULK
from tenants.rollouts import running


@shared_task(name="tenants.tasks.sweep_rollouts")
def sweep_rollouts() -> None:
    """Wake a look at each roll-out that is due."""
    for row in running.due():
        wake(look_at_rollout, row["organization_id"], row["id"], queue=BULK)


@shared_task(name="tenants.tasks.look_at_rollout", expires=15)
def look_at_rollout(organization_id: str, rollout_id: str) -> None:
    """Bring one roll-out as far as it comes now."""
    running.look(organization_id, rollout_id)
