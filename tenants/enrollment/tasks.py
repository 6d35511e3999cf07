"""Celery's entry points of enrollment."""

import structlog
from celery import shared_task

from controlplane.rls import acting_as
from tenants.enrollment import agents
from tenants.provisioning import mirror
from tenants.provisioning.claims import actor_of_change
from tenants.provisioning.edge_api import EdgeApi
from tenants.provisioning.edge_errors import EdgeError
from tenants.provisioning.models import Tenant

log = structlog.get_logger(__name__)


@shared_task(name="tenants.tasks.read_agents")
def read_agents(cell_id: str, tenant_id: str) -> None:
    """Ask the edge for one tenant and its agents. What fails is asked again at the next look or change."""
    actor = actor_of_change(cell_id, tenant_id)
    if actor is None:
        return
    with acting_as(actor):
        tenant = Tenant.objects.select_related("cell").get(pk=tenant_id)
    edge = EdgeApi(tenant.cell)
    try:
        seen = edge.get_tenant(tenant_id)
        agents.read(tenant, edge)
    except EdgeError as error:
        log.info("agents_not_read", tenant=tenant_id, code=error.code)
        return
    with acting_as(actor):
        mirror.record(mirror.locked(tenant_id), seen)
