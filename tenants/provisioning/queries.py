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
    seen = Tenant.objects.filter(organization__in=organizations.visible_to(actor))
    if actor.tenant_ids is not None:
        seen = seen.filter(pk__in=actor.tenant_ids)
    return seen.select_related("organization", "cell")


def living(actor: Actor) -> QuerySet[Tenant]:
    """Tenants that somebody may look at and that are not deleted."""
    return visible_to(actor).filter(deleted_at__isnull=True)


def find(actor: Actor, tenant_id: str) -> Tenant:
    """
    One tenant, deleted or not. Raises TenantNotFound, also for a tenant that the asker may not see, and NotAdmitted to
    somebody who lacks what its organization demands of whoever enters.
    """
    tenant = visible_to(actor).filter(pk=tenant_id).first()
    if tenant is None:
        for organization_id in Tenant.objects.filter(pk=tenant_id).values_list("organization_id", flat=True):
            if isinstance(refusal := access.refusal(actor, organization_id), access.NotAdmitted):
                raise refusal
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
    """One operation with its steps. Raises NotFound."""
    found = operations_visible_to(actor).filter(pk=operation_id).first()
    if found is None:
        raise NotFound("There is no such operation.")
    return found


def running_operations(actor: Actor, organization_ids: Iterable[str]) -> QuerySet[Operation]:
    """What is going on in some organizations, the newest first."""
    going_on = operations_visible_to(actor).filter(state__in=Operation.OPEN)
    return going_on.filter(organization_id__in=list(organization_ids))
