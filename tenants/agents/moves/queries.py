"""Reads of moves. Every one takes who is asking."""

from django.db.models import QuerySet

from controlplane.actor import Actor
from controlplane.problems import NotFound
from organizations import access
from organizations import queries as organizations
from tenants.agents.models import AgentMove
from tenants.provisioning import queries as provisioning
from tenants.provisioning.models import Tenant


def moves_of(actor: Actor, tenant: Tenant) -> QuerySet[AgentMove]:
    """Moves out of a tenant, the newest first, with how far each agent is."""
    access.require(actor, "agent.view", tenant.organization_id)
    return AgentMove.objects.filter(tenant=tenant).prefetch_related("agents")


def move(actor: Actor, tenant: Tenant, move_id: str) -> AgentMove:
    """One move. Raises NotFound, also for one of another tenant."""
    found = moves_of(actor, tenant).filter(pk=move_id).first()
    if found is None:
        raise NotFound("This tenant has no such move of agents.")
    return found


def targets_for(actor: Actor, tenant: Tenant) -> QuerySet[Tenant]:
    """Tenants that somebody may move agents to, by name."""
    allowed = organizations.visible_to(actor, "agent.manage")
    return provisioning.living(actor).filter(organization__in=allowed).exclude(pk=tenant.pk).order_by("name")
