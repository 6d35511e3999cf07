"""Mails that tell an organization's owners, or whoever can act on it, what happened, in its own transaction."""

from collections.abc import Iterable, Mapping
from typing import Any

from controlplane import mail
from organizations.models import Membership, Organization, User
from organizations.permissions import Role
from organizations.roles.named import roles_in
from organizations.sso.domains import reach


def tell_owners(organization: Organization, template: str, /, **context: Any) -> int:
    """Write one mail to each owner; returns how many. The caller acts as the organization."""
    return _tell([each for each in _members(organization) if each.role == Role.OWNER], template, context)


def tell_those_who_may(permission: str, organization: Organization, template: str, /, **context: Any) -> int:
    """Write one mail to each member who has `permission`; returns how many. The caller acts as the organization."""
    roles = roles_in(organization.pk)
    able = [key for key, role in roles.items() if permission in role.permissions]
    return _tell([each for each in _members(organization) if each.role in able], template, context)


def tell_members(user_ids: Iterable[str], organization: Organization, template: str, /, **context: Any) -> int:
    """Write one mail to each of some people who is a member; returns how many. The caller acts as the organization."""
    wanted = set(user_ids)
    return _tell([each for each in _members(organization) if each.user_id in wanted], template, context)


def _tell(memberships: Iterable[Membership], template: str, context: Mapping[str, Any]) -> int:
    """
    An address counts if it is verified or lies in a domain of the organization's own: another one is a label that an
    identity provider gave, and may be a stranger's.

    They go out in the platform's name. The attack: an MSP, or one of several owners, has notices of what they do come
    from an address of theirs, and publishes records by which every recipient throws them away.
    """
    theirs = [each for each in memberships if _is_theirs(each.organization, each.user)]
    for each in theirs:
        known = {"organization": each.organization.name, "organization_id": each.organization_id, **context}
        mail.write(
            to=each.user.email,
            template=template,
            context=known,
            organization_id=each.organization_id,
            in_own_name=False,
        )
    return len(theirs)


def _members(organization: Organization) -> list[Membership]:
    memberships = Membership.objects.filter(organization=organization, blocked_at=None)
    return [each for each in memberships.select_related("user", "organization") if each.user.is_active]


def _is_theirs(organization: Organization, person: User) -> bool:
    return person.email_verified or reach.proves(organization, person.email)
