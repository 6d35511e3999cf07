"""What whoever provisions tenants calls them: external ids."""

from django.db import IntegrityError, transaction

from controlplane.actor import Actor
from controlplane.problems import Forbidden
from organizations import access, external_ids
from organizations.actions import trail
from organizations.standings import Standing
from tenants.provisioning import mirror
from tenants.provisioning.models import Tenant


@transaction.atomic
def number(*, by: Actor, tenant: Tenant, external_id: str) -> Tenant:
    """
    Say what a tenant is called outside; empty for nothing.

    Raises Invalid, ExternalIdTaken, and Forbidden for an id in another organization's numbering: a client that
    overwrote its MSP's would have the MSP's tools lose the tenant.
    """
    standing = access.require(by, "tenant.operate", tenant.organization_id)
    tenant = mirror.locked(tenant.pk)
    before = tenant.external_id
    if before and tenant.external_id_of != external_ids.numbering_of(standing):
        raise Forbidden("Another organization gave this tenant its external id. Nothing was changed.")
    give(tenant, external_id, standing)
    trail.record(
        by, standing, "tenants.tenant.number", tenant.pk, name=tenant.name, before=before, external_id=external_id
    )
    return tenant


def give(tenant: Tenant, external_id: str, standing: Standing) -> None:
    """Part of an action: store an external id in the asker's own numbering. Raises Invalid, ExternalIdTaken."""
    tenant.external_id = external_ids.checked(external_id)
    tenant.external_id_of = external_ids.numbering_of(standing) if external_id else ""
    try:
        with transaction.atomic():
            tenant.save(update_fields=["external_id", "external_id_of"])
    except IntegrityError as error:
        raise external_ids.ExternalIdTaken(external_id) from error
