"""Keeps who joined with which token: from the feed, and after a gap in it from the agents that the edge lists."""

from collections.abc import Iterable, Iterator

from django.utils import timezone

from controlplane.rls import acting_as
from tenants.enrollment.models import Agent, TokenUse
from tenants.provisioning.edge_api import EdgeApi
from tenants.provisioning.models import Tenant
from tenants.provisioning.reconciler import REFRESHERS


def note_uses(agents: Iterable[Agent]) -> None:
    """Note of agents that they joined with their tokens. Again changes nothing."""
    TokenUse.objects.bulk_create([_use(agent) for agent in agents], ignore_conflicts=True)


def fill_gaps(tenant: Tenant, _: EdgeApi) -> Iterator[None]:
    """Note the uses of all agents that are known by now; yields once."""
    with acting_as(f"org:{tenant.organization_id}"):
        note_uses(Agent.objects.filter(tenant=tenant, token__isnull=False))
    yield


REFRESHERS.append(fill_gaps)


def _use(agent: Agent) -> TokenUse:
    return TokenUse(
        organization_id=agent.organization_id,
        tenant_id=agent.tenant_id,
        token_id=str(agent.token_id),
        agent_number=agent.number,
        agent_name=agent.name,
        address=agent.address,
        used_at=agent.enrolled_at or timezone.now(),
    )
