"""Provisioning tokens, and what else an owner says about a connection's directory."""

import datetime as dt

from django.db.models import QuerySet
from django.utils import timezone

from controlplane import rls
from controlplane.actor import Actor
from controlplane.ids import body_of, digest, make_token
from controlplane.problems import Conflict, Invalid, NotFound
from organizations.access import require
from organizations.actions import connections, trail, vouching
from organizations.actions.locks import locked_organization
from organizations.keys.models import LONGEST_DAYS
from organizations.models import Connection, DirectoryGroup, DirectoryUser, Membership, Organization, ScimToken
from organizations.scim.models import new_scim_token_id
from organizations.scim.people import ATTRIBUTES
from organizations.sso.claims import LONGEST_CLAIM
from organizations.standings import Standing

# One that works and its successor: more would only be forgotten.
MOST_TOKENS = 2


def create(
    *, by: Actor, organization: Organization, connection_id: str, expires_in: dt.timedelta
) -> tuple[ScimToken, str]:
    """
    Make a token for the directory of a connection; returns the row and its text, which is shown once.

    For owners only: whoever holds it decides about every membership, and by groups about every role.
    Raises Conflict where two tokens work already.
    """
    standing = require(by, "organization.manage", organization, confirmed=True)
    vouching.require_vouching(by, standing)
    if not dt.timedelta(days=1) <= expires_in <= dt.timedelta(days=LONGEST_DAYS):
        raise Invalid(f"A token lasts between a day and {LONGEST_DAYS} days.", field="expires_in_days")
    with rls.acting_as(f"org:{organization.pk}"):
        locked_organization(organization.pk)
        connection = connections.found(organization, connection_id)
        if _working(connection).count() >= MOST_TOKENS:
            raise Conflict(
                "Two tokens of this connection work already. No token was made.",
                code="TOO_MANY_TOKENS",
                hint="Revoke the one that your provider does not use any more.",
            )
        token = ScimToken(id=new_scim_token_id(), organization=organization, connection=connection)
        text = make_token("scim", organization.pk, body_of(token.pk))
        token.secret_digest, token.created_by_id = digest(text), by.user_id or None
        token.expires_at = timezone.now() + expires_in
        token.save(force_insert=True)
        told = {"connection": connection.pk, "expires_at": token.expires_at.isoformat()}
        trail.record(by, standing, "organizations.scim_token.create", token.pk, **told)
    return token, text


def revoke(*, by: Actor, organization: Organization, connection_id: str, token_id: str) -> ScimToken:
    """End a token at once; ending it again changes nothing. Raises NotFound."""
    standing = require(by, "sso.manage", organization, confirmed=True)
    with rls.acting_as(f"org:{organization.pk}"):
        token = ScimToken.objects.filter(organization=organization, connection_id=connection_id, pk=token_id).first()
        if token is None:
            raise NotFound
        _end(by, standing, token)
    return token


def set_subject(
    *, by: Actor, organization: Organization, connection_id: str, attribute: str, claim: str = ""
) -> Connection:
    """
    Say which SCIM attribute names people as the connection does at sign-in, and by which claim; none is the subject.

    It counts for rows that are tied to nobody yet. For owners only: it decides who is who.
    """
    standing = require(by, "organization.manage", organization, confirmed=True)
    vouching.require_vouching(by, standing)
    name = claim.strip()
    if attribute not in ATTRIBUTES:
        raise Invalid(f"The attribute is one of {', '.join(ATTRIBUTES)}.", field="attribute")
    if len(name) > LONGEST_CLAIM or not name.isprintable():
        raise Invalid(f"A claim's name has at most {LONGEST_CLAIM} characters.", field="claim")
    with rls.acting_as(f"org:{organization.pk}"):
        locked_organization(organization.pk)
        connection = connections.found(organization, connection_id)
        connection.provisioning = {"attribute": attribute, "claim": name}
        connection.save(update_fields=["provisioning"])
        connections.record(
            by, standing, connection, "organizations.connection.name_people", attribute=attribute, claim=name
        )
    return connection


def forget(*, by: Actor, organization: Organization, connection_id: str) -> None:
    """
    Stop provisioning by a connection: its tokens end, and what its directory said is forgotten.

    Members stay what they are, and who is blocked stays blocked until an administrator gives them a role.
    """
    standing = require(by, "organization.manage", organization, confirmed=True)
    with rls.acting_as(f"org:{organization.pk}"):
        locked_organization(organization.pk)
        connection = connections.found(organization, connection_id)
        for token in _working(connection):
            _end(by, standing, token)
        # The attack: whom the directory took away comes in by an ordinary sign-in, once nobody remembers that.
        Membership.objects.filter(organization=organization, blocked_by=connection).update(blocked_by=None)
        DirectoryGroup.objects.filter(connection=connection).delete()
        gone, _ = DirectoryUser.objects.filter(connection=connection).delete()
        connections.record(by, standing, connection, "organizations.connection.forget_directory", users=gone)


def _working(connection: Connection) -> QuerySet[ScimToken]:
    return ScimToken.objects.filter(connection=connection, revoked_at=None, expires_at__gt=timezone.now())


def _end(by: Actor, standing: Standing, token: ScimToken) -> None:
    now = timezone.now()
    if ScimToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=now):
        token.revoked_at = now
        trail.record(by, standing, "organizations.scim_token.revoke", token.pk, connection=token.connection_id)
