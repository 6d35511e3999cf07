"""Celery's entry points of reports: wake-ups, whose truth stands in rows."""

from celery import shared_task

from controlplane.celery import wake
from fleet.reports import issuing


@shared_task(name="fleet.tasks.sweep_reports")
def sweep_reports() -> None:
    """Wake a look at each planned report that is due."""
    for row in issuing.due():
        wake(issue_reports, row["organization_id"], row["id"], queue="bulk")


@shared_task(name="fleet.tasks.issue_reports", expires=55)
def issue_reports(organization_id: str, plan_id: str) -> None:
    """Issue what is due of one planned report."""
    issuing.look(organization_id, plan_id)
