"""Every change that people make to moves."""

import datetime as dt
from collections.abc import Sequence

from django.db import transaction
from django.utils import timezone

from controlplane.actor import Actor
from controlplane.problems import Conflict, Invalid
from organizations import access
from organizations.actions import trail
from tenants.agents.actions import MOST_AGENTS, TenantIsGoing, named
from tenants.agents.models import AgentMove, MovingAgent
from tenants.enrollment.models import Agent, EnrollmentToken
from tenants.enrollment.tokens import actions as tokens
from tenants.provisioning.models import Tenant

LONGEST_GRACE_HOURS, DEFAULT_GRACE_HOURS = 168, 24
LONGEST_DAYS, DEFAULT_DAYS = 30, 7


@transaction.atomic
def move(
    *,
    by: Actor,
    tenant: Tenant,
    target: Tenant,
    agents: Sequence[str] = (),
    token: str = "",
    grace_hours: int = DEFAULT_GRACE_HOURS,
    expires_in_days: int = DEFAULT_DAYS,
) -> tuple[AgentMove, str]:
    """
    Let agents of one tenant join another; returns the move and its token's text, which is shown nowhere else, ever.

    Needs `agent.manage` in both organizations, and `token.create` in the target's.

    Args:
        agents: numbers such as 001, at most 100.
        token: instead of them, the id of a token whose agents are meant.
        grace_hours: for how long a machine that has arrived keeps its old identity; 0 to 168.
        expires_in_days: for how long machines may come; 1 to 30.
    """
    standing = access.require(by, "agent.manage", tenant.organization_id, confirmed=True)
    access.require(by, "agent.manage", target.organization_id)
    _check(tenant, target, grace_hours, expires_in_days)
    moving = named(tenant, list(agents) or _joined_with(tenant, token))
    _refuse_unfit(moving, target)
    life = dt.timedelta(days=expires_in_days)
    name, names = f"Move from {tenant.name}"[:80], [agent.name for agent in moving]
    made, secret = tokens.create_token(
        by=by, tenant=target, name=name, expires_in=life, max_uses=len(names), names=names
    )
    row = AgentMove.objects.create(
        organization_id=tenant.organization_id,
        tenant=tenant,
        target_organization_id=target.organization_id,
        target_tenant_id=target.pk,
        target_name=target.name,
        token_id=made.pk,
        grace_hours=grace_hours,
        expires_at=made.expires_at,
        created_by=by.user_id,
    )
    MovingAgent.objects.bulk_create(_item(row, agent) for agent in moving)
    trail.record(
        by,
        standing,
        "tenants.agents.move",
        row.pk,
        tenant=tenant.pk,
        to=target.pk,
        agents=", ".join(names),
        grace_hours=grace_hours,
    )
    return row, secret


@transaction.atomic
def cancel(*, by: Actor, move: AgentMove) -> AgentMove:
    """
    Let nobody come any more: who waits stays, who has arrived goes on. Doing it twice changes nothing.

    The token is ended at the target, which needs `token.revoke` there.
    """
    standing = access.require(by, "agent.manage", move.organization_id)
    now = timezone.now()
    if AgentMove.objects.filter(pk=move.pk, cancelled_at=None, closed_at=None).update(cancelled_at=now):
        token = EnrollmentToken.objects.filter(pk=move.token_id, tenant_id=move.target_tenant_id).first()
        if token is not None:
            tokens.revoke_token(by=by, token=token)
        trail.record(
            by, standing, "tenants.agents.cancel_move", move.pk, tenant=move.tenant_id, to=move.target_tenant_id
        )
        move.refresh_from_db()
    return move


def _check(tenant: Tenant, target: Tenant, grace_hours: int, expires_in_days: int) -> None:
    if Tenant.Requested.DELETED in (tenant.requested, target.requested):
        raise TenantIsGoing
    if target.pk == tenant.pk:
        raise Invalid("The agents are in this tenant already. Choose another one.", field="target")
    if not 0 <= grace_hours <= LONGEST_GRACE_HOURS:
        raise Invalid(f"Expected 0 to {LONGEST_GRACE_HOURS} hours.", field="grace_hours")
    if not 1 <= expires_in_days <= LONGEST_DAYS:
        raise Invalid(f"Expected 1 to {LONGEST_DAYS} days.", field="expires_in_days")


def _joined_with(tenant: Tenant, token: str) -> list[str]:
    numbers = list(
        Agent.objects.filter(tenant=tenant, token=token, quarantined_at=None).values_list("number", flat=True)
    )
    if not numbers:
        raise Invalid("Choose agents, or a token that agents joined with. Nothing was changed.", field="agents")
    return numbers[: MOST_AGENTS + 1]


def _refuse_unfit(moving: Sequence[Agent], target: Tenant) -> None:
    """Raises Invalid for what the target's edge would refuse anyway, Conflict for agents that are moving already."""
    if shut_out := [agent.name for agent in moving if agent.quarantine_asked_at or agent.quarantined_at]:
        raise Invalid(f"{shut_out[0]} is quarantined. Nothing was changed.", field="agents")
    names = [agent.name for agent in moving]
    if taken := Agent.objects.filter(tenant=target, name__in=names).values_list("name", flat=True).first():
        raise Invalid(f"{target.name} has an agent named {taken} already. Nothing was changed.", field="agents")
    room = int(target.spec.get("max_agents") or 0) - Agent.objects.filter(tenant=target).count()
    if len(moving) > room:
        raise Invalid(f"{target.name} has room for {max(room, 0)} agents more. Nothing was changed.", field="agents")
    going = MovingAgent.objects.filter(tenant_id=moving[0].tenant_id, state__in=MovingAgent.OPEN)
    if going.filter(number__in=[agent.number for agent in moving]).exists():
        raise Conflict(
            "Some of these agents are moving already. Nothing was changed.",
            code="MOVE_IN_PROGRESS",
            hint="Wait until that move has ended, or cancel it.",
        )


def _item(move: AgentMove, agent: Agent) -> MovingAgent:
    return MovingAgent(
        move=move,
        organization_id=move.organization_id,
        tenant_id=move.tenant_id,
        number=agent.number,
        name=agent.name,
    )
