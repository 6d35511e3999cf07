"""The ring of a tenant: how early a roll-out reaches it."""

from django.db import transaction

from controlplane.actor import Actor
from controlplane.problems import Invalid
from organizations import access
from organizations.actions import trail
from tenants.provisioning import mirror
from tenants.provisioning.models import Tenant


@transaction.atomic
def set_ring(*, by: Actor, tenant: Tenant, ring: str) -> Tenant:
    """
    Say in which ring a tenant is. Nothing that runs changes, nor a roll-out that has begun.

    Raises Invalid for a ring that there is not.
    """
    standing = access.require(by, "tenant.operate", tenant.organization_id)
    if ring not in Tenant.Ring.values:
        raise Invalid(f"Expected one of {', '.join(Tenant.Ring.values)}.", field="ring")
    tenant = mirror.locked(tenant.pk)
    if ring == tenant.ring:
        return tenant
    before, tenant.ring = tenant.ring, ring
    tenant.save(update_fields=["ring"])
    trail.record(by, standing, "tenants.tenant.set_ring", tenant.pk, name=tenant.name, before=before, ring=ring)
    return tenant
