"""Backups on demand, and the ways back from one: in place, or as another tenant."""

from typing import Any, Unpack

from django.db import transaction
from django.utils import timezone

from controlplane import outbox
from controlplane.actor import Actor
from controlplane.problems import Conflict, FieldError
from organizations import access
from organizations.actions import trail
from tenants.protection import typed
from tenants.protection.backups.models import Backup
from tenants.protection.backups.problems import BackupNotFound
from tenants.provisioning import beside, mirror, specs
from tenants.provisioning.actions import ask, make, refuse_leaving, refuse_while_busy
from tenants.provisioning.kinds import CLONE, RESTORE
from tenants.provisioning.models import Operation, Tenant
from tenants.provisioning.problems import InvalidPlan, NotPossibleNow
from tenants.provisioning.scheduling import NOW, prepares
from tenants.provisioning.scheduling import ask as ask_when

ASKED = "tenants.backup.asked"


@transaction.atomic
def back_up(*, by: Actor, tenant: Tenant) -> Backup:
    """
    Have a backup made now; the edge keeps it for 30 days. A tenant that rests is saved as it was when it stopped.

    Raises NotPossibleNow for a tenant that never ran or is being deleted, Conflict while one is being made already.
    """
    standing = access.require(by, "tenant.operate", tenant.organization_id)
    tenant = mirror.locked(tenant.pk)
    refuse_leaving(tenant)
    if tenant.edge_view is None:
        raise NotPossibleNow("There is nothing of this tenant to back up.", "Start it and wait until it runs.")
    going = Backup.objects.filter(tenant=tenant, kind=Backup.Kind.ON_DEMAND, state=Backup.State.RUNNING)
    if going.exists():
        raise Conflict(
            "A backup of this tenant is being made already.", code="BACKUP_IN_PROGRESS", hint="Wait until it is made."
        )
    backup = Backup.objects.create(
        organization_id=tenant.organization_id,
        tenant=tenant,
        kind=Backup.Kind.ON_DEMAND,
        requested_by=by.user_id,
        created_at=timezone.now(),
    )
    outbox.publish(ASKED, key=backup.pk, organization_id=tenant.organization_id, payload={"backup": backup.pk})
    trail.record(by, standing, "tenants.tenant.back_up", tenant.pk, name=tenant.name, backup=backup.pk)
    return backup


@transaction.atomic
def restore(*, by: Actor, backup: Backup, confirm_name: str, when: str = NOW) -> Operation:
    """
    Put a backup in the place of what its tenant's nodes hold now, which the edge backs up before.

    Alerts that came after the backup stay, and agents that enrolled since are known again; the manager's rules, groups
    and settings are those of the backup. Raises Invalid unless the tenant's name was typed, NotPossibleNow for a tenant
    that is stopped or of an older version, OperationInProgress. Args: when: see `scheduling.ask`.
    """
    standing = access.require(by, "tenant.operate", backup.organization_id, confirmed=True)
    tenant = mirror.locked(backup.tenant_id)
    typed.require_name(tenant, confirm_name, "to restore it. Nothing was changed.")
    return ask_when(by, tenant, RESTORE, standing, when, backup=backup.pk)


@prepares(RESTORE)
def _restored(tenant: Tenant, backup: str) -> dict[str, Any]:
    kept = Backup.objects.filter(pk=backup, tenant=tenant).first()
    if kept is None:
        raise BackupNotFound
    _refuse_unmade(kept)
    if tenant.status not in ("running", "attention", "sleeping", "failed") or tenant.told_to != "running":
        raise NotPossibleNow("Only a tenant that was started can be restored.", "Start it and wait until it runs.")
    refuse_while_busy(tenant)
    beside.refuse_while_the_edge_works(tenant)
    if newer := newer_role(kept, tenant.spec["version"]):
        version = kept.versions[newer]
        raise NotPossibleNow(
            f"The {newer} wrote this backup as version {version}, and {tenant.spec['version']} can't read that.",
            f"Change the tenant to version {version} first, or make a new tenant of the backup.",
        )
    return dict(tenant.spec)


@transaction.atomic
def clone(
    *, by: Actor, backup: Backup, name: str, external_id: str = "", **wishes: Unpack[specs.Wishes]
) -> tuple[Tenant, Operation]:
    """
    Make another tenant of a backup, in the same organization and cell: its alerts, rules and groups, with
    certificates, passwords and agents of its own. What is not wished for is as its source has it.

    Raises what `provisioning.actions.create` does, and InvalidPlan for a version that can't read the backup.
    """
    standing = access.require(by, "tenant.create", backup.organization_id)
    source = backup.tenant
    _refuse_unmade(backup)
    wanted: specs.Wishes = {**specs.wishes_of(source.spec), **wishes}
    version = str(wanted.get("version") or source.spec["version"])
    if newer := newer_role(backup, version):
        fault = f"The {newer} wrote this backup as version {backup.versions[newer]}, and {version} can't read that."
        raise InvalidPlan(FieldError("version", fault))
    copy_from = {"tenant": source.pk, "backup": backup.pk}
    tenant = make(source.organization, standing, wanted, name=name, external_id=external_id, copy_from=copy_from)
    tenant.spec = specs.with_content(tenant.spec, source.spec.get("content"))
    tenant.save(update_fields=["spec"])
    stopped = Tenant.Requested.STOPPED
    return tenant, ask(by, tenant, CLONE, standing, base_requested=stopped, source=source.pk, backup=backup.pk)


def newer_role(backup: Backup, version: str) -> str | None:
    """The role that wrote its part in data formats which nodes of `version` need not understand."""
    ours = specs.series_of(version)
    return next((role for role, wrote in backup.versions.items() if specs.series_of(wrote) > ours), None)


def _refuse_unmade(backup: Backup) -> None:
    if backup.state != Backup.State.SUCCEEDED:
        words = "is not made yet" if backup.state == Backup.State.RUNNING else "could not be made"
        raise NotPossibleNow(f"This backup {words}.", "Choose another one.")
