"""Takes over what changed at an identity provider: new metadata, discovery, or a client secret."""

from typing import Any

from controlplane import rls
from controlplane.actor import Actor
from controlplane.problems import Conflict, Invalid
from organizations.access import require
from organizations.actions import connections, vouching
from organizations.models import Connection, Organization
from organizations.sso.oidc.provider import Discovered, discover
from organizations.sso.saml import metadata
from organizations.sso.saml.metadata import IdpMetadata


def renew_saml(*, by: Actor, organization: Organization, connection_id: str, metadata: IdpMetadata) -> Connection:
    """Take over new certificates and addresses of the same identity provider; raises Invalid for another entity id."""
    standing = require(by, "sso.manage", organization, confirmed=True)
    with rls.acting_as(f"org:{organization.pk}"):
        connection = connections.of_kind(organization, connection_id, Connection.Kind.SAML)
        vouching.require_vouching_for(by, standing, connection)
        if metadata.entity_id != connection.issuer:
            raise Invalid(
                "The metadata is of another identity provider. Add that one as a new connection.", field="metadata_xml"
            )
        connection.sign_in_url = metadata.sign_in_url
        connections.put_certificates(connection, metadata.certificates)
        connections.record(by, standing, connection, "organizations.connection.renew")
    return connection


def renew_oidc(*, by: Actor, organization: Organization, connection_id: str, provider: Discovered) -> Connection:
    """Pin what an OpenID provider publishes now; raises Invalid for another issuer."""
    standing = require(by, "sso.manage", organization, confirmed=True)
    with rls.acting_as(f"org:{organization.pk}"):
        connection = connections.of_kind(organization, connection_id, Connection.Kind.OIDC)
        vouching.require_vouching_for(by, standing, connection)
        if provider.issuer != connection.issuer:
            raise Invalid("This is another issuer. Add it as a new connection.", field="issuer")
        endpoints = dict(provider.endpoints)
        connection.sign_in_url = endpoints.pop("authorization_endpoint")
        connection.endpoints = endpoints
        connection.save(update_fields=["sign_in_url", "endpoints"])
        connections.record(by, standing, connection, "organizations.connection.renew")
    return connection


def renew_secret(*, by: Actor, organization: Organization, connection_id: str, client_secret: str) -> Connection:
    """
    Replace an OpenID provider's client secret. The former one is tried as well until the new one has worked once.

    So nobody has to change both sides in the same second.
    """
    standing = require(by, "sso.manage", organization, confirmed=True)
    with rls.acting_as(f"org:{organization.pk}"):
        connection = connections.of_kind(organization, connection_id, Connection.Kind.OIDC)
        vouching.require_vouching_for(by, standing, connection)
        connection.former_secret = connection.client_secret
        connection.client_secret = connections.secret(client_secret)
        connection.save(update_fields=["client_secret", "former_secret"])
        connections.record(by, standing, connection, "organizations.connection.renew")
    return connection


def forget_former_secret(*, connection: Connection) -> None:
    """The new secret has worked: the one before is of no use to anybody but a thief."""
    with rls.acting_as(f"org:{connection.organization_id}"):
        worked = Connection.objects.select_for_update().filter(pk=connection.pk).first()
        if worked is not None and worked.client_secret == connection.client_secret:
            worked.former_secret = ""
            worked.save(update_fields=["former_secret"])


def refresh(*, by: Actor, organization: Organization, connection: Connection) -> str:
    """
    Take over what the provider publishes now; called outside any transaction. Returns what changed, in words.

    Raises Invalid for what can't be used, Conflict where nothing was read from an address.
    """
    if not connection.source_url:
        raise Conflict(
            "This connection was pasted or typed in, so there is no address to read again. Nothing was changed.",
            code="NO_SOURCE",
            hint="Give its new metadata instead.",
        )
    which: dict[str, Any] = {"by": by, "organization": organization, "connection_id": connection.pk}
    before = _facts(connection)
    if connection.is_saml:
        read = metadata.fetch(connection.source_url)
        with rls.acting_as(by.rls_actor):
            after = renew_saml(**which, metadata=read)
    else:
        found = discover(connection.source_url)
        with rls.acting_as(by.rls_actor):
            after = renew_oidc(**which, provider=found)
    changed = [name for name, value in _facts(after).items() if before[name] != value]
    return f"Read again. Changed: {', '.join(changed)}." if changed else "Read again. Nothing has changed."


def _facts(connection: Connection) -> dict[str, Any]:
    return {
        "sign-in address": connection.sign_in_url,
        "certificates": sorted(connection.certificates),
        "endpoints": connection.endpoints,
    }
