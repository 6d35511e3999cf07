"""Mails that tell an organization's owners what happened to its sign-in, in the transaction in which it happened."""

from typing import Any

from controlplane import mail
from organizations.models import Membership, Organization, User
from organizations.permissions import Role
from organizations.sso.domains import reach


def tell_owners(organization: Organization, template: str, **context: Any) -> int:
    """
    Write one mail to each owner; returns how many. The caller acts as the organization.

    An address counts if it is verified or lies in a domain of the organization's own: another one is a label that an
    identity provider gave, and may be a stranger's.
    """
    known = {"organization": organization.name, "organization_id": organization.pk, **context}
    owners = [person for person in _owners(organization) if _is_theirs(organization, person)]
    for person in owners:
        mail.write(to=person.email, template=template, context=known, organization_id=organization.pk)
    return len(owners)


def _owners(organization: Organization) -> list[User]:
    memberships = Membership.objects.filter(organization=organization, role=Role.OWNER).select_related("user")
    return [membership.user for membership in memberships if membership.user.is_active]


def _is_theirs(organization: Organization, person: User) -> bool:
    return person.email_verified or reach.proves(organization, person.email)
