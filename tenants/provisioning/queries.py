"""Reads of tenants and operations. Every one takes who is asking."""

from collections.abc import Iterable

from django.db.models import QuerySet

from controlplane.actor import Actor
from controlplane.problems import Forbidden, NotFound
from organizations import access
from organizations import queries as organizations
from tenants.provisioning.models import Operation, Tenant
from tenants.provisioning.problems import TenantNotFound


def visible_to(actor: Actor) -> QuerySet[Tenant]:
    """
    Tenants that somebody may look at, with organization and cell, deleted ones included.

    Raises Forbidden for an API key whose scopes leave tenants out.
    """
    if actor.scopes is not None and "tenant.view" not in actor.scopes:
        raise Forbidden("This API key has no scope tenant.view.")
    return _belonging_to(actor, "tenant.view").select_related("organization", "cell")


def living(actor: Actor) -> QuerySet[Tenant]:
    """Tenants that somebody may look at and that are not deleted."""
    return visible_to(actor).filter(deleted_at__isnull=True)


def find(actor: Actor, tenant_id: str) -> Tenant:
    """
    One tenant, deleted or not.

    Raises TenantNotFound, also for a tenant of strangers, Forbidden for a member whose role leaves tenants out, and
    NotAdmitted to somebody who lacks what its organization demands of whoever enters.
    """
    tenant = visible_to(actor).filter(pk=tenant_id).first()
    if tenant is None:
        for organization_id in Tenant.objects.filter(pk=tenant_id).values_list("organization_id", flat=True):
            if isinstance(refusal := access.refusal(actor, organization_id), access.NotAdmitted):
                raise refusal
        _refuse_who_knows(actor, tenant_id)
        raise TenantNotFound
    return tenant


def operations_visible_to(actor: Actor) -> QuerySet[Operation]:
    """Operations of all tenants that somebody may look at, the newest first, with their steps."""
    seen = Operation.objects.filter(tenant__in=visible_to(actor).select_related(None))
    return seen.select_related("tenant").prefetch_related("steps")


def operations_of(actor: Actor, tenant: Tenant) -> QuerySet[Operation]:
    """One tenant's operations, the newest first, with their steps."""
    return operations_visible_to(actor).filter(tenant=tenant)


def operation(actor: Actor, operation_id: str) -> Operation:
    """One operation with its steps. Raises NotFound, Forbidden as `find` does."""
    found = operations_visible_to(actor).filter(pk=operation_id).first()
    if found is None:
        _refuse_who_knows(actor, Operation.objects.filter(pk=operation_id).values_list("tenant_id", flat=True).first())
        raise NotFound("There is no such operation.")
    return found


def running_operations(actor: Actor, organization_ids: Iterable[str]) -> QuerySet[Operation]:
    """What is going on in some organizations, the newest first."""
    going_on = operations_visible_to(actor).filter(state__in=Operation.OPEN)
    return going_on.filter(organization_id__in=list(organization_ids))


def _belonging_to(actor: Actor, permission: str = "") -> QuerySet[Tenant]:
    """Tenants of the organizations that somebody may enter, or where they also have the permission."""
    seen = Tenant.objects.filter(organization__in=organizations.visible_to(actor, permission))
    return seen if actor.tenant_ids is None else seen.filter(pk__in=actor.tenant_ids)


def _refuse_who_knows(actor: Actor, tenant_id: str | None) -> None:
    """Says to a member that it is their role which hides the tenant; a stranger learns nothing."""
    if tenant_id and _belonging_to(actor).filter(pk=tenant_id).exists():
        raise Forbidden("Your role in this organization does not include “tenant.view”.")
