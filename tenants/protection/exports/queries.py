"""Reads of exports. Every one takes who is asking."""

from django.db.models import Q, QuerySet
from django.utils import timezone

from controlplane.actor import Actor
from organizations import access
from tenants.protection.exports.models import Export
from tenants.protection.exports.problems import ExportNotFound
from tenants.provisioning.models import Tenant


def exports_of(actor: Actor, tenant: Tenant) -> QuerySet[Export]:
    """A tenant's exports that have not expired, the newest first. Raises as `access.require` for `tenant.view`."""
    access.require(actor, "tenant.view", tenant.organization_id)
    kept = Q(expires_at__isnull=True) | Q(expires_at__gt=timezone.now())
    found = Export.objects.filter(kept, tenant=tenant, tenant__deleted_at__isnull=True)
    return found.select_related("operation")


def export(actor: Actor, tenant: Tenant, export_id: str) -> Export:
    """One export. Raises ExportNotFound, also for one of another tenant."""
    found = exports_of(actor, tenant).filter(pk=export_id).first()
    if found is None:
        raise ExportNotFound
    return found
