"""Brings orders about agents to the edge, until it has them or never will."""

from collections.abc import Iterator

import structlog
from django.utils import timezone

from controlplane import outbox
from controlplane.models import Message
from controlplane.rls import acting_as
from tenants.agents.actions import ORDERED
from tenants.agents.feed import note_results
from tenants.agents.models import AgentOrder, AgentResult
from tenants.provisioning.edge_api import EdgeApi
from tenants.provisioning.edge_errors import EdgeRefused, UnknownAtEdge
from tenants.provisioning.models import Tenant
from tenants.provisioning.reconciler import REFRESHERS

log = structlog.get_logger(__name__)

NEVER_TAKEN = frozenset({"INVALID_REQUEST", "AGENT_ORDER_CONFLICT", "TENANT_DELETED", "TENANT_UNKNOWN"})
"""What the edge answers to an order that it would refuse every time."""


@outbox.subscriber(ORDERED, in_transaction=False)
def order_at_the_edge(message: Message) -> None:
    """Give the edge an order; what is done at once is in its answer. It may come twice: the edge does it once."""
    actor = f"org:{message.organization_id}"
    with acting_as(actor):
        order = AgentOrder.objects.select_related("tenant__cell").get(pk=message.payload["order"])
        body = order.body(order.tenant.cell.epoch)
    try:
        answer = EdgeApi(order.tenant.cell).order_agents(order.tenant_id, order.pk, body)
    except EdgeRefused as error:
        if error.code not in NEVER_TAKEN:
            raise
        with acting_as(actor):
            _fail(order, error)
        return
    with acting_as(actor):
        AgentOrder.objects.filter(pk=order.pk, acknowledged_at=None).update(acknowledged_at=timezone.now())
        note_results(order.tenant_id, order.pk, answer["results"])


def refresh(tenant: Tenant, edge: EdgeApi) -> Iterator[None]:
    """Ask anew about orders that are open: what the feed told of them may have been missed. Yields after each call."""
    with acting_as(f"org:{tenant.organization_id}"):
        still_open = AgentResult.objects.filter(tenant=tenant, state__in=AgentResult.OPEN)
        orders = list(AgentOrder.objects.filter(results__in=still_open, acknowledged_at__isnull=False).distinct())
    for order in orders:
        try:
            answer = edge.agent_order(tenant.pk, order.pk)
        except UnknownAtEdge as error:
            with acting_as(f"org:{tenant.organization_id}"):
                _fail(order, error)
        else:
            with acting_as(f"org:{tenant.organization_id}"):
                note_results(tenant.pk, order.pk, answer["results"])
        yield


REFRESHERS.append(refresh)


def _fail(order: AgentOrder, error: EdgeRefused) -> None:
    log.info("agent_order_refused", order=order.pk, code=error.code)
    AgentOrder.objects.filter(pk=order.pk).update(edge_error=error.as_json())
    AgentResult.objects.filter(order=order, state__in=AgentResult.OPEN).update(
        state=AgentResult.State.FAILED, note=error.message[:500], changed_at=timezone.now()
    )
