"""
Certificates of a SAML connection: the provider's, several at once while it exchanges them, and our own for requests.

Exchange of the provider's: add the next one, both are accepted; once the provider signs with it, remove the old one.
Exchange of ours: make the next one, which our metadata tell beside the present; once the provider knows it, switch.
"""

from controlplane import rls
from controlplane.actor import Actor
from controlplane.problems import Conflict, NotFound
from organizations.access import require
from organizations.actions import connections, vouching
from organizations.actions.locks import locked_organization
from organizations.models import Connection, Organization
from organizations.sso.saml.certificates import bare, fingerprint, own_pair
from organizations.sso.saml.metadata import usable_certificate

MOST = 5


def add(*, by: Actor, organization: Organization, connection_id: str, certificate: str) -> Connection:
    """Accept a further signing certificate of the provider, as PEM or base64. Raises Invalid, Conflict, Forbidden."""
    standing = require(by, "sso.manage", organization, confirmed=True)
    text = usable_certificate(bare(certificate), "certificate")
    with rls.acting_as(f"org:{organization.pk}"):
        connection = _locked(organization, connection_id)
        vouching.require_vouching_for(by, standing, connection)
        if text in connection.certificates:
            raise Conflict("This certificate is accepted already. Nothing was changed.", code="ALREADY_ADDED")
        if len(connection.certificates) >= MOST:
            raise Conflict(f"At most {MOST} certificates are accepted at once.", code="TOO_MANY")
        connections.put_certificates(connection, [*connection.certificates, text])
        connections.record(
            by, standing, connection, "organizations.connection.add_certificate", certificate=fingerprint(text)
        )
    return connection


def remove(*, by: Actor, organization: Organization, connection_id: str, fingerprint_of: str) -> Connection:
    """Accept a certificate no longer; never the last one. Args: fingerprint_of: SHA-256, hexadecimal."""
    standing = require(by, "sso.manage", organization, confirmed=True)
    wanted = fingerprint_of.replace(":", "").lower()
    with rls.acting_as(f"org:{organization.pk}"):
        connection = _locked(organization, connection_id)
        left = [text for text in connection.certificates if fingerprint(text) != wanted]
        if len(left) == len(connection.certificates):
            raise NotFound
        if not left:
            raise Conflict(
                "This is the only certificate of the provider. Nothing was changed.",
                code="LAST_CERTIFICATE",
                hint="Add the next one first.",
            )
        connections.put_certificates(connection, left)
        connections.record(by, standing, connection, "organizations.connection.remove_certificate", certificate=wanted)
    return connection


def sign_requests(*, by: Actor, organization: Organization, connection_id: str, wanted: bool) -> Connection:
    """Sign our requests from now on, with a key made for this connection alone; or no longer."""
    standing = require(by, "sso.manage", organization, confirmed=True)
    with rls.acting_as(f"org:{organization.pk}"):
        connection = _locked(organization, connection_id)
        connection.signs_requests = wanted
        if wanted and not connection.request_key:
            connection.request_key, connection.request_certificate = own_pair(connection.pk)
        connection.save(update_fields=["signs_requests", "request_key", "request_certificate"])
        connections.record(by, standing, connection, "organizations.connection.sign_requests", signed=wanted)
    return connection


def add_next_own(*, by: Actor, organization: Organization, connection_id: str) -> Connection:
    """Make our next key. Requests go on being signed by the present one; our metadata tell both."""
    standing = require(by, "sso.manage", organization, confirmed=True)
    with rls.acting_as(f"org:{organization.pk}"):
        connection = _locked(organization, connection_id)
        if not connection.signs_requests:
            raise Conflict("Requests of this connection are not signed. Nothing was changed.", code="NOT_SIGNED")
        connection.next_request_key, connection.next_request_certificate = own_pair(connection.pk)
        connection.save(update_fields=["next_request_key", "next_request_certificate"])
        connections.record(by, standing, connection, "organizations.connection.add_own_key")
    return connection


def switch_own(*, by: Actor, organization: Organization, connection_id: str) -> Connection:
    """Sign by our next key from now on, and forget the present one. Raises Conflict where there is no next one."""
    standing = require(by, "sso.manage", organization, confirmed=True)
    with rls.acting_as(f"org:{organization.pk}"):
        connection = _locked(organization, connection_id)
        if not connection.next_request_key:
            raise Conflict("There is no next key. Nothing was changed.", code="NO_NEXT_KEY", hint="Make one first.")
        connection.request_key, connection.request_certificate = (
            connection.next_request_key,
            connection.next_request_certificate,
        )
        connection.next_request_key = connection.next_request_certificate = ""
        connection.save()
        connections.record(by, standing, connection, "organizations.connection.switch_own_key")
    return connection


def _locked(organization: Organization, connection_id: str) -> Connection:
    """A SAML connection, so that of two changes at once none is lost."""
    locked_organization(organization.pk)
    return connections.of_kind(organization, connection_id, Connection.Kind.SAML)
