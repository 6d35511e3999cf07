"""Mails that tell an organization's owners, or whoever can act on it, what happened, in its own transaction."""

from collections.abc import Mapping, Sequence
from typing import Any

from controlplane import mail
from organizations.models import Membership, Organization, User
from organizations.permissions import ROLES, Role
from organizations.sso.domains import reach


def tell_owners(organization: Organization, template: str, **context: Any) -> int:
    """Write one mail to each owner; returns how many. The caller acts as the organization."""
    return _tell([Role.OWNER], organization, template, context)


def tell_those_who_may(permission: str, organization: Organization, template: str, **context: Any) -> int:
    """Write one mail to each member who has `permission`; returns how many. The caller acts as the organization."""
    roles = [role for role, granted in ROLES.items() if permission in granted]
    return _tell(roles, organization, template, context)


def _tell(roles: Sequence[str], organization: Organization, template: str, context: Mapping[str, Any]) -> int:
    """
    An address counts if it is verified or lies in a domain of the organization's own: another one is a label that an
    identity provider gave, and may be a stranger's.
    """
    known = {"organization": organization.name, "organization_id": organization.pk, **context}
    people = [person for person in _members(organization, roles) if _is_theirs(organization, person)]
    for person in people:
        mail.write(to=person.email, template=template, context=known, organization_id=organization.pk)
    return len(people)


def _members(organization: Organization, roles: Sequence[str]) -> list[User]:
    memberships = Membership.objects.filter(organization=organization, role__in=roles, blocked_at=None)
    return [membership.user for membership in memberships.select_related("user") if membership.user.is_active]


def _is_theirs(organization: Organization, person: User) -> bool:
    return person.email_verified or reach.proves(organization, person.email)
