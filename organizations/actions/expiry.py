"""
Warns owners of what ends soon and takes a way in with it: 30, 7 and 1 days before, and when it has ended, once each.

A provider's last certificate is looked for by the clock. A provisioning token is warned of when it is used: one that
has ended takes nobody away any more, which only the provider's log would tell, and one that nobody uses is missed by
nobody.
"""

import datetime as dt

from django.db.models import Q

from controlplane import rls
from controlplane.actor import Actor
from organizations import owner_notices
from organizations.actions import facts, trail
from organizations.models import Connection, Organization, ScimToken

DAYS = (30, 7, 1, 0)


def certificates_due(at: dt.datetime) -> list[dict[str, str]]:
    """Connections for which a warning is due: id and organization."""
    with rls.acting_as(""):
        found: list[dict[str, str]] = rls.call(
            "organizations_certificates_due", at, otherwise=lambda: list(_on_sqlite(at))
        )
    return found


def warn_of_certificate(organization_id: str, connection_id: str, at: dt.datetime) -> int | None:
    """Audit, publish and mail the warning that is due; returns the days that it speaks of, None if none is due."""
    with rls.acting_as(f"org:{organization_id}"):
        connection = Connection.objects.select_related("organization").filter(pk=connection_id).first()
        days = _certificate_days(connection, at) if connection else None
        if connection is None or days is None or not _tells(connection, days):
            return None
        ends = connection.certificates_end_at.isoformat() if connection.certificates_end_at else ""
        clock = Actor.system("looking for certificates that end", organization_id=organization_id)
        told = {"name": connection.name, "days": days, "ends_at": ends}
        trail.record(clock, organization_id, "organizations.connection.certificate_ending", connection_id, **told)
        facts.publish(facts.CERTIFICATE_ENDING, organization_id=organization_id, connection=connection_id, ends_at=ends)
        _tell_owners(connection.organization, connection, "certificate_ending", days, connection.certificates_end_at)
    return days


def warn_of_token(token: ScimToken, at: dt.datetime) -> int | None:
    """Audit and mail what is due about a provisioning token, in the caller's transaction and as the organization."""
    days = _days_to_tell(token.expires_at, token.told_days_left, at)
    if days is None or not _tells(token, days):
        return None
    clock = Actor.system("a provisioning token in use ends soon", organization_id=token.organization_id)
    told = {"connection": token.connection_id, "days": days, "expires_at": token.expires_at.isoformat()}
    trail.record(clock, token.organization_id, "organizations.scim_token.ending", token.pk, **told)
    _tell_owners(token.organization, token.connection, "scim_token_ending", days, token.expires_at)
    return days


def _days_to_tell(ends_at: dt.datetime, told: int | None, at: dt.datetime) -> int | None:
    """The one of `DAYS` to speak of now, None where there is nothing new. Args: told: what was spoken of last."""
    reached = [days for days in DAYS if ends_at - at <= dt.timedelta(days=days)]
    return reached[-1] if reached and (told is None or reached[-1] < told) else None


def _tells(row: Connection | ScimToken, days: int) -> bool:
    """Whether it is this caller who warns: of several at once, the one whose update comes first."""
    untold = Q(told_days_left=None) | Q(told_days_left__gt=days)
    return bool(type(row).objects.filter(untold, pk=row.pk).update(told_days_left=days))


def _tell_owners(
    organization: Organization, connection: Connection, template: str, days: int, ends_at: dt.datetime | None
) -> None:
    owner_notices.tell_owners(
        organization,
        template,
        connection=connection.name,
        connection_id=connection.pk,
        days=days,
        ends=f"{ends_at:%-d %B %Y}",
    )


def _certificate_days(connection: Connection, at: dt.datetime) -> int | None:
    if connection.certificates_end_at is None or not connection.is_enabled:
        return None
    return _days_to_tell(connection.certificates_end_at, connection.told_days_left, at)


def _on_sqlite(at: dt.datetime) -> list[dict[str, str]]:
    near = Connection.objects.filter(
        state=Connection.State.ENABLED, certificates_end_at__lte=at + dt.timedelta(days=DAYS[0])
    )
    return [
        {"id": connection.pk, "organization_id": connection.organization_id}
        for connection in near
        if _certificate_days(connection, at) is not None
    ]
