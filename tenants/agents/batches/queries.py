"""Reads of orders over several tenants. Every one takes who is asking."""

from collections.abc import Sequence

from django.db.models import QuerySet

from controlplane.actor import Actor
from controlplane.problems import NotFound
from organizations import access
from organizations import queries as organizations
from organizations.models import Organization
from tenants.agents.models import AgentBatch, AgentOrder
from tenants.provisioning import queries as provisioning


def batches_of(actor: Actor, organization: Organization) -> QuerySet[AgentBatch]:
    """What was ordered over several tenants in an organization, the newest first."""
    access.require(actor, "agent.view", organization)
    return AgentBatch.objects.filter(organization=organization)


def batch(actor: Actor, organization: Organization, batch_id: str) -> AgentBatch:
    """One of them. Raises NotFound, also for another organization's."""
    found = batches_of(actor, organization).filter(pk=batch_id).first()
    if found is None:
        raise NotFound("There is no such order.")
    return found


def orders_of(actor: Actor, batch: AgentBatch) -> Sequence[AgentOrder]:
    """Each tenant's own order, as far as somebody sees its agents, with what became of each of them."""
    seen = provisioning.visible_to(actor).filter(organization__in=organizations.visible_to(actor, "agent.view"))
    orders = AgentOrder.objects.filter(batch_id=batch.pk, tenant__in=seen.select_related(None))
    return list(orders.select_related("tenant", "organization").prefetch_related("results__order").order_by("pk"))


def refused_of(actor: Actor, batch: AgentBatch) -> list[dict[str, object]]:
    """Which tenants took no part, and why, of those that somebody sees."""
    named = [each["tenant"] for each in batch.refused]
    seen = set(provisioning.visible_to(actor).filter(pk__in=named).values_list("pk", flat=True)) if named else set()
    return [each for each in batch.refused if each["tenant"] in seen]
