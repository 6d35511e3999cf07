"""
Ask to join an organization, and what becomes of a request.

Whoever has proven an address of a domain may ask the organization that proved the domain, where it takes requests from
there. Before that, nobody learns that the organization is here. A request is nothing until somebody gives it a role.
"""

from dataclasses import dataclass, replace
from typing import Any

from django.utils import timezone

from controlplane import mail, rls
from controlplane.actor import Actor
from controlplane.problems import Conflict, NotFound
from organizations import owner_notices
from organizations.access import require
from organizations.accounts import guessing, people
from organizations.actions import invitations, memberships, outsiders, sign_in, sign_in_trail, trail
from organizations.actions.locks import locked_organization
from organizations.actions.members import check_role
from organizations.domain_names.names import domain_of
from organizations.models import Connection, Domain, Grant, JoinRequest, Membership, Organization, User
from organizations.roles.named import role_name
from organizations.sso.domains import reach
from organizations.sso.proven import ProvenIdentity
from organizations.standings import current


@dataclass(frozen=True)
class Askable:
    """An organization that takes a request of somebody's, and what became of theirs if they have asked lately."""

    organization_id: str
    organization_name: str
    request: JoinRequest | None


def askable(*, by: Actor) -> list[Askable]:
    """The organizations that the asker may ask, by their own verified address, and does not belong to."""
    if by.kind != "user" or not by.is_signed_in:
        return []
    with rls.reading_as(f"user:{by.user_id}"):
        found = rls.call("organizations_that_take_me", otherwise=lambda: _on_sqlite(by.user_id))
        mine = {row.organization_id: row for row in JoinRequest.objects.lately().filter(user_id=by.user_id)}
    return [Askable(row["id"], row["name"], mine.get(row["id"])) for row in found]


def ask(*, by: Actor, organization_id: str) -> JoinRequest:
    """
    Ask to join. Only for a session proven by a way of the person's own, which is what verified their address.

    Raises NotFound for an organization that takes no request of theirs, or is none, and Conflict where they have asked
    in the last 30 days.
    """
    person = people.person(by.user_id)
    if person is None or organization_id not in {each.organization_id for each in askable(by=by)}:
        raise NotFound
    return _keep(by, organization_id, person, person.email)


def take_back(*, by: Actor, organization_id: str) -> None:
    """Take one's own request back before it is decided. Raises NotFound."""
    with rls.reading_as(f"user:{by.user_id}"):
        mine = JoinRequest.objects.open().filter(user_id=by.user_id, organization_id=organization_id).first()
    if by.kind != "user" or mine is None:
        raise NotFound
    with rls.acting_as(f"org:{organization_id}"):
        # Who decides about it at this moment comes before this, and then there is nothing to take back, or after it.
        locked_organization(organization_id)
        taken, _ = JoinRequest.objects.open().filter(pk=mine.pk).delete()
        if not taken:
            raise NotFound
        trail.record(by, organization_id, "organizations.join_request.take_back", mine.pk, **_told(mine))


def askable_by_connection(*, connection: Connection, identity: ProvenIdentity) -> Askable | None:
    """
    The organization of a connection, for a stranger whom it proved; None where it takes no request of theirs.

    The address must lie in a domain that the organization proved, as for whoever joins by the first sign-in.
    """
    user = sign_in.holder(identity)
    with rls.reading_as(f"org:{connection.organization_id}"):
        organization = Organization.objects.get(pk=connection.organization_id)
        if not (organization.is_active and connection.is_enabled) or identity.email_disputed:
            return None
        if not reach.takes_requests(organization, identity.email):
            return None
        if user and Membership.objects.filter(organization=organization, user=user).exists():
            return None
        mine = JoinRequest.objects.lately().filter(organization=organization, user=user).first() if user else None
    return Askable(organization.pk, organization.name, mine)


def ask_by_connection(*, by: Actor, connection: Connection, identity: ProvenIdentity) -> JoinRequest:
    """
    Ask to join as whom the organization's own connection proved: a new person, or one whom it knows.

    Raises NotFound where no request is taken, Conflict as `ask` does, and SignInRefused where an account that exists
    has the address: it is never taken over, its owner asks with it.
    """
    if askable_by_connection(connection=connection, identity=identity) is None:
        raise NotFound
    user = sign_in.holder(identity)
    if user is None:
        # The address is verified by the proof of its domain.
        user = sign_in.new_person(by, replace(identity, email_verified=True), way=connection.pk)
    known = sign_in_trail.as_known_to(by, connection.organization_id)
    return _keep(replace(known, user_id=user.pk), connection.organization_id, user, identity.email)


def approve(*, by: Actor, organization: Organization, join_request_id: str, role: str) -> Membership:
    """
    Let somebody in who asked, with a role within the asker's own reach, and mail them.

    Raises NotFound, Invalid, Forbidden, and Conflict where the domain is not proven any more or they belong already.
    """
    standing = require(by, "member.manage", organization, confirmed=True)
    check_role(standing, role)
    with rls.acting_as(f"org:{organization.pk}"):
        request = _taken(organization, join_request_id)
        outsiders.keep_out(standing, request.email, request.user_id)
        if not reach.proves(organization, request.email):
            raise Conflict(
                "The domain of this address is not proven any more, so the request is worth nothing.",
                code="NOT_PROVEN",
                hint="Decline it, and invite the address if you know whose it is.",
            )
        invitations.withdraw_from(
            by=by, organization=organization, email=request.email, because="let in at their request"
        )
        membership = memberships.admit(
            by=by,
            organization=organization,
            user=request.user_id,
            role=role,
            grant_id=standing.grant_id,
            join_request=request.pk,
        )
        trail.record(by, standing, "organizations.join_request.approve", request.pk, role=role, **_told(request))
        _tell(organization, request, "join_approved", role=role_name(organization.pk, role))
    return membership


def decline(*, by: Actor, organization: Organization, join_request_id: str) -> None:
    """Turn a request down, and mail who asked: until it would have ended they can't ask again. Raises NotFound."""
    standing = require(by, "member.manage", organization)
    with rls.acting_as(f"org:{organization.pk}"):
        request = _taken(organization, join_request_id)
        request.declined_at = timezone.now()
        request.save(update_fields=["declined_at"])
        trail.record(by, standing, "organizations.join_request.decline", request.pk, **_told(request))
        _tell(organization, request, "join_declined", again=f"{request.ends_at:%-d %B %Y}")


def _keep(by: Actor, organization_id: str, person: User, email: str) -> JoinRequest:
    """Stores a request and tells who can decide. Of one person's, one counts at a time."""
    with rls.acting_as(f"org:{organization_id}"):
        organization = locked_organization(organization_id)
        mine = JoinRequest.objects.filter(organization=organization, user=person)
        if (before := mine.lately().first()) is not None:
            raise Conflict(
                "You have asked already. Nothing was changed.",
                code="ALREADY_ASKED",
                hint=f"You can ask again from {before.ends_at:%-d %B %Y} on.",
            )
        guessing.count("join", organization_id)
        mine.delete()
        request = JoinRequest.objects.create(organization=organization, user=person, email=email, name=person.name)
        trail.record(by, organization_id, "organizations.join_request.create", request.pk, **_told(request))
        _tell_those_who_decide(organization, name=mail.unlinked(person.name) or "Somebody", email=email)
    return request


def _tell_those_who_decide(organization: Organization, **asker: str) -> None:
    """Where nobody of the organization's own can decide, whoever looks after it for an MSP does."""
    if owner_notices.tell_those_who_may("member.manage", organization, "join_asked", **asker):
        return
    context = {"organization": organization.name, "organization_id": organization.pk, **asker}
    for grant in Grant.objects.filter(current(), client=organization, ends_at=None).select_related("msp"):
        with rls.acting_as(f"org:{grant.msp_id}"):
            owner_notices.tell_owners(grant.msp, "join_asked", **context)


def _taken(organization: Organization, join_request_id: str) -> JoinRequest:
    """An open request, about which nobody else decides until the transaction's end."""
    locked_organization(organization.pk)
    request = JoinRequest.objects.open().filter(organization=organization, pk=join_request_id).first()
    if request is None:
        raise NotFound
    return request


def _tell(organization: Organization, request: JoinRequest, template: str, **more: str) -> None:
    context = {"organization": mail.unlinked(organization.name), "organization_id": organization.pk, **more}
    mail.write(to=request.email, template=template, context=context, organization_id=organization.pk)


def _on_sqlite(user_id: str) -> list[dict[str, Any]]:
    person = User.objects.filter(pk=user_id, email_verified=True).first()
    rows = Domain.objects.filter(
        name=domain_of(person.email) if person else "",
        state__in=Domain.COUNTS,
        join_requests=True,
        organization__state=Organization.State.ACTIVE,
    ).exclude(organization__memberships__user_id=user_id)
    return [{"id": row.organization_id, "name": row.organization.name} for row in rows.select_related("organization")]


def _told(request: JoinRequest) -> dict[str, str]:
    return {"email": request.email, "user": request.user_id}
