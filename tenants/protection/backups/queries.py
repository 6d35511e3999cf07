"""Reads of backups. Every one takes who is asking."""

from django.db.models import Q, QuerySet
from django.utils import timezone

from controlplane.actor import Actor
from organizations import access
from tenants.protection.backups.models import Backup
from tenants.protection.backups.problems import BackupNotFound
from tenants.provisioning.models import Tenant


def backups_of(actor: Actor, tenant: Tenant) -> QuerySet[Backup]:
    """A tenant's backups that are kept, the newest first; none of a tenant that is deleted."""
    access.require(actor, "tenant.view", tenant.organization_id)
    kept = Q(expires_at__isnull=True) | Q(expires_at__gt=timezone.now())
    return Backup.objects.filter(kept, tenant=tenant, tenant__deleted_at__isnull=True)


def backup(actor: Actor, tenant: Tenant, backup_id: str) -> Backup:
    """One backup. Raises BackupNotFound, also for one of another tenant."""
    found = backups_of(actor, tenant).filter(pk=backup_id).first()
    if found is None:
        raise BackupNotFound
    return found
