"""Invite people by mail, and what becomes of an invitation: sent again, withdrawn, taken up or declined."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from controlplane import mail, rls
from controlplane.actor import Actor
from controlplane.problems import Conflict, Forbidden, Invalid, NotFound, Problem
from organizations.access import require
from organizations.accounts import guessing, people
from organizations.actions import memberships, outsiders, trail
from organizations.actions.locks import locked_organization
from organizations.actions.members import check_role
from organizations.addresses import checked_address
from organizations.models import Invitation, Membership, Organization, User
from organizations.roles.named import role_name
from organizations.sso.demands import asks_for_own_sign_in
from organizations.sso.domains import reach

LIFETIME = dt.timedelta(days=14)
MOST_AT_ONCE = 50


def invite(*, by: Actor, organization: Organization, email: str, role: str) -> Invitation:
    """
    Keep a role ready for whoever proves `email` by a way of their own, for 14 days, and mail them.

    The answer is the same whether or not somebody has that address. Raises Invalid, Forbidden, Conflict for somebody
    who belongs already, and a 429 Problem.
    """
    standing = require(by, "member.manage", organization, confirmed=True)
    address = checked_address(email)
    with rls.acting_as(f"org:{organization.pk}"):
        # Of two invitations of one address at once, the second waits, and takes the first one's place.
        held = locked_organization(organization.pk)
        check_role(standing, role)
        outsiders.keep_out(standing, address)
        _refuse_member(held, address)
        _count(held, address)
        Invitation.objects.filter(organization=held, email__iexact=address).delete()
        invitation = Invitation(organization=held, email=address, role=role, invited_by_id=by.user_id or None)
        _send(by, invitation)
        invitation.save(force_insert=True)
        trail.record(by, standing, "organizations.invitation.create", invitation.pk, email=address, role=role)
    return invitation


@dataclass(frozen=True)
class Invited:
    """What came of several at once: who is invited, and why not for every other line."""

    invitations: list[Invitation]
    refused: list[tuple[str, str]]


def invite_all(*, by: Actor, organization: Organization, emails: Iterable[str], role: str) -> Invited:
    """
    Invite each address by itself: one that can't be invited holds up none of the others.

    Raises Forbidden, Invalid for the role, or for more than 50 addresses, naming `emails`.
    """
    check_role(require(by, "member.manage", organization, confirmed=True), role)
    wanted = list(dict.fromkeys(emails))
    if len(wanted) > MOST_AT_ONCE:
        raise Invalid(f"At most {MOST_AT_ONCE} addresses at once. Nobody was invited yet.", field="emails")
    done = Invited([], [])
    for email in wanted:
        try:
            done.invitations.append(invite(by=by, organization=organization, email=email, role=role))
        except Problem as problem:
            done.refused.append((email, problem.detail))
    return done


def send_again(*, by: Actor, organization: Organization, invitation_id: str) -> Invitation:
    """
    Mail an invitation once more; it is good for 14 days from now, also one that had ended.

    Raises NotFound, Conflict, a 429 Problem, and Forbidden for a role above the asker's reach: the attack is an admin
    who wakes an owner's invitation that has ended.
    """
    standing = require(by, "member.manage", organization, confirmed=True)
    with rls.acting_as(f"org:{organization.pk}"):
        locked_organization(organization.pk)
        invitation = Invitation.objects.filter(organization=organization, pk=invitation_id).first()
        if invitation is None:
            raise NotFound
        check_role(standing, invitation.role)
        outsiders.keep_out(standing, invitation.email)
        _refuse_member(organization, invitation.email)
        guessing.count("invitation.again", invitation.pk)
        _count(organization, invitation.email)
        _send(by, invitation)
        invitation.save(update_fields=["sent_at", "expires_at"])
        trail.record(by, standing, "organizations.invitation.resend", invitation.pk, email=invitation.email)
    return invitation


def withdraw(*, by: Actor, organization: Organization, invitation_id: str) -> None:
    """Take an invitation back; raises NotFound."""
    standing = require(by, "member.manage", organization)
    with rls.acting_as(f"org:{organization.pk}"):
        invitation = Invitation.objects.filter(organization=organization, pk=invitation_id).first()
        if invitation is None:
            raise NotFound
        invitation.delete()
        trail.record(by, standing, "organizations.invitation.withdraw", invitation_id, email=invitation.email)


def withdraw_from(*, by: Actor, organization: Organization, email: str, because: str) -> None:
    """Take back what was sent to an address, in the caller's transaction, as the organization."""
    for invitation in Invitation.objects.filter(organization=organization, email__iexact=email):
        known = {"email": invitation.email, "because": because}
        trail.record(by, organization.pk, "organizations.invitation.withdraw", invitation.pk, **known)
        invitation.delete()


def offered(*, by: Actor) -> list[dict[str, Any]]:
    """Invitations to the verified e-mail address of the person who asks: id, organization, role and its name."""

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
    for row in found:
        with rls.reading_as(f"org:{row['organization_id']}"):
            row["role_name"] = role_name(row["organization_id"], row["role"])
    return found


@dataclass(frozen=True)
class Offer:
    """One invitation as whom it is for reads it."""

    invitation: Invitation
    role_name: str
    invited_by: User | None
    demands_own_sign_in: bool
    is_member: bool


def offer(*, by: Actor, invitation_id: str) -> Offer | None:
    """The invitation, if it is to the asker's own verified address and still open; None for any other."""
    found = next((row for row in offered(by=by) if row["id"] == invitation_id), None)
    if found is None:
        return None
    with rls.reading_as(f"org:{found['organization_id']}"):
        invitation = Invitation.objects.select_related("organization").filter(pk=invitation_id).first()
        if invitation is None:
            return None
        demands = asks_for_own_sign_in(invitation.organization, invitation.email)
        belongs = Membership.objects.filter(organization=invitation.organization, user_id=by.user_id).exists()
    return Offer(invitation, found["role_name"], _person(invitation.invited_by_id), demands, belongs)


def accept(*, by: Actor, invitation_id: str) -> Membership:
    """
    Take up an invitation made to the asker's own verified e-mail address.

    Only for a session proven by a way of the person's own, which is what verified that address. Raises NotFound for any
    other invitation, Conflict for somebody who already belongs.
    """
    found = _own(by, invitation_id)
    organization_id = found["organization_id"]
    with rls.acting_as(f"org:{organization_id}"):
        used, _ = Invitation.objects.filter(pk=invitation_id).delete()
        if not used:
            raise NotFound
        return memberships.admit(
            by=by, organization=organization_id, user=by.user_id, role=found["role"], invitation=invitation_id
        )


def decline(*, by: Actor, invitation_id: str) -> None:
    """Turn an invitation to the asker's own address down: it is gone. Raises NotFound for any other."""
    found = _own(by, invitation_id)
    organization_id = found["organization_id"]
    with rls.acting_as(f"org:{organization_id}"):
        invitation = Invitation.objects.filter(pk=invitation_id).first()
        if invitation is None:
            raise NotFound
        invitation.delete()
        trail.record(by, organization_id, "organizations.invitation.decline", invitation_id, email=invitation.email)


def _own(by: Actor, invitation_id: str) -> dict[str, Any]:
    if by.kind != "user" or not by.is_signed_in:
        raise Forbidden("Only a person who is signed in can answer an invitation.")
    found = next((row for row in offered(by=by) if row["id"] == invitation_id), None)
    if found is None:
        raise NotFound
    return found


def _refuse_member(organization: Organization, address: str) -> None:
    """
    Whoever invites sees the members, so this tells nothing new. The caller acts as the organization.

    An address that only a provider says of a member is a label: it must not keep its real owner from being invited.
    """
    members = Membership.objects.filter(organization=organization, user__email__iexact=address)
    verified = members.filter(user__email_verified=True).exists()
    if verified or (members.exists() and reach.proves(organization, address)):
        raise Conflict(
            f"{address} belongs to {organization} already.",
            code="ALREADY_MEMBER",
            hint="Nothing was changed. Their role is changed in the list of members.",
            field="email",
        )


def _count(organization: Organization, address: str) -> None:
    """Bounds the mails that one organization, or many together, can send: to all, and to one address."""
    guessing.count("invitation", organization.pk)
    guessing.count("invitation.address", address)


def _send(by: Actor, invitation: Invitation) -> None:
    """Renews the invitation, and writes its mail in the caller's transaction. The link in it holds no authority."""
    now = timezone.now()
    invitation.sent_at, invitation.expires_at = now, now + LIFETIME
    organization = invitation.organization
    mail.write(
        to=invitation.email,
        template="invitation",
        organization_id=organization.pk,
        context={
            "inviter": mail.unlinked(_named(_person(by.user_id))),
            "organization": mail.unlinked(organization.name),
            "role": role_name(organization.pk, invitation.role),
            "email": invitation.email,
            "until": f"{invitation.expires_at:%-d %B %Y}",
            "invitation_id": invitation.pk,
            "demands_own_sign_in": asks_for_own_sign_in(organization, invitation.email),
        },
    )


def _named(person: User | None) -> str:
    """By name and verified address; a name alone could be anybody's."""
    if person is None:
        return "An administrator"
    return f"{person.name or 'Somebody'} ({person.email})" if person.email_verified else str(person)


def _person(user_id: str | None) -> User | None:
    return people.person(user_id) if user_id else None
