"""Applies what the feed tells about enrollment: agents that joined, token uses, refusals."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

from django.db.models import F

from controlplane import audit
from controlplane.actor import Actor
from tenants.enrollment import agents
from tenants.enrollment.models import Agent, EnrollmentToken, Refusal
from tenants.enrollment.tokens.uses import note_uses
from tenants.provisioning.changes import Change
from tenants.provisioning.feed import handles
from tenants.provisioning.models import Tenant
from tenants.provisioning.sighting import Malformed, read_time


@handles("enrollment")
def note_enrollment(tenant: Tenant, change: Change) -> None:
    """An agent joined with a token."""
    data, joined, at = change.data, change.data["agent"], _moment(change.at)
    token = _token(tenant, data.get("token"))
    agent, _ = Agent.objects.update_or_create(
        tenant=tenant,
        number=str(joined["id"]),
        defaults={
            "organization_id": tenant.organization_id,
            "name": str(joined["name"]),
            "groups": list(joined.get("groups") or []),
            "token": token,
            "address": _address(data),
            "enrolled_at": at,
        },
    )
    if token is not None:
        _note_use(token, data, at, agent)
    _audit(tenant, "tenants.agent.enroll", agent.pk, {"agent": agent.number, "name": agent.name, **_named(data)})


@handles("token")
def note_token(tenant: Tenant, change: Change) -> None:
    """The edge counted, or ended, a token."""
    token = _token(tenant, change.data.get("id"))
    if token is not None:
        token.uses = int(change.data["uses"])
        token.save(update_fields=["uses"])


@handles("refusal")
def note_refusal(tenant: Tenant, change: Change) -> None:
    """The edge kept somebody out. The first of a kind within an hour is audited too, the others are counted."""
    data, at = change.data, _moment(change.at)
    refusal, is_first = Refusal.objects.get_or_create(
        tenant=tenant,
        token_id_used=str(data.get("token") or "")[:40],
        reason=str(data["reason"])[:32],
        address=_address(data),
        hour=at.replace(minute=0, second=0, microsecond=0),
        defaults={
            "organization_id": tenant.organization_id,
            "agent_name": str(data.get("name") or "")[:128],
            "last_at": at,
        },
    )
    if is_first:
        _audit(tenant, "tenants.enrollment.refuse", tenant.pk, {"reason": refusal.reason, **_named(data)})
    else:
        Refusal.objects.filter(pk=refusal.pk).update(count=F("count") + 1, last_at=at)


@handles("tenant")
def notice_agents(tenant: Tenant, change: Change) -> None:
    """Agents came or went silent: ask which ones."""
    counts = change.data.get("agents") or {}
    if tenant.deleted_at is None and agents.differ(tenant, counts.get("enrolled", 0), counts.get("active", 0)):
        agents.wake_reader(tenant)


def _note_use(token: EnrollmentToken, data: Mapping[str, Any], at: dt.datetime, agent: Agent) -> None:
    token.uses = int(data["uses"])
    token.last_used_at, token.last_used_by, token.last_used_from = at, agent.name, _address(data)
    token.save(update_fields=["uses", "last_used_at", "last_used_by", "last_used_from"])
    note_uses([agent])


def _token(tenant: Tenant, token_id: object) -> EnrollmentToken | None:
    return EnrollmentToken.objects.filter(tenant=tenant, pk=str(token_id or "")).first()


def _address(data: Mapping[str, Any]) -> str:
    return str(data.get("address") or "")[:64]


def _named(data: Mapping[str, Any]) -> dict[str, str]:
    """What the audit tells of an attempt: with which token, and from where."""
    return {"token": str(data.get("token") or ""), "address": _address(data)}


def _moment(text: str) -> dt.datetime:
    moment = read_time(text)
    if moment is None:
        raise Malformed("a change has no time")
    return moment


def _audit(tenant: Tenant, action: str, target: str, data: Mapping[str, str]) -> None:
    by = Actor.system("the edge told it", organization_id=tenant.organization_id)
    facts = {"tenant": tenant.pk, **data}
    audit.record(by=by, action=action, organization_id=tenant.organization_id, target=target, data=facts)
