"""Every change that people make to agents that are there, one or many at once."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction

from controlplane import audit, outbox
from controlplane.actor import Actor
from controlplane.problems import Conflict, Invalid
from organizations import access
from tenants.agents.models import AgentOrder, AgentResult
from tenants.enrollment.limits import check_groups
from tenants.enrollment.models import Agent
from tenants.provisioning.models import Tenant

ORDERED = "tenants.agents.ordered"
MOST_AGENTS = 100
VERSION = re.compile(r"v\d{1,3}\.\d{1,3}\.\d{1,3}\Z")


def set_groups(*, by: Actor, tenant: Tenant, agents: Sequence[str], groups: Sequence[str]) -> AgentOrder:
    """
    Put agents into exactly these groups, besides "default" and the one of their token's labels.

    Args: agents: numbers such as 001, at most 100; groups: none takes them out of all others.
    """
    check_groups(groups)
    return _order(by, tenant, AgentOrder.Kind.GROUPS, agents, {"groups": list(groups)})


def upgrade(*, by: Actor, tenant: Tenant, agents: Sequence[str], version: str = "") -> AgentOrder:
    """Have the manager upgrade agents that are connected. Args: version: such as v4.14.7; empty: the manager's own."""
    if version and not VERSION.match(version):
        raise Invalid("Expected a version such as v4.14.7, or none for the manager's own.", field="version")
    return _order(by, tenant, AgentOrder.Kind.UPGRADE, agents, {"version": version or None})


def restart(*, by: Actor, tenant: Tenant, agents: Sequence[str]) -> AgentOrder:
    """Have the manager restart agents that are connected."""
    return _order(by, tenant, AgentOrder.Kind.RESTART, agents, {})


def remove(*, by: Actor, tenant: Tenant, agents: Sequence[str]) -> AgentOrder:
    """Take agents out of a tenant: their connections end, their credentials open nothing. There is no way back."""
    return _order(by, tenant, AgentOrder.Kind.REMOVE, agents, {}, confirmed=True)


@transaction.atomic
def _order(
    by: Actor,
    tenant: Tenant,
    kind: AgentOrder.Kind,
    numbers: Sequence[str],
    arguments: Mapping[str, Any],
    *,
    confirmed: bool = False,
) -> AgentOrder:
    standing = access.require(by, "agent.manage", tenant.organization_id, confirmed=confirmed)
    if tenant.requested == Tenant.Requested.DELETED:
        raise TenantIsGoing
    agents = named(tenant, numbers)
    order = AgentOrder.objects.create(
        organization_id=tenant.organization_id,
        tenant=tenant,
        kind=kind,
        arguments=dict(arguments),
        created_by=by.user_id,
    )
    AgentResult.objects.bulk_create(_result(order, agent) for agent in agents)
    audit.record(
        by=by,
        action=f"tenants.agents.{kind}",
        organization_id=tenant.organization_id,
        target=order.pk,
        data={"tenant": tenant.pk, "agents": ", ".join(f"{each.number} {each.name}" for each in agents), **arguments},
        grant_id=standing.grant_id,
    )
    outbox.publish(ORDERED, key=order.pk, organization_id=tenant.organization_id, payload={"order": order.pk})
    return order


def named(tenant: Tenant, numbers: Sequence[str]) -> list[Agent]:
    """The tenant's agents of these numbers. Raises Invalid for none, too many, or one that is not there."""
    wanted = dict.fromkeys(numbers)
    if not 1 <= len(wanted) <= MOST_AGENTS:
        raise Invalid(f"Choose 1 to {MOST_AGENTS} agents. Nothing was changed.", field="agents")
    found = list(Agent.objects.filter(tenant=tenant, number__in=wanted).order_by("number"))
    missing = sorted(set(wanted) - {agent.number for agent in found})
    if missing:
        raise Invalid(f"This tenant has no agent {missing[0][:16]}. Nothing was changed.", field="agents")
    return found


def _result(order: AgentOrder, agent: Agent) -> AgentResult:
    return AgentResult(
        order=order,
        organization_id=order.organization_id,
        tenant_id=order.tenant_id,
        agent=agent,
        number=agent.number,
        name=agent.name,
    )


class TenantIsGoing(Conflict):
    """The tenant is being deleted with all its agents."""

    def __init__(self) -> None:
        super().__init__(
            "This tenant is being deleted, with all its agents. Nothing was changed.",
            code="TENANT_DELETED",
            hint="Wait until it is gone.",
        )
