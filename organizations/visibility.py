"""
Where an actor stands and may do something, as one condition on organizations.

It says of thousands of clients what `standings_of` says of each: a client is in it exactly where the best of all ways
in which the actor stands there has the permission. There are few ways (roles and sets of clients, cut down to a few
ceilings), so that each is a condition on grants. What depends on one client alone is asked one by one: the actor's own
organizations, the client that the session works in, and those in which the actor is in an emergency.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import reduce
from itertools import groupby
from operator import or_

from django.db.models import Q, QuerySet

from controlplane import once
from controlplane.actor import Actor
from organizations.models import EmergencyAccess, Grant
from organizations.msp import client_sets, working
from organizations.permissions import Role
from organizations.roles.named import permissions_of_role
from organizations.standings import (
    best_standings,
    closed_grants,
    current,
    held_in,
    limits_of,
    most_of,
    proven_roles,
    reached,
    roles_in_msps,
    scoped,
)

NOWHERE = Q(pk__in=[])


@dataclass(frozen=True)
class Way:
    """One way of standing in clients: what it allows, and the condition on grants by which it does."""

    permissions: frozenset[str]
    grants: Q


def stands_in(actor: Actor, permission: str = "") -> Q:
    """
    The condition on organizations that `actor` may enter; the system may enter all, or the one that it works for.

    Args: permission: only where they have it, by the way that counts there.
    """
    if actor.kind == "system":
        return Q() if actor.organization_id is None else Q(pk=actor.organization_id)
    roles, held = proven_roles(actor), open_grants(actor)
    if not permission:
        return Q(pk__in=list(roles)) | Q(pk__in=held.values("client_id"))
    single = {*roles, *_single_clients(actor)}
    able = [one for one, best in best_standings(actor, single).items() if permission in best.permissions]
    return Q(pk__in=able) | (_where_best_has(permission, _ways(actor), held) & ~Q(pk__in=single))


def open_grants(actor: Actor) -> QuerySet[Grant]:
    """Grants that hold, whose client somebody reaches and may enter by them."""
    msps = roles_in_msps(actor)
    closed = [grant.pk for grant in closed_grants(actor, msps)]
    return Grant.objects.filter(current(), reached(actor, msps)).exclude(pk__in=closed)


def _single_clients(actor: Actor) -> list[str]:
    """Clients of which more counts than the grant: where the session works, and where an emergency goes on."""
    if actor.working is None and actor.kind != "user":
        return []
    found = Q(pk__in=[actor.working[0]] if actor.working else [])
    if actor.kind == "user":
        emergencies = EmergencyAccess.objects.filter(EmergencyAccess.running(), user_id=actor.user_id)
        found |= Q(pk__in=emergencies.values("grant_id"))
    question = ("single clients", actor)
    return once.ask(question, lambda: list(Grant.objects.filter(found).values_list("client_id", flat=True)))


def _ways(actor: Actor) -> Iterator[Way]:
    msps = roles_in_msps(actor)
    limits = limits_of(actor, msps)
    own = held_in(msps, limits)
    for msp_id in msps:
        if msp_id not in limits:
            yield from _under_ceilings(actor, msp_id, own[msp_id], Q())
        for each in limits.get(msp_id, ()):
            yield from _under_ceilings(actor, msp_id, permissions_of_role(msp_id, each.role), client_sets.covered(each))


def _under_ceilings(actor: Actor, msp_id: str, allowed: frozenset[str], covered: Q) -> Iterator[Way]:
    for ceiling in Role.values:
        for stands in (True, False):
            grants = Q(msp_id=msp_id, role_ceiling=ceiling, ends_at__isnull=stands) & covered
            yield Way(scoped(actor, allowed & most_of(ceiling, stands=stands)), grants)


def _where_best_has(permission: str, ways: Iterable[Way], held: QuerySet[Grant]) -> Q:
    """
    The condition that of all ways that apply to a client the most able one has the permission.

    From the least able up: where one applies that has it, the client is in, where one applies that lacks it, it is
    out, whatever lesser ones said.
    """
    ordered = sorted(ways, key=lambda way: working.most_able(way.permissions))
    condition = NOWHERE
    for has, alike in groupby(ordered, key=lambda way: permission in way.permissions):
        grants = reduce(or_, (way.grants for way in alike))
        applies = Q(pk__in=held.filter(grants).values("client_id"))
        condition = applies | condition if has else condition & ~applies
    return condition
