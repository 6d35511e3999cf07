"""Celery's entry points of agents."""

from celery import shared_task

from controlplane.celery import wake
from tenants.agents.moves import following
from tenants.provisioning.wakeups import BULK


@shared_task(name="tenants.tasks.follow_moves")
def follow_moves() -> None:
    """Wake a look at the moves of every organization that has one that has not ended."""
    for organization_id in following.due():
        wake(follow_moves_of, organization_id, queue=BULK)


@shared_task(name="tenants.tasks.follow_moves_of")
def follow_moves_of(organization_id: str) -> None:
    """Bring one organization's moves as far as they have come."""
    following.follow(organization_id)
