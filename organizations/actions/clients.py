"""Found an MSP's client."""

from django.utils import timezone

from controlplane import rls
from controlplane.actor import Actor
from controlplane.problems import Forbidden
from organizations.access import require_own
from organizations.actions import client_names, grants
from organizations.actions.founding import checked_jurisdiction, checked_name, insert_organization
from organizations.models import Grant, Organization
from organizations.permissions import Role


def create_client(
    *,
    by: Actor,
    msp: Organization,
    name: str,
    role_ceiling: str = Role.ADMIN,
    external_id: str = "",
    jurisdiction: str = "",
) -> Organization:
    """
    Found an organization that the MSP manages, with a standing grant to be reviewed in 180 days.

    Args:
        external_id: what the MSP calls it, once among its clients; empty for nothing.
        jurisdiction: where its tenants run and keep their data, for good; empty for anywhere.

    Raises Forbidden for an organization that is no MSP, Invalid for name and external id, ExternalIdTaken.
    """
    require_own(by, "client.manage", msp)
    if not msp.is_msp:
        raise Forbidden("Only a managed service provider has clients. Nothing was made.")
    ceiling = grants.checked_ceiling(role_ceiling)
    where = checked_jurisdiction(jurisdiction)
    client = Organization(name=checked_name(name), jurisdiction=where, created_by_id=by.user_id or None)
    with rls.acting_as(f"org:{client.pk}"):
        insert_organization(by=by, organization=client, way="msp")
        grant = Grant.objects.create(
            msp=msp, client=client, role_ceiling=ceiling, review_at=timezone.now() + grants.REVIEW_AFTER
        )
        grants.record(by, grant, "organizations.grant.create")
        client_names.give(msp.pk, client, external_id)
    return client
