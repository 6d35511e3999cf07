"""
Who a proven identity is: the person behind it, a new person, or a refusal.

An identity is (provider id, subject). It is never matched by e-mail: whoever runs an identity provider may assert any
address, and an organization's provider authenticates into that organization only.
"""

import datetime as dt
from dataclasses import dataclass, replace

from allauth.socialaccount.models import SocialAccount
from django.db import IntegrityError
from django.utils import timezone

from controlplane import rls
from controlplane.actor import Actor
from controlplane.problems import Conflict, Forbidden, NotFound
from organizations.accounts import notices
from organizations.accounts.people import person_of_identity
from organizations.actions import directory_memberships, facts, joining, memberships, trail
from organizations.actions.locks import locked_organization
from organizations.actions.sign_in_trail import as_known_to
from organizations.models import Connection, Membership, Organization, User
from organizations.models.user import new_user_id
from organizations.permissions import Role
from organizations.scim import people
from organizations.sso.oidc.provider import PLATFORM
from organizations.sso.outlook import REASONS, outlook
from organizations.sso.proven import ProvenIdentity, SignInRefused

PENDING_LIFETIME = dt.timedelta(days=14)


def by_platform(*, by: Actor, identity: ProvenIdentity) -> User:
    """
    The person whom the platform's provider proved; a new one if nobody has the identity yet.

    Belonging to an organization is another matter. Raises SignInRefused.
    """
    if not identity.email_verified:
        raise _unverified()
    return holder(identity) or new_person(by, identity, way="platform")


def by_connection(*, by: Actor, connection: Connection, identity: ProvenIdentity) -> User | SignInRefused:
    """
    The member whom an organization's own connection proved. The first one ever makes a pending organization theirs.

    Others join where the connection lets people of a proven domain join; an account that exists is never taken over by
    that, whatever its address. Raises SignInRefused, with the same words for a stranger and for somebody who was a
    member once; returns it where something of it has to stay: that groups give a member no access any more.
    """
    with rls.acting_as(f"org:{connection.organization_id}"):
        by = as_known_to(by, connection.organization_id)
        organization = Organization.objects.get(pk=connection.organization_id)
        _check_enabled(connection)
        user = holder(identity)
        if user is None and not organization.is_active:
            return _found_pending(by, organization, connection, identity)
        provision = people.provision_of(connection, identity, user)
        membership = _membership(organization, user) if user else None
        if user is None or membership is None:
            return _join(by, connection, identity, user)
        if directory_memberships.bind(by=by, connection=connection, entry=provision.entry, user_id=user.pk):
            provision = people.provision_of(connection, identity, user)
        return _member(by, connection, membership, identity, provision, "organizations.session.begin") or user


def _member(
    by: Actor,
    connection: Connection,
    membership: Membership,
    identity: ProvenIdentity,
    provision: people.Provision,
    action: str,
) -> SignInRefused | None:
    """Brings a member's role to what the groups give and audits `action`; the refusal where they give none."""
    found = joining.apply(
        by=by,
        connection=connection,
        membership=membership,
        identity=identity,
        provision=provision,
    )
    if found.is_refused:
        return _refusal(found.fate, REASONS[found.fate])
    kept = {"kept": "owner, in spite of the groups"} if found.kept else {}
    _note_proof(by, connection, membership.user, action, **kept)
    return None


def _join(by: Actor, connection: Connection, identity: ProvenIdentity, user: User | None) -> User:
    """A member from now on: a new person, or one whom this very connection knows."""
    # A directory that takes them away at this moment comes before this, or finds the member that it ends.
    locked_organization(connection.organization_id)
    provision = people.provision_of(connection, identity, user)
    known = joining.known_of(connection, None, identity, provision)
    found = outlook(connection, provision.groups, known)
    if found.is_refused:
        raise _refusal(found.fate, REASONS[found.fate])
    if user is None and (known.email_disputed or not known.address_is_proven):
        # The directory's word lets them in, but proves no address.
        user = new_person(by, identity, way=connection.pk)
    if user is None:
        # The address is verified by the proof of its domain.
        user = new_person(by, replace(identity, email_verified=True), way=connection.pk)
    joining.join(by=by, connection=connection, user=user, found=found)
    directory_memberships.bind(by=by, connection=connection, entry=provision.entry, user_id=user.pk)
    _note_proof(by, connection, user, "organizations.session.begin")
    return user


def link(*, by: Actor, connection: Connection, identity: ProvenIdentity) -> SignInRefused | None:
    """
    Tie an identity of the organization's connection to the member who is signed in and proved both sides just now.

    The attack: a member whom the groups give less, or nothing any more, always enters by this door. So it ends as an
    ordinary sign-in does: roles follow the groups, and a refusal that has to stay is returned.
    Raises Forbidden for a non-member, Conflict where the identity or the member is tied already, SignInRefused where
    the connection was switched off meanwhile.
    """
    with rls.acting_as(f"org:{connection.organization_id}"):
        _check_enabled(connection)
        person = User.objects.filter(pk=by.user_id).first()
        membership = _membership(connection.organization, person) if person else None
        if person is None or membership is None:
            raise Forbidden("Only members can tie a sign-in of this organization to their account.")
        tied_to = holder(identity)
        if tied_to is not None and tied_to.pk != person.pk:
            raise Conflict("This sign-in belongs to another account. Nothing was changed.", code="IDENTITY_TAKEN")
        provision = people.provision_of(connection, identity, person)
        if provision.is_closed:
            raise Forbidden("Your organization's directory took you away. Nothing was changed.", code="DEPROVISIONED")
        _tie(person, identity)
        if provision.entry is not None:
            directory_memberships.bind(by=by, connection=connection, entry=provision.entry, user_id=person.pk)
            provision = people.provision_of(connection, identity, person)
        return _member(by, connection, membership, identity, provision, "organizations.identity.link")


def link_platform(*, by: Actor, identity: ProvenIdentity) -> None:
    """
    Tie an identity of the platform's provider to the person who is signed in and proved both sides just now.

    Raises SignInRefused without a verified address, Conflict where the identity or the person is tied already.
    """
    if not identity.email_verified:
        raise _unverified()
    tied_to = holder(identity)
    if tied_to is not None and tied_to.pk != by.user_id:
        raise Conflict("This sign-in belongs to another account. Nothing was changed.", code="IDENTITY_TAKEN")
    with rls.acting_as(f"user:{by.user_id}"):
        person = User.objects.get(pk=by.user_id)
        _tie(person, identity)
        notices.note(by=by, user=person, action="organizations.identity.link", name="the platform's sign-in")


@dataclass(frozen=True)
class Ways:
    """By what a person can sign in besides their own password and passkeys."""

    platform: bool
    connections: list[Connection]


def ways_of(user: User) -> Ways:
    """Whether the platform's sign-in is tied to somebody, and which connections of their organizations are."""
    with rls.reading_as(f"user:{user.pk}"):
        tied = set(SocialAccount.objects.filter(user_id=user.pk).values_list("provider", flat=True))
        connections = Connection.objects.filter(provider_id__in=tied, state=Connection.State.ENABLED)
        return Ways(PLATFORM in tied, list(connections.select_related("organization")))


def _membership(organization: Organization, user: User) -> Membership | None:
    found = Membership.objects.filter(user=user, organization=organization).first()
    if found is not None:
        found.user, found.organization = user, organization
    return found


def _tie(person: User, identity: ProvenIdentity) -> None:
    try:
        with rls.acting_as(f"user:{person.pk}"):
            tied, made = SocialAccount.objects.get_or_create(
                user=person, provider=identity.provider_id, defaults={"uid": identity.uid}
            )
    except IntegrityError as error:
        raise Conflict("This sign-in was tied to another account a moment ago.", code="IDENTITY_TAKEN") from error
    if not made and tied.uid != identity.uid:
        raise Conflict("Another sign-in of this connection is tied to your account.", code="ALREADY_LINKED")


def connection_by_id(connection_id: str) -> Connection:
    """A connection before anybody is signed in, found by its unguessable id. Raises NotFound."""
    rows = rls.call(
        "organizations_organization_of_connection",
        connection_id,
        otherwise=lambda: Connection.objects.filter(pk=connection_id).values("organization_id"),
    )
    found = next(iter(rows), None)
    if found is None:
        raise NotFound
    with rls.reading_as(f"org:{found['organization_id']}"):
        return Connection.objects.select_related("organization").get(pk=connection_id)


def holder(identity: ProvenIdentity) -> User | None:
    """The person who has the identity; raises SignInRefused for one who was switched off."""
    found = person_of_identity(identity.provider_id, identity.uid)
    if found is None:
        return None
    with rls.reading_as(f"user:{found}"):
        user = User.objects.get(pk=found)
    if not user.is_active:
        raise _refusal("ACCOUNT_OFF", "The account is switched off.")
    return user


def new_person(by: Actor, identity: ProvenIdentity, *, way: str) -> User:
    """Make the person of an identity that nobody has. Raises SignInRefused where somebody has the verified address."""
    user = User(id=new_user_id(), email=identity.email, email_verified=identity.email_verified, name=identity.name)
    user.set_unusable_password()
    try:
        with rls.acting_as(f"user:{user.pk}"):
            user.save(force_insert=True)
            SocialAccount.objects.create(user=user, provider=identity.provider_id, uid=identity.uid)
            trail.record(by, None, "organizations.person.create", user.pk, way=way)
    except IntegrityError as error:
        # Either the same person signs in twice at this moment, or the verified address belongs to somebody who is
        # known by another identity: those two are never joined without a sign-in on both sides.
        raise _refusal("IDENTITY_CLASH", "The verified e-mail address belongs to another identity.") from error
    return user


def _found_pending(by: Actor, organization: Organization, connection: Connection, identity: ProvenIdentity) -> User:
    """Makes the first proven person the owner. Of several at once exactly one wins: the update decides."""
    now = timezone.now()
    if organization.created_at < now - PENDING_LIFETIME:
        raise _refusal("SIGN_UP_EXPIRED", "Nobody signed in within 14 days of the sign-up.")
    won = Organization.objects.filter(pk=organization.pk, state=Organization.State.PENDING).update(
        state=Organization.State.ACTIVE, activated_at=now
    )
    if not won:
        raise _refusal("NOT_A_MEMBER", "Somebody else became the owner a moment ago.")
    user = new_person(by, identity, way=connection.pk)
    organization.refresh_from_db()
    organization.created_by_id = user.pk
    organization.save(update_fields=["created_by"])
    memberships.admit(by=by, organization=organization, user=user, role=Role.OWNER)
    facts.publish(facts.ORGANIZATION_CREATED, organization_id=organization.pk)
    _note_proof(by, connection, user, "organizations.organization.activate")
    return user


def _note_proof(by: Actor, connection: Connection, user: User, action: str, **more: str) -> None:
    Connection.objects.filter(pk=connection.pk, proven_at__isnull=True).update(proven_at=timezone.now())
    told = {"connection": connection.pk, "email": user.email, **more}
    trail.record(replace(by, user_id=by.user_id or user.pk), connection.organization_id, action, user.pk, **told)


def _check_enabled(connection: Connection) -> None:
    if not connection.is_enabled:
        raise _refusal("CONNECTION_DISABLED", "The connection is disabled.")


def _unverified() -> SignInRefused:
    return SignInRefused(
        "EMAIL_UNVERIFIED",
        "The platform's provider has not verified the e-mail address.",
        told="Your sign-in provider has not verified your e-mail address.",
        hint="Verify it there, then sign in again.",
    )


def _refusal(code: str, reason: str) -> SignInRefused:
    return SignInRefused(
        code,
        reason,
        told="This sign-in does not open anything here.",
        hint="Use the sign-in you used before, or ask an administrator of your organization to let you in.",
    )
