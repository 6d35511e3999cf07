"""Warns of a provider's last certificate before it ends: 30, 7 and 1 days before, and when it has ended, once each."""

import datetime as dt

from django.db.models import Q

from controlplane import audit, rls
from controlplane.actor import Actor
from organizations import owner_notices
from organizations.actions import facts
from organizations.models import Connection

DAYS = (30, 7, 1, 0)


def due(at: dt.datetime) -> list[dict[str, str]]:
    """Connections for which a warning is due: id and organization."""
    with rls.acting_as(""):
        found: list[dict[str, str]] = rls.call(
            "organizations_certificates_due", at, otherwise=lambda: list(_on_sqlite(at))
        )
    return found


def warn(organization_id: str, connection_id: str, at: dt.datetime) -> int | None:
    """
    Write the warning that is due into the audit trail and publish it; the days that it speaks of, None if none is due.

    Of several workers the one whose update comes first warns.
    """
    with rls.acting_as(f"org:{organization_id}"):
        connection = Connection.objects.select_related("organization").filter(pk=connection_id).first()
        days = _days_to_tell(connection, at) if connection else None
        if connection is None or days is None:
            return None
        untold = Q(told_days_left=None) | Q(told_days_left__gt=days)
        if not Connection.objects.filter(untold, pk=connection_id).update(told_days_left=days):
            return None
        ends = connection.certificates_end_at.isoformat() if connection.certificates_end_at else ""
        audit.record(
            by=Actor.system("looking for certificates that end", organization_id=organization_id),
            action="organizations.connection.certificate_ending",
            organization_id=organization_id,
            target=connection_id,
            data={"name": connection.name, "days": days, "ends_at": ends},
        )
        facts.publish(facts.CERTIFICATE_ENDING, organization_id=organization_id, connection=connection_id, ends_at=ends)
        owner_notices.tell_owners(
            connection.organization,
            "certificate_ending",
            connection=connection.name,
            connection_id=connection_id,
            days=days,
            ends=f"{connection.certificates_end_at:%-d %B %Y}",
        )
    return days


def _days_to_tell(connection: Connection, at: dt.datetime) -> int | None:
    if connection.certificates_end_at is None or not connection.is_enabled:
        return None
    left = connection.certificates_end_at - at
    reached = [days for days in DAYS if left <= dt.timedelta(days=days)]
    told = connection.told_days_left
    return reached[-1] if reached and (told is None or reached[-1] < told) else None


def _on_sqlite(at: dt.datetime) -> list[dict[str, str]]:
    near = Connection.objects.filter(
        state=Connection.State.ENABLED, certificates_end_at__lte=at + dt.timedelta(days=DAYS[0])
    )
    return [
        {"id": connection.pk, "organization_id": connection.organization_id}
        for connection in near
        if _days_to_tell(connection, at) is not None
    ]
