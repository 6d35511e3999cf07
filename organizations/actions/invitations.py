"""Invite people, and take an invitation up."""

import datetime as dt
from typing import Any

from django.utils import timezone

from controlplane import audit, rls
from controlplane.actor import Actor
from controlplane.problems import Forbidden, Invalid, NotFound
from organizations.access import Standing, require
from organizations.actions import owners, roles
from organizations.actions.members import check_role
from organizations.addresses import usable_address
from organizations.models import Invitation, Membership, Organization, User

LIFETIME = dt.timedelta(days=14)


def invite(*, by: Actor, organization: Organization, email: str, role: str) -> Invitation:
    """
    Keep a role ready for whoever proves `email` at the platform's sign-in, for 14 days.

    The answer is the same whether or not somebody has that address. Raises Invalid, Forbidden.
    """
    standing = require(by, "member.manage", organization)
    check_role(standing, role)
    address = _address(email)
    with rls.acting_as(f"org:{organization.pk}"):
        owners.alone(organization.pk)  # of two invitations of one address at once, the second takes the first's place
        Invitation.objects.filter(organization=organization, email__iexact=address).delete()
        invitation = Invitation.objects.create(
            organization=organization,
            email=address,
            role=role,
            invited_by_id=by.user_id or None,
            expires_at=timezone.now() + LIFETIME,
        )
        _record(by, standing, "organizations.invitation.create", invitation.pk, email=address, role=role)
    return invitation


def withdraw(*, by: Actor, organization: Organization, invitation_id: str) -> None:
    """Take an invitation back; raises NotFound."""
    standing = require(by, "member.manage", organization)
    with rls.acting_as(f"org:{organization.pk}"):
        deleted, _ = Invitation.objects.filter(organization=organization, pk=invitation_id).delete()
        if not deleted:
            raise NotFound
        _record(by, standing, "organizations.invitation.withdraw", invitation_id)


def offered(*, by: Actor) -> list[dict[str, Any]]:
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


def accept(*, by: Actor, invitation_id: str) -> Membership:
    """
    Take up an invitation made to the asker's own verified e-mail address.

    Only for a session proven by the platform's provider, which is what verified that address. Raises NotFound for any
    other invitation, Conflict for somebody who already belongs.
    """
    if by.kind != "user" or not by.is_signed_in:
        raise Forbidden("Only a person who is signed in can take up an invitation.")
    found = next((row for row in offered(by=by) if row["id"] == invitation_id), None)
    if found is None:
        raise NotFound
    organization_id = found["organization_id"]
    with rls.acting_as(f"org:{organization_id}"):
        used, _ = Invitation.objects.filter(pk=invitation_id).delete()
        if not used:
            raise NotFound
        return roles.admit(
            by=by, organization=organization_id, user=by.user_id, role=found["role"], invitation=invitation_id
        )


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
