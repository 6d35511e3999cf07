"""Celery's entry points of files of clients: wake-ups, whose truth stands in rows."""

from celery import shared_task

from controlplane.celery import wake
from fleet.onboarding import running
from tenants.provisioning.wakeups import BULK


@shared_task(name="fleet.tasks.sweep_imports")
def sweep_imports() -> None:
    """Wake a look at each file that is due."""
    for row in running.due():
        wake(look_at_import, row["organization_id"], row["id"], queue=BULK)


@shared_task(name="fleet.tasks.look_at_import", expires=15)
def look_at_import(organization_id: str, import_id: str) -> None:
    """Bring in the clients of one file, as far as that comes now."""
    running.look(organization_id, import_id)
