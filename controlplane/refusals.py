"""
Every answer of 403 is in the trail of the organization that it concerns.

Rooms tell which organization a request reached into, once they know that the asker belongs there: an outsider, who gets
404, must not be able to fill a stranger's trail. Whoever belongs there can, so what repeats is told once a minute, and
of one asker not more than sixty an hour.
"""

import datetime as dt
from contextvars import ContextVar
from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from controlplane import audit
from controlplane.actor import Actor, actor_of
from controlplane.problems import Problem

ACTION = "organizations.request.refuse"
REPEATED, COUNTED = dt.timedelta(minutes=1), dt.timedelta(hours=1)
MOST = 60
"""Refusals of one asker in one trail within `COUNTED`."""

_reached: ContextVar[tuple[str, str | None]] = ContextVar("reached", default=("", None))


def begin() -> None:
    """A new request has reached nothing yet."""
    _reached.set(("", None))


def reached(organization_id: str, grant_id: str | None) -> None:
    """The asker belongs to this organization, or may work for it by a grant, and asks for something in it."""
    _reached.set((organization_id, grant_id))


def tell(request: HttpRequest, problem: Problem) -> None:
    """Has a refusal written down once the request's own transaction has been rolled back."""
    actor = actor_of(request)
    organization_id, grant_id = _reached.get()
    organization_id = organization_id or actor.organization_id or ""
    if problem.status != 403 or not organization_id or not actor.is_signed_in:
        return
    match = request.resolver_match
    names = match.kwargs if match else {}
    # Only ids: an address may hold a secret, as that of a request's code does.
    ids = [str(value) for name, value in names.items() if name.endswith("_id")]
    target = ids[-1] if ids else organization_id
    data = {"method": request.method, "route": match.route if match else "", "code": problem.code}
    audit.record_refusal(
        by=actor,
        action=ACTION,
        organization_id=organization_id,
        target=target,
        data={**data, "detail": problem.detail},
        grant_id=grant_id,
        unless=lambda: _is_known(organization_id, actor, target, data),
    )


def _is_known(organization_id: str, actor: Actor, target: str, data: dict[str, Any]) -> bool:
    now = timezone.now()
    entries = audit.entries_of(organization_id).filter(
        actor_user=actor.user_id, action=ACTION, created_at__gt=now - COUNTED
    )
    lately = list(entries.values_list("created_at", "target", "data")[:MOST])
    if len(lately) == MOST:
        return True
    return any(at > now - REPEATED and on == target and data.items() <= told.items() for at, on, told in lately)
