"""Applies what the feed tells about access: dashboards that were really opened."""

from controlplane import audit
from controlplane.actor import Actor
from tenants.provisioning.changes import Change
from tenants.provisioning.feed import handles
from tenants.provisioning.models import Tenant


@handles("dashboard")
def note_opened_dashboard(tenant: Tenant, change: Change) -> None:
    """A code was redeemed: somebody is in the dashboard."""
    by = Actor.system("the edge told it", organization_id=tenant.organization_id)
    data = {name: str(change.data.get(name) or "") for name in ("user", "role", "variant", "session")}
    audit.record(
        by=by,
        action="tenants.dashboard.enter",
        organization_id=tenant.organization_id,
        target=tenant.pk,
        data={**data, "at": change.at},
    )
