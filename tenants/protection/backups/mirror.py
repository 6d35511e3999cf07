"""Mirrors the edge's backups, by its feed and by reading them anew, in any order and any number of times."""

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Any

from django.utils import timezone

from controlplane.rls import acting_as
from tenants.protection.backups.models import Backup, part_of
from tenants.provisioning import mirror
from tenants.provisioning.changes import Change
from tenants.provisioning.edge_api import EdgeApi
from tenants.provisioning.edge_errors import EdgeError
from tenants.provisioning.feed import handles
from tenants.provisioning.models import Tenant
from tenants.provisioning.reconciler import REFRESHERS
from tenants.provisioning.sighting import Malformed, read_time

SHOWN = dt.timedelta(days=7)
"""How long a backup is listed that the edge refused to make."""


@handles("backup")
def note_backup(tenant: Tenant, change: Change) -> None:
    """The edge began, made or gave up a backup. Those that ended meanwhile are forgotten here too."""
    take_over(tenant, change.data)
    Backup.objects.filter(tenant=tenant, expires_at__lt=timezone.now()).delete()


def refresh(tenant: Tenant, edge: EdgeApi) -> Iterator[None]:
    """Read all backups anew, and forget what the edge does not list."""
    asked_at = timezone.now()
    listed = edge.backups(tenant.pk)
    with acting_as(f"org:{tenant.organization_id}"):
        mirror.locked(tenant.pk)
        kept = [take_over(tenant, told).pk for told in listed]
        known = Backup.objects.filter(tenant=tenant, acknowledged_at__lt=asked_at)
        known.exclude(pk__in=kept).delete()
    yield


REFRESHERS.append(refresh)


def take_over(tenant: Tenant, told: Mapping[str, Any]) -> Backup:
    """Part of a transaction under the tenant's lock: note what the edge says of one backup, unless more is known."""
    backup_id = str(told["id"])
    known = Backup.objects.filter(pk=backup_id, tenant=tenant).first()
    backup = known or Backup(pk=backup_id, tenant=tenant, organization_id=tenant.organization_id)
    state = Backup.State(told["state"])
    if known is not None and Backup.ORDER.index(state) < Backup.ORDER.index(Backup.State(known.state)):
        return backup
    backup.state, backup.kind = state, str(told["kind"])[:16]
    backup.created_at, backup.expires_at = _moment(told, "at"), _moment(told, "expires_at")
    backup.parts = [part_of(part) for part in told["parts"]]
    backup.error = told.get("error")
    backup.acknowledged_at = backup.acknowledged_at or timezone.now()
    # Whatever id the edge tells, it takes the place of no other tenant's.
    backup.save(force_insert=known is None)
    return backup


def give_up(backup: Backup, error: EdgeError) -> None:
    """The edge will never make this one; it is shown for a while, with why."""
    asked = Backup.objects.filter(pk=backup.pk, acknowledged_at__isnull=True)
    asked.update(state=Backup.State.FAILED, error=error.as_json(), expires_at=timezone.now() + SHOWN)


def _moment(told: Mapping[str, Any], name: str) -> dt.datetime:
    moment = read_time(told.get(name))
    if moment is None:
        raise Malformed(f"a backup has no {name}")
    return moment
