"""Periods of tenants: a row whenever what is known of a tenant comes to another state."""

from django.utils import timezone

from controlplane import outbox
from tenants.provisioning import mirror
from tenants.provisioning.models import Tenant
from tenants.status.models import TenantPeriod

State = TenantPeriod.State

CHANGED = "tenants.status.changed"
"""The fact that a tenant came into a state that subscribers are told of."""

_OF_STATUS = {
    "running": State.OPERATIONAL,
    "attention": State.OPERATIONAL,
    "sleeping": State.RESTING,
    "provisioning": State.CHANGING,
    "stopping": State.STOPPED,
    "stopped": State.STOPPED,
    "failed": State.DOWN,
    "binned": State.STOPPED,
    "deleted": State.STOPPED,
}
SETTLED = (State.OPERATIONAL, State.RESTING, State.STOPPED)


def state_of(tenant: Tenant) -> str:
    """
    What whoever relies on a tenant is told of it.

    What merely needs a look, as a certificate that ends in two weeks, is no degradation; nodes that are not up are.
    """
    status = tenant.status
    if status in ("running", "attention") and tenant.observed == "degraded":
        return State.DEGRADED
    return _OF_STATUS[status]


@mirror.watches
def note(tenant: Tenant) -> None:
    """Begin another period where the state is another one. The caller holds the tenant's lock."""
    state, now = state_of(tenant), timezone.now()
    newest = TenantPeriod.objects.filter(tenant=tenant, ended_at=None).first()
    if newest is not None and newest.state == state:
        return
    TenantPeriod.objects.filter(tenant=tenant, ended_at=None).update(ended_at=now)
    period = TenantPeriod.objects.create(
        organization_id=tenant.organization_id,
        tenant=tenant,
        state=state,
        reason=_reason(tenant, state)[:300],
        told=_is_told(tenant, state),
        created_at=now,
    )
    if period.told:
        outbox.publish(
            CHANGED, key=period.pk, organization_id=tenant.organization_id, payload={"period": period.pk, "after": ""}
        )


def _is_told(tenant: Tenant, state: str) -> bool:
    """People hear of trouble, and of its end: that is what settles after trouble that they heard of."""
    if state in TenantPeriod.BAD:
        return True
    told = TenantPeriod.objects.filter(tenant=tenant, told=True).order_by("-created_at", "-id").first()
    return state in SETTLED and told is not None and told.state in TenantPeriod.BAD


def _reason(tenant: Tenant, state: str) -> str:
    if state not in TenantPeriod.BAD:
        return ""
    told = tenant.reason or (tenant.edge_view or {}).get("reason") or {}
    return str(told.get("message") or "")
