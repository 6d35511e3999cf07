"""What becomes of a tenant's spec when a change of it did not hold: what runs is wanted again."""

from typing import Any

from controlplane import audit
from controlplane.actor import Actor
from tenants.provisioning import wakeups
from tenants.provisioning.models import Tenant

KEPT = {"content": "tenants.tenant.content_kept", "version": "tenants.tenant.version_kept"}
"""Part of a spec → what the trail says where it was not to be had."""


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
    part = "content" if asked.get("content") != spec.get("content") else "version"
    audit.record(
        by=Actor.system(why, organization_id=tenant.organization_id),
        action=KEPT[part],
        organization_id=tenant.organization_id,
        target=tenant.pk,
        data={"name": tenant.name, "asked": asked.get(part), part: spec.get(part)},
    )
