"""
Warns owners of a provisioning token that is in use and ends soon: 30, 7 and 1 days before, once each.

A token that has ended takes nobody away any more, and only the provider's log would tell. It is warned of when it is
used, so that nothing has to look for it by the clock: one that nobody uses is missed by nobody.
"""

import datetime as dt

from django.db.models import Q

from controlplane import audit
from controlplane.actor import Actor
from organizations import owner_notices
from organizations.models import ScimToken

DAYS = (30, 7, 1)


def warn(token: ScimToken, at: dt.datetime) -> int | None:
    """
    Write the warning that is due, in the caller's transaction and as the organization; returns the days it speaks of.

    Of several requests at once, the one whose update comes first warns.
    """
    days = _due(token, at)
    untold = Q(told_days_left=None) | Q(told_days_left__gt=days)
    if days is None or not ScimToken.objects.filter(untold, pk=token.pk).update(told_days_left=days):
        return None
    audit.record(
        by=Actor.system("a provisioning token in use ends soon", organization_id=token.organization_id),
        action="organizations.scim_token.ending",
        organization_id=token.organization_id,
        target=token.pk,
        data={"connection": token.connection_id, "days": days, "expires_at": token.expires_at.isoformat()},
    )
    owner_notices.tell_owners(
        token.organization,
        "scim_token_ending",
        connection=token.connection.name,
        connection_id=token.connection_id,
        days=days,
        ends=f"{token.expires_at:%-d %B %Y}",
    )
    return days


def _due(token: ScimToken, at: dt.datetime) -> int | None:
    reached = [days for days in DAYS if token.expires_at - at <= dt.timedelta(days=days)]
    told = token.told_days_left
    return reached[-1] if reached and (told is None or reached[-1] < told) else None
