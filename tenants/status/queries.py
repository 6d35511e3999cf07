"""Reads of a tenant's status for its people, who work in its organization. Every one takes who is asking."""

from django.db.models import QuerySet

from controlplane.actor import Actor
from controlplane.problems import NotFound
from organizations import access
from tenants.provisioning.models import Tenant
from tenants.status.models import Incident, StatusLink, StatusSubscription, TenantPeriod


def periods_of(actor: Actor, tenant: Tenant) -> QuerySet[TenantPeriod]:
    """Its changes of state, the newest first."""
    access.require(actor, "tenant.view", tenant.organization_id)
    return TenantPeriod.objects.filter(tenant=tenant)


def links_of(actor: Actor, tenant: Tenant) -> QuerySet[StatusLink]:
    """Its public links, revoked ones included, the newest first."""
    access.require(actor, "tenant.view", tenant.organization_id)
    return StatusLink.objects.filter(tenant=tenant)


def link(actor: Actor, tenant: Tenant, link_id: str) -> StatusLink:
    """One public link. Raises NotFound."""
    found = links_of(actor, tenant).filter(pk=link_id).first()
    if found is None:
        raise NotFound("There is no such public link.")
    return found


def subscriptions_of(actor: Actor, tenant: Tenant) -> QuerySet[StatusSubscription]:
    """Who is told of it, or was asked to confirm that. Raises Forbidden for whoever may not change that."""
    access.require(actor, "tenant.operate", tenant.organization_id)
    return StatusSubscription.objects.filter(tenant_id=tenant.pk)


def incident(incident_id: str) -> Incident:
    """What staff told everybody. Raises NotFound."""
    found = Incident.objects.prefetch_related("updates").filter(pk=incident_id).first()
    if found is None:
        raise NotFound("There is no such incident.")
    return found
