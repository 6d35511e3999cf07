"""
Follows moves to their end: who has arrived, whose grace period is over, who did not come in time.

Level-triggered, from rows alone: what the target's feed told of enrollments, the clock, and whether somebody cancelled.
Source and target may be of different organizations, so each is read under its own.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

import structlog
from django.db.models import Q
from django.utils import timezone

from controlplane import rls
from controlplane.actor import Actor
from controlplane.rls import acting_as
from tenants.agents import actions
from tenants.agents.models import AgentMove, MovingAgent
from tenants.enrollment.models import Agent

log = structlog.get_logger(__name__)

LATE = dt.timedelta(minutes=10)
"""How long after its token's end a move waits for what the target's feed has yet to tell."""


@dataclass(frozen=True)
class Arrival:
    """That an agent joined the target by the move's token."""

    number: str
    at: dt.datetime


def next_state(item: MovingAgent, arrival: Arrival | None, move: AgentMove, now: dt.datetime) -> MovingAgent.State:
    """What an agent's state is to be. Pure."""
    if item.state not in MovingAgent.OPEN:
        return MovingAgent.State(item.state)
    arrived_at = item.arrived_at or (arrival.at if arrival else None)
    if arrived_at is not None:
        over = arrived_at + dt.timedelta(hours=move.grace_hours) <= now
        return MovingAgent.State.MOVED if over else MovingAgent.State.ARRIVED
    ended = (move.cancelled_at or move.expires_at) + LATE <= now
    return MovingAgent.State.STAYED if ended else MovingAgent.State.WAITING


def due() -> list[str]:
    """Organizations with a move that has not ended."""
    rows = rls.call("agent_moves_open", otherwise=_open_on_sqlite)
    return [row["organization_id"] for row in rows]


def follow(organization_id: str) -> None:
    """Bring every open move of one organization's tenants as far as it has come."""
    with rls.reading_as(f"org:{organization_id}"):
        moves = list(AgentMove.objects.filter(closed_at=None).order_by("created_at"))
    for move in moves:
        arrivals = _arrivals(move)
        with acting_as(f"org:{organization_id}"):
            _advance(AgentMove.objects.select_for_update().get(pk=move.pk), arrivals)


def _arrivals(move: AgentMove) -> Mapping[str, Arrival]:
    """By name who joined the target by the move's token, or the one that it was exchanged for."""
    with rls.reading_as(f"org:{move.target_organization_id}"):
        by_token = Q(token=move.token_id) | Q(token__replaces=move.token_id)
        joined = Agent.objects.filter(by_token, tenant_id=move.target_tenant_id)
        return {agent.name: Arrival(agent.number, agent.enrolled_at or agent.created_at) for agent in joined}


def _advance(move: AgentMove, arrivals: Mapping[str, Arrival]) -> None:
    now = timezone.now()
    items = list(move.agents.all())
    for item in items:
        arrival = arrivals.get(item.name)
        state = next_state(item, arrival, move, now)
        if state != item.state:
            _enter(move, item, state, arrival, now)
    if all(item.state not in MovingAgent.OPEN for item in items):
        move.closed_at = now
        move.save(update_fields=["closed_at"])


def _enter(
    move: AgentMove, item: MovingAgent, state: MovingAgent.State, arrival: Arrival | None, now: dt.datetime
) -> None:
    item.state = state
    if arrival is not None:
        item.arrived_at, item.target_number = item.arrived_at or arrival.at, arrival.number
    if state == MovingAgent.State.MOVED:
        item.moved_at = now
        _end_old_identity(move, item)
    item.save()
    log.info("agent_moves", move=move.pk, agent=item.number, state=state)


def _end_old_identity(move: AgentMove, item: MovingAgent) -> None:
    """Order its removal here, if it has not gone by itself. Somebody else may have that number's name by then."""
    if Agent.objects.filter(tenant_id=move.tenant_id, number=item.number, name=item.name).exists():
        by = Actor.system(f"moved to {move.target_name}", organization_id=move.organization_id)
        item.order = actions.remove(by=by, tenant=move.tenant, agents=[item.number])


def _open_on_sqlite() -> list[dict[str, str]]:
    rows = AgentMove.objects.filter(closed_at=None).order_by("organization_id")
    return [{"organization_id": one} for one in rows.values_list("organization_id", flat=True).distinct()]
