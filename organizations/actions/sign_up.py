"""Found an organization: by somebody who is signed in, or with an identity provider alone."""

from controlplane import rls
from controlplane.actor import Actor
from controlplane.problems import Forbidden
from organizations.actions import memberships
from organizations.actions.founding import checked_jurisdiction, checked_kind, checked_name, insert_organization
from organizations.models import Connection, Organization
from organizations.permissions import Role
from organizations.sso.saml.certificates import last_end
from organizations.sso.saml.metadata import IdpMetadata


def found(*, by: Actor, name: str, kind: str = Organization.Kind.ORGANIZATION, jurisdiction: str = "") -> Organization:
    """
    Found an active organization whose owner is the person who asks. Raises Invalid, Forbidden.

    Args: jurisdiction: where its tenants run and keep their data, for good; empty for anywhere.
    """
    if by.kind != "user" or not by.is_signed_in:
        raise Forbidden("Only a person who is signed in can found an organization.")
    where = checked_jurisdiction(jurisdiction)
    facts = {"name": checked_name(name), "kind": checked_kind(kind), "jurisdiction": where}
    organization = Organization(**facts, created_by_id=by.user_id)
    with rls.acting_as(f"org:{organization.pk}"):
        insert_organization(by=by, organization=organization, way="platform")
        memberships.admit(by=by, organization=organization, user=by.user_id, role=Role.OWNER)
    return organization


def found_with_saml(
    *, by: Actor, name: str, kind: str, metadata: IdpMetadata, source_url: str = "", jurisdiction: str = ""
) -> Connection:
    """
    Found a *pending* organization from an identity provider's metadata; returns its connection.

    Nobody belongs to it until the first validated assertion arrives at the connection: that person becomes the owner.
    """
    where = checked_jurisdiction(jurisdiction)
    facts = {"name": checked_name(name), "kind": checked_kind(kind), "jurisdiction": where}
    organization = Organization(**facts, state=Organization.State.PENDING)
    with rls.acting_as(f"org:{organization.pk}"):
        insert_organization(by=by, organization=organization, way="saml")
        return Connection.objects.create(
            organization=organization,
            kind=Connection.Kind.SAML,
            name="SAML",
            issuer=metadata.entity_id,
            sign_in_url=metadata.sign_in_url,
            certificates=metadata.certificates,
            certificates_end_at=last_end(metadata.certificates),
            source_url=source_url,
        )
