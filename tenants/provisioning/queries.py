"""Reads of tenants and operations. Every one takes who is asking."""

from collections.abc import Iterable

from django.db.models import QuerySet

from billing.entitlements import entitlement_of
from controlplane.actor import Actor
from controlplane.problems import Forbidden, NotFound
from organizations import access
from organizations import queries as organizations
from tenants.provisioning.drift import Comparison, compare
from tenants.provisioning.kinds import READING
from tenants.provisioning.lifecycle import wanted
from tenants.provisioning.models import Operation, Tenant
from tenants.provisioning.problems import TenantNotFound


def visible_to(actor: Actor) -> QuerySet[Tenant]:
    """
    Tenants that somebody may look at, with organization and cell, deleted ones included.

    Raises Forbidden for an API key whose scopes leave tenants out.
    """
    _refuse_narrow_key(actor)
    return _belonging_to(actor, "tenant.view").select_related("organization", "cell")


def living(actor: Actor) -> QuerySet[Tenant]:
    """Tenants that somebody may look at and that are neither deleted nor in the recycle bin."""
    return visible_to(actor).filter(deleted_at__isnull=True, erases_at__isnull=True)


def in_bin(actor: Actor, organization_id: str) -> QuerySet[Tenant]:
    """Tenants in an organization's recycle bin."""
    return visible_to(actor).filter(organization_id=organization_id, deleted_at__isnull=True, erases_at__isnull=False)


def find(actor: Actor, tenant_id: str) -> Tenant:
    """
    One tenant, deleted or not.

    Raises TenantNotFound, also for a tenant of strangers, Forbidden for a member whose role leaves tenants out, and
    NotAdmitted to somebody who lacks what its organization demands of whoever enters.
    """
    _refuse_narrow_key(actor)
    tenant = _within_key(actor).filter(pk=tenant_id).select_related("organization", "cell").first()
    if tenant is None:
        raise TenantNotFound
    _require_sight(actor, tenant.organization_id, TenantNotFound())
    return tenant


def operations_visible_to(actor: Actor) -> QuerySet[Operation]:
    """Operations of all tenants that somebody may look at, the newest first, with their steps."""
    seen = Operation.objects.filter(tenant__in=visible_to(actor).select_related(None))
    return _with_steps(seen)


def operations_of(actor: Actor, tenant: Tenant) -> QuerySet[Operation]:
    """One tenant's operations, the newest first, with their steps."""
    return _with_steps(Operation.objects.filter(tenant=find(actor, tenant.pk)))


def operation(actor: Actor, operation_id: str) -> Operation:
    """One operation with its steps. Raises NotFound, Forbidden as `find` does."""
    _refuse_narrow_key(actor)
    missing = NotFound("There is no such operation.")
    found = _with_steps(Operation.objects.filter(pk=operation_id, tenant__in=_within_key(actor))).first()
    if found is None:
        raise missing
    _require_sight(actor, found.organization_id, missing)
    return found


def drift(tenant: Tenant) -> Comparison:
    """What a tenant is asked to be beside what it is. The caller has found the tenant as who is asking."""
    entitlement = entitlement_of(tenant.organization_id)
    return compare(tenant, wanted(tenant.requested, entitlement, in_bin=tenant.in_bin))


def in_the_way(tenant: Tenant) -> Operation | None:
    """What is going on that a change of the tenant has to wait for. The caller has found it as who is asking."""
    return tenant.operations.filter(state__in=Operation.OPEN).exclude(kind__in=READING).first()


def running_operations(actor: Actor, organization_ids: Iterable[str]) -> QuerySet[Operation]:
    """What is going on in some organizations, the newest first."""
    going_on = operations_visible_to(actor).filter(state__in=Operation.OPEN)
    return going_on.filter(organization_id__in=list(organization_ids))


def _belonging_to(actor: Actor, permission: str) -> QuerySet[Tenant]:
    """Tenants of the organizations where somebody has the permission."""
    return _within_key(actor).filter(organization__in=organizations.visible_to(actor, permission))


def _within_key(actor: Actor) -> QuerySet[Tenant]:
    """Every tenant, or those that a key was limited to."""
    tenants = Tenant.objects.all()
    return tenants if actor.tenant_ids is None else tenants.filter(pk__in=actor.tenant_ids)


def _refuse_narrow_key(actor: Actor) -> None:
    if actor.scopes is not None and "tenant.view" not in actor.scopes:
        raise Forbidden("This API key has no scope tenant.view.")


def _require_sight(actor: Actor, organization_id: str, missing: NotFound) -> None:
    """Refuses whoever does not see the organization's tenants. Args: missing: what strangers get."""
    try:
        access.require_sight(actor, "tenant.view", organization_id)
    except NotFound:
        raise missing from None


def _with_steps(operations: QuerySet[Operation]) -> QuerySet[Operation]:
    return operations.select_related("tenant").prefetch_related("steps")
