"""Change what members may do, and end their membership."""

from typing import Any

from controlplane import audit, rls
from controlplane.actor import Actor
from controlplane.problems import Conflict, Forbidden, Invalid, NotFound
from organizations import queries
from organizations.access import Standing, require
from organizations.actions import facts, keys
from organizations.models import Membership, Organization
from organizations.permissions import ROLES, Role, may_hand_out


def change_role(*, by: Actor, organization: Organization, membership_id: str, role: str) -> Membership:
    """
    Give a member another role, and access again where groups gave none.

    Raises Conflict for the last owner and the one kept for emergencies, Forbidden above the asker's own reach.
    """
    standing = require(by, "member.manage", organization)
    check_role(standing, role)
    with rls.acting_as(f"org:{organization.pk}"):
        membership = _locked(organization, membership_id)
        _check_reach(standing, membership)
        before = membership.role
        if before == role and membership.blocked_at is None:
            return membership
        if role != Role.OWNER:
            _keep_an_owner(membership)
        membership.role, membership.blocked_at = role, None
        membership.save(update_fields=["role", "blocked_at"])
        facts.publish(
            facts.ROLE_CHANGED,
            organization_id=organization.pk,
            organizations=queries.reach_of(organization),
            user=membership.user_id,
        )
        _record(by, standing, "organizations.membership.change_role", membership.pk, before=before, after=role)
    return membership


def remove(*, by: Actor, organization: Organization, membership_id: str) -> None:
    """
    End a membership, and with it the person's API keys in the organization.

    People may always end their own; the last owner can't. The person and their other memberships stay as they are.
    """
    standing = require(by, "member.view", organization)
    with rls.acting_as(f"org:{organization.pk}"):
        membership = _locked(organization, membership_id)
        if membership.user_id != by.user_id or by.kind != "user":
            if "member.manage" not in standing.permissions:
                raise Forbidden("Your role does not include removing members. Nothing was changed.")
            _check_reach(standing, membership)
        _keep_an_owner(membership)
        user_id, role = membership.user_id, membership.role
        membership.delete()
        keys.revoke_all_of(by=by, organization=organization, user_id=user_id)
        facts.publish(
            facts.MEMBERSHIP_ENDED,
            organization_id=organization.pk,
            organizations=queries.reach_of(organization),
            user=user_id,
        )
        _record(by, standing, "organizations.membership.end", membership_id, user=user_id, role=role)


def _locked(organization: Organization, membership_id: str) -> Membership:
    """The membership, with the organization's row locked so that two owners can't remove each other at once."""
    Organization.objects.select_for_update().get(pk=organization.pk)
    membership = Membership.objects.filter(organization=organization, pk=membership_id).first()
    if membership is None:
        raise NotFound
    return membership


def _keep_an_owner(membership: Membership) -> None:
    """Refuses to take the owner's role from the last one who has it, and from the one kept for emergencies."""
    others = Membership.objects.filter(organization_id=membership.organization_id, role=Role.OWNER, blocked_at=None)
    if membership.role == Role.OWNER and not others.exclude(pk=membership.pk).exists():
        raise Conflict(
            "An organization needs an owner, and this is the last one. Nothing was changed.",
            code="LAST_OWNER",
            hint="Make somebody else an owner first.",
        )
    if membership.organization.break_glass_id == membership.user_id:
        raise Conflict(
            "This owner is the one kept for emergencies. Nothing was changed.",
            code="BREAK_GLASS_OWNER",
            hint="Choose another owner for emergencies first, on the page “Sign-in and SSO”.",
        )


def check_role(standing: Standing, role: str) -> None:
    """Refuses a role that nobody has, or that can do more than the asker's own. Raises Invalid, Forbidden."""
    if role not in ROLES:
        raise Invalid(f"The role is one of {', '.join(ROLES)}.", field="role")
    if not may_hand_out(standing.permissions, role):
        raise Forbidden(f"You can't hand out the role “{role}”: it can do more than yours. Nothing was changed.")


def _check_reach(standing: Standing, membership: Membership) -> None:
    if not may_hand_out(standing.permissions, membership.role):
        raise Forbidden("This member's role can do more than yours. Nothing was changed.")


def _record(by: Actor, standing: Standing, action: str, target: str, **data: Any) -> None:
    audit.record(
        by=by,
        action=action,
        organization_id=standing.organization_id,
        target=target,
        data=data,
        grant_id=standing.grant_id,
    )
