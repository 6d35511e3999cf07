"""Celery's entry points of metering."""

import structlog
from celery import shared_task

from tenants.metering import feed
from tenants.provisioning.edge_errors import EdgeError
from tenants.provisioning.models import Cell

log = structlog.get_logger(__name__)


@shared_task(name="tenants.tasks.read_usage")
def read_usage() -> None:
    """Read what every cell has to tell of usage. A cell that does not answer is asked again the next time."""
    for cell_id in Cell.objects.values_list("pk", flat=True):
        try:
            feed.read_all(cell_id)
        except EdgeError as error:
            log.warning("usage_not_read", cell=cell_id, code=error.code, error=error.message)
