"""An organization's identity providers: add, renew, switch off, and demand them."""

import re
from typing import Any

from controlplane import rls
from controlplane.actor import Actor
from controlplane.problems import Conflict, Invalid, NotFound
from organizations.access import require
from organizations.actions import facts, trail, vouching
from organizations.actions.locks import locked_organization
from organizations.models import Connection, Domain, Membership, Organization
from organizations.sso.models import new_connection_id
from organizations.sso.oidc.provider import Discovered
from organizations.sso.saml.certificates import last_end
from organizations.sso.saml.metadata import IdpMetadata
from organizations.standings import Standing

LONGEST_CLIENT_ID = 255
MOST_CONNECTIONS = 20


def add_saml(
    *,
    by: Actor,
    organization: Organization,
    name: str,
    metadata: IdpMetadata,
    source_url: str = "",
    connection_id: str = "",
) -> Connection:
    """
    Add a SAML identity provider from its metadata. It signs in nobody until a member links themselves, and where no
    owner adds it, until an owner has switched it on.

    Args: connection_id: an id of ours whose addresses were told before, else a new one.
    """
    standing = require(by, "sso.manage", organization, confirmed=True)
    return _insert(
        by,
        standing,
        Connection(
            id=connection_id or new_connection_id(),
            organization=organization,
            kind=Connection.Kind.SAML,
            name=named(name),
            issuer=metadata.entity_id,
            sign_in_url=metadata.sign_in_url,
            certificates=metadata.certificates,
            certificates_end_at=last_end(metadata.certificates),
            source_url=source_url,
        ),
    )


def add_oidc(
    *,
    by: Actor,
    organization: Organization,
    name: str,
    provider: Discovered,
    client_id: str,
    client_secret: str,
    connection_id: str = "",
    scopes: str = "",
) -> Connection:
    """
    Add an OpenID provider and pin what it published. Raises Invalid naming the field.

    Args: connection_id: an id of ours whose redirect address was told before, else a new one. Raises Conflict where
    a connection has it.
    """
    standing = require(by, "sso.manage", organization, confirmed=True)
    endpoints = dict(provider.endpoints)
    if not 0 < len(client_id) <= LONGEST_CLIENT_ID:
        raise Invalid("The client id has between 1 and 255 characters.", field="client_id")
    return _insert(
        by,
        standing,
        Connection(
            id=connection_id or new_connection_id(),
            organization=organization,
            kind=Connection.Kind.OIDC,
            name=named(name),
            issuer=provider.issuer,
            source_url=provider.issuer,
            sign_in_url=endpoints.pop("authorization_endpoint"),
            endpoints=endpoints,
            client_id=client_id,
            client_secret=secret(client_secret),
            scopes=_scopes(scopes),
        ),
    )


def describe(
    *, by: Actor, organization: Organization, connection_id: str, name: str | None = None, scopes: str | None = None
) -> Connection:
    """Change a connection's name, or the scopes that an OpenID provider is asked for besides the usual ones."""
    standing = require(by, "sso.manage", organization)
    with rls.acting_as(f"org:{organization.pk}"):
        connection = found(organization, connection_id)
        connection.name = connection.name if name is None else named(name)
        connection.scopes = connection.scopes if scopes is None else _scopes(scopes)
        connection.save(update_fields=["name", "scopes"])
        record(by, standing, connection, "organizations.connection.describe", scopes=connection.scopes)
    return connection


def disable(*, by: Actor, organization: Organization, connection_id: str) -> Connection:
    """
    Switch a connection off: it signs in nobody, and sessions that it proved lose this organization at once.

    Raises Conflict for the last one that the organization's policy demands.
    """
    standing = require(by, "sso.manage", organization, confirmed=True)
    with rls.acting_as(f"org:{organization.pk}"):
        held = locked_organization(organization.pk)
        connection = found(organization, connection_id)
        _keep_a_way_in(held, connection)
        if not connection.is_enabled:
            return connection
        connection.state = Connection.State.DISABLED
        connection.save(update_fields=["state"])
        facts.publish(
            facts.CONNECTION_DISABLED,
            organization_id=organization.pk,
            connection=connection.pk,
        )
        record(by, standing, connection, "organizations.connection.disable")
    return connection


def enable(*, by: Actor, organization: Organization, connection_id: str) -> Connection:
    """Switch a connection on, the first time or again: an owner takes over what it accepts. Raises Forbidden."""
    standing = require(by, "sso.manage", organization, confirmed=True)
    vouching.require_vouching(by, standing)
    with rls.acting_as(f"org:{organization.pk}"):
        connection = found(organization, connection_id)
        if not connection.is_enabled:
            connection.state = Connection.State.ENABLED
            connection.save(update_fields=["state"])
            record(by, standing, connection, "organizations.connection.enable")
    return connection


def set_policy(*, by: Actor, organization: Organization, policy: str) -> Organization:
    """
    Say how members must sign in: `any`, or `connection` for the organization's own identity provider only.

    The stricter policy is taken only from somebody whose session was proven by such a connection, and with an owner
    for emergencies, so that nobody locks the organization out with one that does not work or is gone one day. Raises
    Conflict otherwise.
    """
    standing = require(by, "sso.manage", organization, confirmed=True)
    if policy not in Organization.SignInPolicy.values:
        raise Invalid(f"The policy is one of {', '.join(Organization.SignInPolicy.values)}.", field="policy")
    if policy == Organization.SignInPolicy.CONNECTION and standing.connection_id is None:
        raise Conflict(
            "Sign in with the connection yourself first: that proves that it works. Nothing was changed.",
            code="CONNECTION_UNPROVEN",
        )
    with rls.acting_as(f"org:{organization.pk}"):
        held = locked_organization(organization.pk)
        before, held.sign_in_policy = held.sign_in_policy, policy
        if policy == Organization.SignInPolicy.CONNECTION and held.break_glass_id is None:
            raise Conflict("Choose an owner for emergencies first. Nothing was changed.", code="BREAK_GLASS_NEEDED")
        held.save(update_fields=["sign_in_policy"])
        if policy == Organization.SignInPolicy.CONNECTION and before != policy:
            _end_what_other_ways_opened(held)
        trail.record(by, standing, "organizations.policy.change", held.pk, before=before, after=policy)
    return held


def _keep_a_way_in(held: Organization, connection: Connection) -> None:
    """Refuses to take the last proven connection from an organization, or from a domain, that takes nothing else."""
    if Domain.objects.filter(connection=connection, enforced=True).exists():
        raise Conflict(
            "Members of a domain must sign in with this connection. Nothing was changed.",
            code="LAST_CONNECTION",
            hint="Stop demanding it, on the page “Domains”, or demand another connection there.",
        )
    proven = Connection.objects.filter(organization=held, state=Connection.State.ENABLED, proven_at__isnull=False)
    demanded = held.sign_in_policy == Organization.SignInPolicy.CONNECTION
    if demanded and not proven.exclude(pk=connection.pk).exists():
        raise Conflict(
            "Members must sign in with this connection, and there is no other. Nothing was changed.",
            code="LAST_CONNECTION",
            hint="Accept the platform's sign-in again first, or add another connection.",
        )


def _end_what_other_ways_opened(organization: Organization) -> None:
    """
    Close every member's dashboards and streams: at the edge nothing tells which of them the platform's sign-in opened.

    Whoever has the organization's own sign-in opens theirs again.
    """
    members = Membership.objects.filter(organization=organization)
    facts.publish_for(facts.SIGN_IN_DEMANDED, organization.pk, members.values_list("user_id", flat=True))


def _insert(by: Actor, standing: Standing, connection: Connection) -> Connection:
    with rls.acting_as(f"org:{connection.organization_id}"):
        if Connection.objects.filter(organization=connection.organization).count() >= MOST_CONNECTIONS:
            raise Conflict(f"An organization has at most {MOST_CONNECTIONS} connections.", code="TOO_MANY")
        if Connection.objects.filter(pk=connection.pk).exists():
            raise Conflict("This connection was added already. Nothing was changed.", code="ALREADY_ADDED")
        connection.state = vouching.first_state(standing)
        connection.save(force_insert=True)
        record(by, standing, connection, "organizations.connection.create", state=connection.state)
    return connection


def put_certificates(connection: Connection, certificates: list[str]) -> None:
    """Store what is accepted from now on, and when the last of it ends; warnings begin anew."""
    connection.certificates = certificates
    connection.certificates_end_at, connection.told_days_left = last_end(certificates), None
    connection.save(update_fields=["certificates", "certificates_end_at", "told_days_left", "sign_in_url"])


def record(by: Actor, standing: Standing, connection: Connection, action: str, **more: Any) -> None:
    """Audit a change of a connection, in the caller's transaction."""
    data: dict[str, Any] = {"kind": connection.kind, "issuer": connection.issuer, "name": connection.name, **more}
    trail.record(by, standing, action, connection.pk, **data)


def found(organization: Organization, connection_id: str) -> Connection:
    """One connection of the organization, for a change of it. Raises NotFound."""
    connection = Connection.objects.filter(organization=organization, pk=connection_id).first()
    if connection is None:
        raise NotFound
    return connection


def of_kind(organization: Organization, connection_id: str, kind: str) -> Connection:
    """One connection of the organization and of a kind. Raises NotFound, Conflict."""
    connection = found(organization, connection_id)
    if connection.kind != kind:
        raise Conflict(f"This connection is of the kind {connection.kind}. Nothing was changed.")
    return connection


def named(name: str) -> str:
    tidy = " ".join(name.split())
    if not 1 <= len(tidy) <= 120:
        raise Invalid("The name has between 1 and 120 characters.", field="name")
    return tidy


def _scopes(text: str) -> str:
    scopes = " ".join(dict.fromkeys(text.split()))
    if len(scopes) > 255 or not re.fullmatch(r"[\x21\x23-\x5b\x5d-\x7e ]*", scopes):
        raise Invalid("Scopes are words between spaces, at most 255 characters in all.", field="scopes")
    return scopes


def secret(text: str) -> str:
    """A client secret that can be kept. Raises Invalid."""
    if not 0 < len(text) <= 512:
        raise Invalid("The client secret has between 1 and 512 characters.", field="client_secret")
    return text
