"""Reads of agents across tenants. Every one takes who is asking."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.db.models import Count, Q, QuerySet

from controlplane.actor import Actor
from controlplane.problems import NotFound
from organizations import access
from organizations import queries as organizations
from organizations.models import Organization
from tenants.agents.models import AgentOrder, AgentResult
from tenants.enrollment.models import Agent, AgentReading, ConnectionChange
from tenants.enrollment.queries import with_origin
from tenants.provisioning import queries as provisioning
from tenants.provisioning.models import Tenant


def inventory(actor: Actor) -> QuerySet[Agent]:
    """Every agent that somebody sees, the newest first, of all living tenants of all their organizations."""
    seen = Agent.objects.filter(tenant__in=_tenants(actor).select_related(None))
    return with_origin(seen).select_related("organization")


def inventory_of(actor: Actor, organization: Organization) -> QuerySet[Agent]:
    """The same within one organization and, where it is an MSP, its clients. Raises NotFound, Forbidden."""
    access.require(actor, "agent.view", organization)
    return inventory(actor).filter(organization__in=_around(actor, organization))


def counts(agents: QuerySet[Agent]) -> dict[str, int]:
    """How many agents there are, `total` and by state."""
    by_state = {state: Count("pk", filter=condition) for state, condition in Agent.STATES.items()}
    return agents.aggregate(total=Count("pk"), **by_state)


def connection_history(actor: Actor, agent: Agent) -> Sequence[ConnectionChange]:
    """When an agent was seen to come and go, the newest first."""
    access.require(actor, "agent.view", agent.organization_id)
    return list(ConnectionChange.objects.filter(agent=agent))


@dataclass(frozen=True)
class Unread:
    """A tenant of which not everything is known now: since when (None for never), and why."""

    tenant: Tenant
    reading: AgentReading | None


def unread_in(actor: Actor, organization: Organization) -> list[Unread]:
    """Tenants that have agents whose manager has not told of all of them: an inventory is partial by these."""
    tenants = _tenants(actor).filter(organization__in=_around(actor, organization), agents_enrolled__gt=0)
    rows = tenants.select_related("agent_reading").order_by("name")
    found = (Unread(tenant, getattr(tenant, "agent_reading", None)) for tenant in rows)
    return [each for each in found if each.reading is None or each.reading.partial or each.reading.read_at is None]


def tenants_around(actor: Actor, organization: Organization, narrowed: Mapping[str, str]) -> QuerySet[Tenant]:
    """
    Tenants whose agents somebody sees, of an organization and, where it is an MSP, its clients.

    Args: narrowed: `client` and `tenant`, by id or a part of the name. The caller has asked for agent.view.
    """
    found = _tenants(actor).filter(organization__in=_around(actor, organization))
    if client := narrowed.get("client"):
        found = found.filter(Q(organization=client) | Q(organization__name__icontains=client))
    if tenant := narrowed.get("tenant"):
        found = found.filter(Q(pk=tenant) | Q(name__icontains=tenant))
    return found


def _tenants(actor: Actor) -> QuerySet[Tenant]:
    return provisioning.living(actor).filter(organization__in=organizations.visible_to(actor, "agent.view"))


def _around(actor: Actor, organization: Organization) -> list[str]:
    clients = organizations.clients_reached(actor, organization) if organization.is_msp else ()
    return [organization.pk, *(client.pk for client in clients)]


def orders_of(actor: Actor, tenant: Tenant) -> QuerySet[AgentOrder]:
    """Orders about a tenant's agents, the newest first, with what became of each agent."""
    access.require(actor, "agent.view", tenant.organization_id)
    return AgentOrder.objects.filter(tenant=tenant).prefetch_related("results__order")


def results_of(actor: Actor, agent: Agent) -> Sequence[AgentResult]:
    """The newest orders about one agent, with what became of them."""
    access.require(actor, "agent.view", agent.organization_id)
    results = AgentResult.objects.filter(agent=agent).select_related("order")
    return list(results.order_by("-order__created_at", "-order__id")[:10])


def order(actor: Actor, tenant: Tenant, order_id: str) -> AgentOrder:
    """One order. Raises NotFound, also for one of another tenant."""
    found = orders_of(actor, tenant).filter(pk=order_id).first()
    if found is None:
        raise NotFound("This tenant has no such order about agents.")
    return found
