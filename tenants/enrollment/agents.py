"""Mirrors a tenant's agents from the edge, so that pages show them fast and while the edge is away."""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any

from django.db.models import Count, Q
from django.utils import timezone

from controlplane.celery import wake_on_commit
from controlplane.rls import acting_as
from tenants.enrollment.models import Agent, AgentReading, ConnectionChange, EnrollmentToken
from tenants.enrollment.tokens.states import not_revoked
from tenants.provisioning import mirror
from tenants.provisioning.edge_api import EdgeApi
from tenants.provisioning.edge_errors import UnknownAtEdge
from tenants.provisioning.models import Tenant
from tenants.provisioning.reconciler import REFRESHERS
from tenants.provisioning.sighting import read_time
from tenants.provisioning.wakeups import INTERACTIVE

FRESH, FRESH_WHILE_JOINING = dt.timedelta(seconds=15), dt.timedelta(seconds=1)
"""How old a reading may be before looking at it asks for a new one; less while somebody waits for an agent."""

JOINING = ("pending", "never_connected")
JOINS_WITHIN = dt.timedelta(minutes=5)
"""For how long after its enrollment an agent is expected to connect at any moment."""


def differ(tenant: Tenant, enrolled: int, active: int) -> bool:
    """Whether the mirrored agents are not what the edge counts."""
    counted = Agent.objects.filter(tenant=tenant).aggregate(
        enrolled=Count("pk"), active=Count("pk", filter=Q(status="active"))
    )
    return (counted["enrolled"], counted["active"]) != (enrolled, active)


def ask_again_if_old(tenant: Tenant) -> None:
    """Have the agents read anew if the last reading is old. One conditional UPDATE: many lookers cause one reading."""
    now = timezone.now()
    reading, is_first = AgentReading.objects.get_or_create(
        tenant=tenant, defaults={"organization_id": tenant.organization_id, "asked_at": now}
    )
    joining = Agent.objects.filter(tenant=tenant, status__in=JOINING, created_at__gt=now - JOINS_WITHIN).exists()
    fresh = FRESH_WHILE_JOINING if joining else FRESH
    old = AgentReading.objects.filter(pk=reading.pk, asked_at__lt=now - fresh)
    if is_first or old.update(asked_at=now):
        wake_reader(tenant)


def wake_reader(tenant: Tenant) -> None:
    """Have a task ask the edge for the agents once this transaction has committed."""
    from tenants.enrollment.tasks import read_agents  # here, because the task calls what calls this

    wake_on_commit(read_agents, tenant.cell_id, tenant.pk, queue=INTERACTIVE)


def read(tenant: Tenant, edge: EdgeApi) -> None:
    """
    Ask the edge for the agents and write down what it says. No transaction is open while it is asked.

    The rows are compared under the tenant's lock, as the feed compares them: neither adds what the other just did.
    """
    asked_at = timezone.now()
    answer = edge.agents(tenant.pk)
    partial = bool(answer.get("partial"))
    with acting_as(f"org:{tenant.organization_id}"):
        mirror.locked(tenant.pk)
        known = {agent.number: agent for agent in Agent.objects.filter(tenant=tenant)}
        tokens = set(EnrollmentToken.objects.filter(tenant=tenant).values_list("pk", flat=True))
        for seen in answer["agents"]:
            _take_over(tenant, seen, known.pop(str(seen["id"]), None), tokens, partial=partial)
        _forget(agent for agent in known.values() if agent.created_at < asked_at)
        _note_reading(tenant, partial=partial, reason=str(answer.get("reason") or ""))


def read_tokens(tenant: Tenant, edge: EdgeApi) -> Iterator[None]:
    """Ask the edge for the use counts of every token that can still be used; yields after each call."""
    now = timezone.now()
    with acting_as(f"org:{tenant.organization_id}"):
        usable = list(EnrollmentToken.objects.filter(not_revoked(now), tenant=tenant, expires_at__gt=now))
    for token in usable:
        with suppress(UnknownAtEdge):  # not there yet: its own command brings it
            seen = edge.get_token(tenant.pk, token.pk)
            with acting_as(f"org:{tenant.organization_id}"):
                EnrollmentToken.objects.filter(pk=token.pk).update(uses=int(seen["uses"]))
        yield


def refresh(tenant: Tenant, edge: EdgeApi) -> Iterator[None]:
    """Read agents and use counts anew; yields after each call."""
    read(tenant, edge)
    yield
    yield from read_tokens(tenant, edge)


REFRESHERS.append(refresh)


def _forget(gone: Iterable[Agent]) -> None:
    """Agents that the edge no longer lists. One that joined while it was asked is none of them."""
    Agent.objects.filter(pk__in=[agent.pk for agent in gone]).delete()


def _take_over(
    tenant: Tenant, seen: Mapping[str, Any], known: Agent | None, tokens: set[str], *, partial: bool
) -> None:
    news = _identity(seen, tokens)
    if known is None or not partial:
        news |= _connection(seen, known)
    if seen.get("quarantined") and not (known and known.quarantined_at):
        news["quarantined_at"] = timezone.now()
    agent = known or Agent(tenant=tenant, organization_id=tenant.organization_id, number=str(seen["id"]))
    before = agent.status
    if known is None or any(getattr(agent, name) != value for name, value in news.items()):
        for name, value in news.items():
            setattr(agent, name, value)
        agent.save()
    if agent.status != before:
        note_change(agent)


def note_change(agent: Agent) -> None:
    """Keep that an agent was seen in another state, for its page."""
    ConnectionChange.objects.create(
        organization_id=agent.organization_id,
        tenant_id=agent.tenant_id,
        agent=agent,
        status=agent.status,
        last_seen_at=agent.last_seen_at,
    )
    of_agent = ConnectionChange.objects.filter(agent=agent)
    newest = of_agent.order_by("-created_at", "-id").values_list("pk", flat=True)[: ConnectionChange.KEPT]
    of_agent.exclude(pk__in=list(newest)).delete()


def _identity(seen: Mapping[str, Any], tokens: set[str]) -> dict[str, Any]:
    """What the edge knows of an agent by itself."""
    return {
        "name": str(seen["name"]),
        "groups": list(seen.get("groups") or []),
        "token_id": seen.get("token") if seen.get("token") in tokens else None,
        "enrolled_at": read_time(seen.get("enrolled_at")),
    }


def _connection(seen: Mapping[str, Any], known: Agent | None) -> dict[str, Any]:
    """What only the manager knows of it: left as it was while the manager does not answer."""
    return {
        "status": str(seen["status"]),
        "version": str(seen.get("version") or ""),
        "address": str(seen.get("ip") or (known.address if known else "")),
        "last_seen_at": read_time(seen.get("last_seen_at")),
    }


def _note_reading(tenant: Tenant, *, partial: bool, reason: str) -> None:
    now = timezone.now()
    AgentReading.objects.update_or_create(
        tenant=tenant,
        defaults={
            "organization_id": tenant.organization_id,
            "asked_at": now,
            **({} if partial else {"read_at": now}),
            "partial": partial,
            "reason": reason[:300],
        },
    )
