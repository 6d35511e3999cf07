"""Which tenant's stream is to be read, who reads it, and how far it was read."""

import datetime as dt
from typing import Any

from django.db.models import Q
from django.utils import timezone

from controlplane import rls
from fleet.alerts.models import AlertCursor
from tenants.provisioning.leases import is_dead, new_owner
from tenants.provisioning.models import Tenant

LEASE = dt.timedelta(minutes=2)
"""Longer than one stretch of the log takes to be read and written; it is renewed with each."""

LOOK_AGAIN = dt.timedelta(minutes=15)
"""After so long a stream is looked at although no mark came: one may have been lost with the feed."""

BATCH = 200


def make_due(tenant: Tenant) -> None:
    """Part of a transaction under the tenant's lock: have the stream read now, or again by who reads it now."""
    ensure(tenant)
    AlertCursor.objects.filter(tenant=tenant).update(due_at=timezone.now())


def ensure(tenant: Tenant) -> None:
    """Part of a transaction under the tenant's lock: have the stream, and the tenant, looked at now and then."""
    given = {"organization_id": tenant.organization_id, "due_at": timezone.now() + LOOK_AGAIN}
    AlertCursor.objects.get_or_create(tenant=tenant, defaults=given)


def due() -> list[dict[str, str]]:
    """Streams to be read now that nobody reads, the longest waiting first: `tenant_id`, `organization_id` of each."""
    now = timezone.now()
    return rls.call("alert_cursors_due", now, BATCH, otherwise=lambda: _due(now))


def claim(tenant_id: str) -> AlertCursor | None:
    """The sole right to read one tenant's stream; None where it is not due, or somebody else reads it."""
    cursor, now = AlertCursor.objects.filter(pk=tenant_id).first(), timezone.now()
    if cursor is None or cursor.due_at is None or cursor.due_at > now or _is_read(cursor, now):
        return None
    owner = new_owner()
    same = AlertCursor.objects.filter(pk=tenant_id, lease_owner=cursor.lease_owner, lease_until=cursor.lease_until)
    if not same.update(lease_owner=owner, lease_until=now + LEASE):
        return None
    cursor.lease_owner = owner
    return cursor


def advance(cursor: AlertCursor, read_to: int, read_at: dt.datetime | None) -> bool:
    """
    Move on and hold the right for another while; False if it went to somebody else, who reads the same anew.

    In the transaction in which the stretch is counted, so that no alert is counted twice.
    """
    mine = AlertCursor.objects.filter(pk=cursor.pk, lease_owner=cursor.lease_owner, read_to=cursor.read_to)
    moved = mine.update(read_to=read_to, read_at=read_at, lease_until=timezone.now() + LEASE)
    cursor.read_to, cursor.read_at = read_to, read_at
    return bool(moved)


def give_back(cursor: AlertCursor, *, again_in: dt.timedelta | None) -> None:
    """End the right to read. Args: again_in: when to look again; None for never. After a mark meanwhile it is now."""
    now = timezone.now()
    mine = AlertCursor.objects.select_for_update().filter(pk=cursor.pk, lease_owner=cursor.lease_owner).first()
    if mine is None:
        return
    mine.lease_owner, mine.lease_until = "", None
    made_due_meanwhile = mine.due_at != cursor.due_at
    mine.due_at = now if made_due_meanwhile else None if again_in is None else now + again_in
    mine.save(update_fields=["lease_owner", "lease_until", "due_at"])


def _is_read(cursor: AlertCursor, now: dt.datetime) -> bool:
    return cursor.lease_until is not None and cursor.lease_until > now and not is_dead(cursor.lease_owner)


def _due(now: dt.datetime) -> list[dict[str, Any]]:
    free = Q(lease_until=None) | Q(lease_until__lt=now)
    rows = AlertCursor.objects.filter(free, due_at__lte=now).order_by("due_at")
    return [dict(row) for row in rows.values("tenant_id", "organization_id")[:BATCH]]
