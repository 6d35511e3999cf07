"""What a tenant's first page shows, and who may do what with an operation."""

from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from billing.entitlements import entitlement_of
from controlplane.actor import actor_of
from organizations import access
from organizations.names import names_of
from tenants.provisioning import lifecycle, marks, queries
from tenants.provisioning.actions import permission_for
from tenants.provisioning.dashboard_roles import role_within
from tenants.provisioning.frame import tenant_frame
from tenants.provisioning.kinds import REVERT
from tenants.provisioning.lifecycle import CERTIFICATE_NOTICE
from tenants.provisioning.models import Operation, Tenant
from tenants.provisioning.sighting import read_time
from tenants.provisioning.timeline import tell
from tenants.provisioning.topology import draw

PACE_WORKING, PACE_RESTING = 2, 5
"""Seconds between looks at a tenant that changes, and at one that rests."""

CHANGING = frozenset({"provisioning", "stopping"})


def overview_of(request: HttpRequest, tenant_id: str) -> dict[str, Any]:
    """What a tenant's first page shows of the tenant itself: the context of `tenants/live.html`."""
    actor = actor_of(request)
    tenant = queries.find(actor, tenant_id)
    permissions = access.require(actor, "tenant.view", tenant.organization_id).permissions
    operation = queries.operations_of(actor, tenant).first()
    view = tenant.edge_view or {}
    status = tenant.status
    return {
        "tenant": tenant,
        "status": marks.of_tenant(tenant),
        "topology": draw(tenant.spec, tenant.edge_view, request.GET.get("node", "")),
        "pace": PACE_WORKING if status in CHANGING else PACE_RESTING,
        "plan_name": entitlement_of(tenant.organization_id).plan.name,
        "agents": view.get("agents") or {},
        "last_event_at": (view.get("stream") or {}).get("last_event_at"),
        "ingest_verified_at": (view.get("ingest") or {}).get("verified_at"),
        **certificate_of(view),
        **_operation(actor_permissions=permissions, operation=operation, status=status),
        **_possible(tenant, permissions, status),
        "next_window": tenant.next_window,
        "frame": tenant_frame(request, tenant, permissions, here="Overview", section="overview"),
    }


def certificate_of(view: dict[str, Any]) -> dict[str, Any]:
    """The certificates in use as the edge told them, and a mark where their end is near."""
    certificate = view.get("certificate") or {}
    ends = read_time(certificate.get("not_after"))
    return {
        "certificate": certificate,
        "certificate_mark": marks.of_certificate(ends, timezone.now(), CERTIFICATE_NOTICE),
    }


def _operation(*, actor_permissions: frozenset[str], operation: Operation | None, status: str) -> dict[str, Any]:
    if operation is None:
        return {"timeline": None}
    names = names_of([operation.requested_by])
    return {
        "timeline": tell(operation),
        "failure_below": status == "failed" and operation.state == Operation.State.FAILED,
        "asked_by": asker_of(operation, names),
        "can_retry": may_retry(operation, actor_permissions),
        "can_abandon": may_abandon(operation, actor_permissions),
        "can_cancel": may_cancel(operation, actor_permissions),
    }


def asker_of(operation: Operation, names: dict[str, str]) -> str:
    """Who asked for an operation, in words."""
    if operation.source != Operation.Source.USER:
        return "the system" if operation.source == Operation.Source.SYSTEM else "the edge"
    name = names.get(operation.requested_by, "") or operation.requested_by or "somebody who has left"
    return f"{name}, by API key" if operation.requested_with else name


def may_retry(operation: Operation, permissions: frozenset[str]) -> bool:
    """Whether a Retry button would do something for somebody with `permissions`."""
    return operation.can_be_retried and permission_for(operation.kind) in permissions


def is_free(tenant: Tenant) -> bool:
    """Whether a change of the tenant can begin now."""
    return not tenant.is_leaving and queries.in_the_way(tenant) is None


def may_rotate(tenant: Tenant, permissions: frozenset[str], *, free: bool) -> bool:
    """Whether certificates or passwords can be exchanged now. Args: free: see `is_free`."""
    return free and tenant.status in ("running", "attention") and "tenant.operate" in permissions


def may_abandon(operation: Operation, permissions: frozenset[str]) -> bool:
    """Whether there is something to clean up after it, and somebody with `permissions` may."""
    kind = operation.known_kind
    if kind is None or kind.abandoned_by is None or operation.state != Operation.State.FAILED:
        return False
    taken_back = kind.abandoned_by == REVERT and operation.base_spec in (None, operation.tenant.spec)
    return not taken_back and not operation.tenant.is_leaving and permission_for(kind.abandoned_by) in permissions


def may_cancel(operation: Operation, permissions: frozenset[str]) -> bool:
    """Whether a Cancel button would do something for somebody with `permissions`."""
    kind = operation.known_kind
    if operation.state == Operation.State.SCHEDULED:
        return "tenant.operate" in permissions
    if not operation.is_open or kind is None or kind.instead or "tenant.operate" not in permissions:
        return False
    return not operation.handed_over or kind.compensated_by is not None


def _possible(tenant: Tenant, permissions: frozenset[str], status: str) -> dict[str, bool]:
    free = is_free(tenant)
    can_open = (
        status in ("running", "attention", "sleeping") or lifecycle.is_waking(tenant)
    ) and "dashboard.open" in permissions
    can_start = free and tenant.requested == Tenant.Requested.STOPPED and "tenant.operate" in permissions
    return {
        "can_open": can_open,
        "opens_read_only": role_within(permissions).variants == ("read_only",),
        "may_open_read_only": can_open and role_within(permissions).variants[0] != "read_only",
        "can_sleep": free and status in ("running", "attention") and "tenant.operate" in permissions,
        "can_wake": status == "sleeping" and "tenant.operate" in permissions,
        "can_start": can_start,
        "start_is_primary": can_start and status == "stopped",
        "can_undelete": tenant.in_bin
        and tenant.requested != Tenant.Requested.DELETED
        and "tenant.delete" in permissions,
        "can_rotate": may_rotate(tenant, permissions, free=free),
    }
