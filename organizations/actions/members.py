"""Invite people, change what they may do, and end their membership."""

import datetime as dt
from typing import Any

from django.utils import timezone

from controlplane import audit, rls
from controlplane.actor import Actor
from controlplane.problems import Conflict, Forbidden, Invalid, NotFound
from organizations import queries
from organizations.access import Standing, require
from organizations.actions import facts, keys
from organizations.addresses import usable_address
from organizations.models import Invitation, Membership, Organization, User
from organizations.permissions import ROLES, Role, may_hand_out

INVITATION_LIFETIME = dt.timedelta(days=14)


def invite(*, by: Actor, organization: Organization, email: str, role: str) -> Invitation:
    """
    Keep a role ready for whoever proves `email` at the platform's sign-in, for 14 days.

    The answer is the same whether or not somebody has that address. Raises Invalid, Forbidden.
    """
    standing = require(by, "member.manage", organization)
    _check_role(standing, role)
    address = _address(email)
    with rls.acting_as(f"org:{organization.pk}"):
        # Two invitations of one address at once: the second waits, and takes the first one's place.
        Organization.objects.select_for_update().get(pk=organization.pk)
        Invitation.objects.filter(organization=organization, email__iexact=address).delete()
        invitation = Invitation.objects.create(
            organization=organization,
            email=address,
            role=role,
            invited_by_id=by.user_id or None,
            expires_at=timezone.now() + INVITATION_LIFETIME,
        )
        _record(by, standing, "organizations.invitation.create", invitation.pk, email=address, role=role)
    return invitation


def withdraw_invitation(*, by: Actor, organization: Organization, invitation_id: str) -> None:
    """Take an invitation back; raises NotFound."""
    standing = require(by, "member.manage", organization)
    with rls.acting_as(f"org:{organization.pk}"):
        deleted, _ = Invitation.objects.filter(organization=organization, pk=invitation_id).delete()
        if not deleted:
            raise NotFound
        _record(by, standing, "organizations.invitation.withdraw", invitation_id)


def open_invitations(*, by: Actor) -> list[dict[str, Any]]:
    """Invitations to the verified e-mail address of the person who asks: id, organization and role."""

    def on_sqlite() -> list[dict[str, Any]]:
        person = User.objects.filter(pk=by.user_id, email_verified=True).first()
        rows = Invitation.objects.filter(
            email__iexact=person.email if person else "",
            expires_at__gt=timezone.now(),
            organization__state=Organization.State.ACTIVE,
        ).select_related("organization")
        return [
            {
                "id": row.pk,
                "organization_id": row.organization_id,
                "organization_name": row.organization.name,
                "role": row.role,
            }
            for row in rows
        ]

    with rls.reading_as(f"user:{by.user_id}"):
        found: list[dict[str, Any]] = rls.call("organizations_my_invitations", otherwise=on_sqlite)
    return found


def accept_invitation(*, by: Actor, invitation_id: str) -> Membership:
    """
    Take up an invitation made to the asker's own verified e-mail address.

    Only for a session proven by the platform's provider, which is what verified that address. Raises NotFound for any
    other invitation, Conflict for somebody who already belongs.
    """
    if by.kind != "user" or not by.is_signed_in:
        raise Forbidden("Only a person who is signed in can take up an invitation.")
    found = next((row for row in open_invitations(by=by) if row["id"] == invitation_id), None)
    if found is None:
        raise NotFound
    organization_id = found["organization_id"]
    with rls.acting_as(f"org:{organization_id}"):
        used, _ = Invitation.objects.filter(pk=invitation_id).delete()
        if not used:
            raise NotFound
        if Membership.objects.filter(user_id=by.user_id, organization_id=organization_id).exists():
            raise Conflict("You already belong to this organization.", code="ALREADY_MEMBER")
        membership = Membership.objects.create(user_id=by.user_id, organization_id=organization_id, role=found["role"])
        audit.record(
            by=by,
            action="organizations.membership.create",
            organization_id=organization_id,
            target=membership.pk,
            data={"role": found["role"], "invitation": invitation_id},
        )
    return membership


def change_role(*, by: Actor, organization: Organization, membership_id: str, role: str) -> Membership:
    """
    Give a member another role, and access again where groups gave none.

    Raises Conflict for the last owner and the one kept for emergencies, Forbidden above the asker's own reach.
    """
    standing = require(by, "member.manage", organization)
    _check_role(standing, role)
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


def _check_role(standing: Standing, role: str) -> None:
    if role not in ROLES:
        raise Invalid(f"The role is one of {', '.join(ROLES)}.", field="role")
    if not may_hand_out(standing.permissions, role):
        raise Forbidden(f"You can't hand out the role “{role}”: it can do more than yours. Nothing was changed.")


def _check_reach(standing: Standing, membership: Membership) -> None:
    if not may_hand_out(standing.permissions, membership.role):
        raise Forbidden("This member's role can do more than yours. Nothing was changed.")


def _address(email: str) -> str:
    try:
        return usable_address(email.strip())
    except ValueError as error:
        raise Invalid(f"{error}", field="email") from error


def _record(by: Actor, standing: Standing, action: str, target: str, **data: Any) -> None:
    audit.record(
        by=by,
        action=action,
        organization_id=standing.organization_id,
        target=target,
        data=data,
        grant_id=standing.grant_id,
    )
