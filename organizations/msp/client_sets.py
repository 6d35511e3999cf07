"""
How far a member of an MSP reaches among its clients, computed anew at every use.

Without a `ClientRole` a member has their own role in every client. With some, they have in each client the roles of the
sets that cover it, and don't reach one that none covers. An owner is never limited: an MSP must not lose the last who
decides.
"""

from collections.abc import Iterable, Mapping

from django.db.models import Q

from organizations.models import ClientRole
from organizations.permissions import Role

type Limits = Mapping[str, list[ClientRole]]
"""By MSP; one that is not there limits nothing."""

# What decides who belongs, and what proves people. Who is limited, by a set or in time, does not: they could let
# themselves, or a friend, in without the limit.
ADMINISTRATION = frozenset({"member.manage", "sso.manage", "organization.manage", "client.manage"})


def limits_of(user_id: str, roles: Mapping[str, str]) -> dict[str, list[ClientRole]]:
    """The sets of one person. Args: roles: their role by organization."""
    limited = [organization_id for organization_id, role in roles.items() if role != Role.OWNER]
    found: dict[str, list[ClientRole]] = {}
    for each in ClientRole.objects.filter(organization_id__in=limited, membership__user_id=user_id):
        found.setdefault(each.organization_id, []).append(each)
    return found


def reached(msps: Iterable[str], limits: Limits) -> Q:
    """The condition on grants of `msps` whose client somebody reaches."""
    free = Q(msp_id__in=[msp_id for msp_id in msps if msp_id not in limits])
    for msp_id, sets in limits.items():
        for each in sets:
            free |= Q(msp_id=msp_id) & covered(each)
    return free


def covered(each: ClientRole) -> Q:
    """The condition on grants whose client a set has."""
    if each.reach == ClientRole.Reach.ALL:
        return Q()
    named = Q(client_id__in=each.clients)
    return named if each.reach == ClientRole.Reach.ONLY else ~named
