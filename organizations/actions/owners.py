"""
The one guard that an organization keeps an owner. Whatever ends, blocks or lowers a membership goes by it.

The attack, or the accident: two owners remove each other at once, or a provider's groups lower the last. So whoever
asks holds the organization's lock, and asks about a membership read after that.
"""

from controlplane.problems import Conflict, NotFound
from organizations.actions.locks import locked_organization
from organizations.models import Membership, Organization
from organizations.permissions import Role


def member_alone(organization: Organization, membership_id: str) -> Membership:
    """One membership as it is now, and nobody else changes it until the transaction's end. Raises NotFound."""
    held = locked_organization(organization.pk)
    membership = Membership.objects.select_related("user").filter(organization=held, pk=membership_id).first()
    if membership is None:
        raise NotFound
    membership.organization = held
    return membership


def must_stay(membership: Membership) -> bool:
    """Whether a membership may neither end, nor be blocked, nor lose the owner's role. Call it under the lock."""
    return _why(membership) is not None


def keep_an_owner(membership: Membership) -> None:
    """Raises Conflict where `must_stay`, saying what to do first. Call it under the lock."""
    if (refusal := _why(membership)) is not None:
        raise refusal


def _why(membership: Membership) -> Conflict | None:
    if membership.role == Role.OWNER and not _others(membership):
        return Conflict(
            "An organization needs an owner, and this is the last one. Nothing was changed.",
            code="LAST_OWNER",
            hint="Make somebody else an owner first.",
        )
    if membership.organization.break_glass_id == membership.user_id:
        return Conflict(
            "This owner is the one kept for emergencies. Nothing was changed.",
            code="BREAK_GLASS_OWNER",
            hint="Choose another owner for emergencies first, on the page “Sign-in and SSO”.",
        )
    return None


def _others(membership: Membership) -> bool:
    """Whether another owner can come in: one who is blocked, or whose account is closed, counts as none."""
    able = Membership.objects.filter(role=Role.OWNER, blocked_at=None, user__is_active=True)
    return able.filter(organization_id=membership.organization_id).exclude(pk=membership.pk).exists()
