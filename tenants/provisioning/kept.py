"""What becomes of a tenant's spec when a change of it did not hold: what runs is wanted again."""

from typing import Any

from controlplane import audit
from controlplane.actor import Actor
from tenants.provisioning import wakeups
from tenants.provisioning.models import Tenant


def want(tenant: Tenant, spec: dict[str, Any], why: str) -> None:
    """
    Want a spec that runs instead of the one that was asked for; nothing where they are the same.

    Part of an action, under the tenant's lock. The next claim hands it over under a new generation, so that both sides
    agree again and nothing is tried a second time.

    Args:
        spec: what the edge is known to carry out.
        why: for the trail.
    """
    asked = tenant.spec
    if asked == spec:
        return
    tenant.spec = spec
    tenant.save(update_fields=["spec"])
    wakeups.act_on(tenant)
    audit.record(
        by=Actor.system(why, organization_id=tenant.organization_id),
        action="tenants.tenant.version_kept",
        organization_id=tenant.organization_id,
        target=tenant.pk,
        data={"name": tenant.name, "asked": asked["version"], "version": spec["version"]},
    )
