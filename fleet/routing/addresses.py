"""Whose addresses an organization may have us mail."""

from organizations.models import Membership, Organization
from organizations.sso.domains import reach


def is_ours(organization: Organization, address: str) -> bool:
    """
    Whether an address is a member's own, or lies in a domain that the organization has proven.

    The attack: an organization has us mail what it likes to strangers, or to somebody who has left it.
    """
    members = Membership.objects.filter(organization=organization, blocked_at=None, user__email_verified=True)
    return members.filter(user__email__iexact=address).exists() or reach.proves(organization, address)
