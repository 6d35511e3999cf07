"""The maintenance window of a tenant."""

from typing import Any

from django.db import transaction

from controlplane.actor import Actor
from organizations import access
from organizations.actions import trail
from tenants.provisioning import mirror
from tenants.provisioning.models import Tenant
from tenants.provisioning.windows import Window


@transaction.atomic
def set_window(*, by: Actor, tenant: Tenant, window: dict[str, Any] | None) -> Tenant:
    """
    Say when a tenant's nodes may restart (see `windows.Window`); None for no window.

    What is scheduled already keeps its time. Raises Invalid naming every fault.
    """
    standing = access.require(by, "tenant.operate", tenant.organization_id)
    wanted = None if window is None else Window.read(window).as_json()
    tenant = mirror.locked(tenant.pk)
    if wanted == tenant.maintenance_window:
        return tenant
    before, tenant.maintenance_window = tenant.maintenance_window, wanted
    tenant.save(update_fields=["maintenance_window"])
    trail.record(
        by, standing, "tenants.tenant.set_maintenance_window", tenant.pk, name=tenant.name, before=before, window=wanted
    )
    return tenant
